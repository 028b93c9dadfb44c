#!/bin/sh
# astrogo/fitsio v0.3.0: Image.Read takes no notice of BZERO and BSCALE.
#
# Expected: the pixels that were written, which the FITS standard (section 4.4.2.5) defines as
# BZERO + BSCALE × the number in the file. Unsigned integers, the raw data of most cameras, are
# stored that way, with BZERO 32768. (The file is written by astropy 8.0.2.)
# Seen: the numbers in the file, read into []uint16 as well: 32768 instead of 0, and 27232
# instead of 60000. No error, and nothing in the documentation.
# Exits with an error when other numbers are read.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
venv/bin/python - <<'EOF'
import numpy
from astropy.io import fits

fits.writeto("counts.fits", numpy.array([[0, 1, 60000]], numpy.uint16))
print("astropy:", fits.getdata("counts.fits")[0])
EOF
cat > go.mod <<'EOF'
module finding

go 1.26

require github.com/astrogo/fitsio v0.3.0
EOF
cat > main.go <<'EOF'
package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/astrogo/fitsio"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	file, err := os.Open("counts.fits")
	check(err)
	defer file.Close()
	hdus, err := fitsio.Open(file)
	check(err)
	image := hdus.HDU(0).(fitsio.Image)
	pixels := make([]uint16, 3)
	check(image.Read(&pixels))
	fmt.Println("fitsio: ", pixels, " BZERO:", image.Header().Get("BZERO").Value)
	if !slices.Equal(pixels, []uint16{32768, 32769, 27232}) {
		fmt.Println("CHANGED: they were 32768, 32769 and 27232")
		os.Exit(1)
	}
	fmt.Println("as stated: the pixels are off by BZERO")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
