#!/bin/sh
# astrogo/fitsio v0.3.0: the strings of a table that it writes begin with a null byte.
#
# Expected: a catalog's names are read as they were written. By the FITS standard (section 7.3.3.1)
# a null byte ends a string, and one at its beginning stands for no string at all.
# Seen: fitsio writes such a byte before each string, and takes it off when it reads, so a program
# that reads its own files notices nothing. astropy 8.0.2 reads the byte and what follows: no name
# is equal to the one that was written.
# Exits with an error when the names are read as they were written.
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

type galaxy struct {
	Name string `fits:"name"`
}

func main() {
	out, err := os.Create("catalog.fits")
	check(err)
	file, err := fitsio.Create(out)
	check(err)
	primary, err := fitsio.NewPrimaryHDU(nil)
	check(err)
	check(file.Write(primary))
	table, err := fitsio.NewTableFrom("catalog", galaxy{}, fitsio.BINARY_TBL)
	check(err)
	for _, name := range []string{"NGC 1300", "M 51"} {
		check(table.Write(&galaxy{Name: name}))
	}
	check(file.Write(table))
	check(file.Close())
	check(out.Close())

	in, err := os.Open("catalog.fits")
	check(err)
	defer in.Close()
	file, err = fitsio.Open(in)
	check(err)
	rows, err := file.HDU(1).(*fitsio.Table).Read(0, 2)
	check(err)
	for rows.Next() {
		var g galaxy
		check(rows.Scan(&g))
		fmt.Printf("astrogo/fitsio: %q\n", g.Name)
	}
	check(rows.Err())
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
venv/bin/python -W ignore - <<'EOF'
from astropy.table import Table

names = Table.read("catalog.fits", 1)["name"]
field = open("catalog.fits", "rb").read()[-2880:][:9]
print("in the file:", field)
print("astropy:", names.tolist())
if field != b"\0NGC 1300":
    raise SystemExit("CHANGED: the first name began with a null byte")
if (names == "NGC 1300").any() or (names == "M 51").any():
    raise SystemExit("CHANGED: no name was equal to the one that was written")
print("as stated: the names begin with a null byte")
EOF
