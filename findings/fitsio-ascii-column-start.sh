#!/bin/sh
# astrogo/fitsio v0.3.0: columns of an ASCII table are read from wrong places where there is
# anything between them.
#
# Expected: each column begins where TBCOLn says (FITS standard, section 7.2.1); most ASCII tables
# have a blank between columns. The table here has I4 from byte 1 and, after a blank, F6.2 from
# byte 6.
# Seen: the columns are taken for adjacent. The second one is read from byte 5 on, one byte short:
# 11.2 instead of 11.25, with no error.
# Exits with an error when other numbers are read.
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
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/astrogo/fitsio"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// block is lines of 80 characters, filled with blanks to a multiple of 2880.
func block(lines ...string) string {
	var all strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&all, "%-80s", line)
	}
	return all.String() + strings.Repeat(" ", (2880-all.Len()%2880)%2880)
}

func main() {
	rows := []string{"  17  11.25", "  42 103.50"}
	text := strings.Join(rows, "")
	content := block(
		"SIMPLE  =                    T", "BITPIX  =                    8",
		"NAXIS   =                    0", "EXTEND  =                    T", "END",
	) + block(
		"XTENSION= 'TABLE   '", "BITPIX  =                    8", "NAXIS   =                    2",
		"NAXIS1  =                   11", "NAXIS2  =                    2",
		"PCOUNT  =                    0", "GCOUNT  =                    1",
		"TFIELDS =                    2",
		"TTYPE1  = 'id      '", "TFORM1  = 'I4      '", "TBCOL1  =                    1",
		"TTYPE2  = 'flux    '", "TFORM2  = 'F6.2    '", "TBCOL2  =                    6",
		"END",
	) + text + strings.Repeat(" ", 2880-len(text))
	hdus, err := fitsio.Open(bytes.NewReader([]byte(content)))
	check(err)
	table := hdus.HDU(1).(*fitsio.Table)
	read, err := table.Read(0, 2)
	check(err)
	var fluxes []float64
	for read.Next() {
		var id int
		var flux float64
		check(read.Scan(&id, &flux))
		fmt.Printf("row %q is read as %d and %g\n", rows[len(fluxes)], id, flux)
		fluxes = append(fluxes, flux)
	}
	check(read.Err())
	if len(fluxes) != 2 || fluxes[0] != 11.2 || fluxes[1] != 103.5 {
		fmt.Println("CHANGED: the second column was 11.2 and 103.5")
		os.Exit(1)
	}
	fmt.Println("as stated: TBCOL2 isn't heeded, and a digit is lost")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
