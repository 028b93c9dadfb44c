#!/bin/sh
# GoMLX v0.28.2 (compute v0.1.2, its Go backend): the gradient of ReduceMax counts a maximum as
# often as it occurs.
#
# Expected: f(x) = max(x, x, x) is x, so its derivative is 1: the gradient goes to one of the
# equal elements, or in equal parts to all.
# Seen: 3. Each of the equal elements gets the whole gradient. Equal maxima are common:
# saturated pixels, zeros after a rectifier.
# Exits with an error when the derivative isn't 3.
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

	"github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

func main() {
	backend, err := gobackend.New("")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	f, err := NewExec(backend, func(x *Node) (*Node, *Node) {
		largest := ReduceAllMax(Stack([]*Node{x, x, x}, 0))
		return largest, Gradient(largest, x)[0]
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	at := func(x float32) (value, gradient float32) {
		v, g, err := f.Call2(x)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return tensors.ToScalar[float32](v), tensors.ToScalar[float32](g)
	}
	low, _ := at(1)
	high, _ := at(3)
	_, gradient := at(2)
	fmt.Println("max(x, x, x): finite difference at 2:", (high-low)/2, " gradient:", gradient)
	if (high-low)/2 != 1 || gradient != 3 {
		fmt.Println("CHANGED: the gradient was 3")
		os.Exit(1)
	}
	fmt.Println("as stated: the gradient is three times the derivative")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
