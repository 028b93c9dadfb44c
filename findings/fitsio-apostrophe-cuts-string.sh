#!/bin/sh
# astrogo/fitsio v0.3.0: a header's string that it writes is cut at its apostrophe.
#
# Expected: an apostrophe within a string is written as two, since a single one ends the string
# (FITS standard, section 4.2.1.1), and what is read is what was written.
# Seen: the card is OBJECT = 'Stephan's Quintet', of which fitsio itself reads "Stephan", and of a
# field of view of 5' x 5' the 5, with no error. A card with two apostrophes, as other software
# writes it, is read as it should be.
# Exits with an error when the strings are read as they were written.
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

	"github.com/astrogo/fitsio"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func write(name string, cards ...fitsio.Card) {
	out, err := os.Create(name)
	check(err)
	file, err := fitsio.Create(out)
	check(err)
	img := fitsio.NewImage(-32, []int{1, 1})
	check(img.Header().Append(cards...))
	check(img.Write([]float32{1}))
	check(file.Write(img))
	check(file.Close())
	check(out.Close())
}

func read(name, key string) string {
	in, err := os.Open(name)
	check(err)
	defer in.Close()
	file, err := fitsio.Open(in)
	check(err)
	value := fmt.Sprint(file.HDU(0).Header().Get(key).Value)
	fmt.Printf("%s, %s: %q\n", name, key, value)
	return value
}

func main() {
	write("image.fits", fitsio.Card{Name: "OBJECT", Value: "Stephan's Quintet"},
		fitsio.Card{Name: "FIELD", Value: "5' x 5'"})
	data, err := os.ReadFile("image.fits")
	check(err)
	at := bytes.Index(data, []byte("OBJECT"))
	fmt.Printf("card: %s\n", bytes.TrimSpace(data[at:at+80]))
	object, field := read("image.fits", "OBJECT"), read("image.fits", "FIELD")

	doubled := bytes.Replace(data, []byte("Stephan's Quintet' "), []byte("Stephan''s Quintet'"), 1)
	check(os.WriteFile("standard.fits", doubled, 0o644))
	if read("standard.fits", "OBJECT") != "Stephan's Quintet" {
		fmt.Println("CHANGED: with two apostrophes the string was read as it should be")
		os.Exit(1)
	}
	if object != "Stephan" || field != "5" {
		fmt.Println(`CHANGED: the strings were read as "Stephan" and "5"`)
		os.Exit(1)
	}
	fmt.Println("as stated: the strings are cut")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
