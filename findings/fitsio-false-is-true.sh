#!/bin/sh
# astrogo/fitsio v0.3.0: each logical value of a binary table is read as true.
#
# Expected: true for the byte T, false for F, as the FITS standard defines a column of format L
# (section 7.3.3.1). (The file is written by astropy 8.0.2.)
# Seen: true for both; only a byte of zero, which the standard has for "no value", is false.
# Exits with an error when F is read as false.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
venv/bin/python - <<'EOF'
from astropy.io import fits

column = fits.Column("star", "L", array=[True, False, False])
fits.BinTableHDU.from_columns([column]).writeto("table.fits")
print("astropy:", [bool(v) for v in fits.getdata("table.fits")["star"]])
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
	file, err := os.Open("table.fits")
	check(err)
	defer file.Close()
	hdus, err := fitsio.Open(file)
	check(err)
	table := hdus.HDU(1).(*fitsio.Table)
	rows, err := table.Read(0, table.NumRows())
	check(err)
	var values []bool
	for rows.Next() {
		var v bool
		check(rows.Scan(&v))
		values = append(values, v)
	}
	check(rows.Err())
	fmt.Println("fitsio: ", values)
	if !slices.Equal(values, []bool{true, true, true}) {
		fmt.Println("CHANGED: all were true")
		os.Exit(1)
	}
	fmt.Println("as stated: false is read as true")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
