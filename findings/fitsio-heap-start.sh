#!/bin/sh
# astrogo/fitsio v0.3.0: with the keyword THEAP, arrays of variable length are read from a wrong
# place.
#
# Expected: THEAP counts from the beginning of the table's data (FITS standard, section 7.3.2), so
# that its default is NAXIS1 × NAXIS2, and a header that states this value means the same as one
# without it.
# Seen: fitsio counts from the end of the rows. With THEAP at its default the arrays are read from
# the padding: zeros, with no error. (The files are written by astropy 8.0.2.)
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

arrays = numpy.empty(2, object)
arrays[:] = [numpy.array([7, 8]), numpy.array([9])]
table = fits.BinTableHDU.from_columns([fits.Column("v", "PJ()", array=arrays)])
table.writeto("without.fits")
table.header["THEAP"] = table.header["NAXIS1"] * table.header["NAXIS2"]
table.writeto("with.fits")
for name in ["without.fits", "with.fits"]:
    print("astropy:", name, [list(map(int, v)) for v in fits.getdata(name)["v"]])
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

	"github.com/astrogo/fitsio"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func arrays(name string) string {
	file, err := os.Open(name)
	check(err)
	defer file.Close()
	hdus, err := fitsio.Open(file)
	check(err)
	rows, err := hdus.HDU(1).(*fitsio.Table).Read(0, 2)
	check(err)
	var all [][]int32
	for rows.Next() {
		var v []int32
		check(rows.Scan(&v))
		all = append(all, v)
	}
	check(rows.Err())
	fmt.Println("fitsio: ", name, all)
	return fmt.Sprint(all)
}

func main() {
	if arrays("without.fits") != "[[7 8] [9]]" || arrays("with.fits") != "[[0 0] [0]]" {
		fmt.Println("CHANGED: they were [[7 8] [9]] without THEAP, and [[0 0] [0]] with it")
		os.Exit(1)
	}
	fmt.Println("as stated: with THEAP the arrays are zeros")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
