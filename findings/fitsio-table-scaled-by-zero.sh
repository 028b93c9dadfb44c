#!/bin/sh
# astrogo/fitsio v0.3.0: the numbers of a table that it writes are zeros for other software.
#
# Expected: what was written. A table made from a struct says nothing of a scale, so there should
# be no TSCALn and TZEROn in its header, or 1 and 0.
# Seen: TSCAL1 = 0. By the FITS standard (section 7.3.2) the value is TZEROn + TSCALn × the number
# in the file, so all are 0, and astropy 8.0.2 reads that. fitsio itself passes over TSCALn, so a
# program that reads its own files notices nothing.
# Exits with an error when astropy reads what was written.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
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

func main() {
	type row struct {
		Flux float64 `fits:"flux"`
	}
	file, err := os.Create("table.fits")
	check(err)
	hdus, err := fitsio.Create(file)
	check(err)
	primary, err := fitsio.NewPrimaryHDU(nil)
	check(err)
	check(hdus.Write(primary))
	table, err := fitsio.NewTableFrom("stars", row{}, fitsio.BINARY_TBL)
	check(err)
	for _, flux := range []float64{1.5, 2.5} {
		check(table.Write(&row{Flux: flux}))
		fmt.Println("written:", flux)
	}
	check(hdus.Write(table))
	check(hdus.Close())
	check(file.Close())
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
venv/bin/python -W ignore - <<'EOF'
from astropy.io import fits

with fits.open("table.fits") as hdus:
    scale = hdus[1].header.get("TSCAL1")
    values = [float(v) for v in hdus[1].data["flux"]]
print("TSCAL1 =", scale, " read by astropy:", values)
if scale != 0 or values != [0, 0]:
    raise SystemExit("CHANGED: the scale was 0, and so were the values")
print("as stated: a scale of 0 is written")
EOF
