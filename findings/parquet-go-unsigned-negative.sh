#!/bin/sh
# parquet-go v0.32.0: unsigned numbers that are read into a wider type become negative.
#
# Expected: a column of uint32, such as identifiers in a catalog, is read into int64 or float64 with
# its numbers, which both can hold. ReadFile is documented to return an error where the type isn't
# compatible with the file.
# Seen: 4294967295 is read as -1 and 3000000000 as -1294967296, with no error: the numbers are
# converted as the int32 that they are stored in, without regard to the column's type. Read into
# uint32 they are right.
# Exits with an error when the numbers are kept, or refused.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'EOF'
module finding

go 1.26

require github.com/parquet-go/parquet-go v0.32.0
EOF
cat > main.go <<'EOF'
package main

import (
	"fmt"
	"os"

	"github.com/parquet-go/parquet-go"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

type row[T any] struct {
	ID T `parquet:"id"`
}

// read prints and returns the column as numbers of a type.
func read[T any]() string {
	rows, err := parquet.ReadFile[row[T]]("catalog.parquet")
	check(err)
	ids := make([]T, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	fmt.Printf("read as %T: %v\n", *new(T), ids)
	return fmt.Sprint(ids)
}

func main() {
	check(parquet.WriteFile("catalog.parquet", []row[uint32]{{1}, {3000000000}, {4294967295}}))
	if read[uint32]() != "[1 3000000000 4294967295]" {
		fmt.Println("CHANGED: read as uint32 the numbers were right")
		os.Exit(1)
	}
	if read[int64]() != "[1 -1294967296 -1]" || read[float64]() != "[1 -1.294967296e+09 -1]" {
		fmt.Println("CHANGED: read as int64 and float64 the second and third were negative")
		os.Exit(1)
	}
	fmt.Println("as stated: the numbers become negative")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
