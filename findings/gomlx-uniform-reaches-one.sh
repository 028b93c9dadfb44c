#!/bin/sh
# GoMLX v0.28.2 (compute v0.1.2, its Go backend): RandomUniform in half precision returns 1.
#
# Expected: numbers below 1; its documentation promises the half-open interval [0, 1), and that
# 1 is never returned. log(1−u) relies on it.
# Seen: of 100,000 bfloat16 numbers about 200 are exactly 1, of as many float16 numbers about
# 20. (Numbers are drawn below 1 in float32, and rounded to half precision after that.)
# Exits with an error when no number is 1.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'EOF'
module finding

go 1.26

require (
	github.com/gomlx/compute v0.1.2
	github.com/gomlx/gomlx v0.28.2
)
EOF
cat > main.go <<'EOF'
package main

import (
	"fmt"
	"os"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

const n = 100_000

func main() {
	backend, err := gobackend.New("")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	state, err := RNGStateFromSeed(1)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.Float16, dtypes.BFloat16} {
		f, err := NewExec(backend, func(state *Node) *Node {
			_, u := RandomUniform(state, shapes.Make(dtype, n))
			return ConvertDType(u, dtypes.Float32)
		})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		u, err := f.Call1(state)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		ones := 0
		for _, v := range tensors.MustCopyFlatData[float32](u) {
			if v >= 1 {
				ones++
			}
		}
		fmt.Println(dtype, "numbers that are 1, of", n, "in [0, 1):", ones)
		if (ones > 0) != (dtype != dtypes.Float32) {
			fmt.Println("CHANGED: in half precision, and only there, numbers were 1")
			os.Exit(1)
		}
	}
	fmt.Println("as stated: in half precision 1 is returned")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
