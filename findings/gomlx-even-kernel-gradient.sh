#!/bin/sh
# GoMLX v0.28.2 (compute v0.1.2, its Go backend): the gradient through a convolution with a kernel
# of even size is shifted by a pixel.
#
# Expected: with the kernel (10, 1) the first pixel of Convolve is 10 a + b, whose gradient by the
# image (a, b, c, d) is (10, 1, 0, 0).
# Seen: (1, 0, 0, 0), with no error. The gradient is right for kernels of 1 and 3 pixels, and that
# by the kernel itself for all. It is the same with PadSame as without padding, and with XLA. What
# lies before kernels of 2 or 4 pixels, as of layers that halve an image, learns from wrong numbers.
# Exits with an error when the gradient is right.
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
	"slices"

	"github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// gradients returns those of the first pixel of a convolution by the image, by finite differences
// (which are exact, it is linear) and by GoMLX.
func gradients(kernel ...float32) (differences, gradient []float32) {
	backend, err := gobackend.New("")
	check(err)
	first := func(image *Node) *Node {
		weights := Reshape(Const(image.Graph(), kernel), 1, len(kernel), 1, 1)
		out := Convolve(Reshape(image, 1, 1, -1, 1), weights).NoPadding().Done()
		return Reshape(Slice(out, AxisElem(0), AxisElem(0), AxisElem(0), AxisElem(0)))
	}
	f, err := NewExec(backend, first)
	check(err)
	g, err := NewExec(backend, func(image *Node) *Node { return Gradient(first(image), image)[0] })
	check(err)
	image := make([]float32, 4)
	for i := range image {
		image[i] = 1
		out, err := f.Call(image)
		check(err)
		image[i] = 0
		differences = append(differences, tensors.ToScalar[float32](out[0]))
	}
	out, err := g.Call(image)
	check(err)
	gradient = tensors.MustCopyFlatData[float32](out[0])
	fmt.Println("kernel", kernel, "differences", differences, "gradient", gradient)
	return differences, gradient
}

func main() {
	for _, kernel := range [][]float32{{10}, {100, 10, 1}} {
		if d, g := gradients(kernel...); !slices.Equal(d, g) {
			fmt.Println("CHANGED: with kernels of odd size the gradient was right")
			os.Exit(1)
		}
	}
	two, shifted := gradients(10, 1)
	if !slices.Equal(two, []float32{10, 1, 0, 0}) || !slices.Equal(shifted, []float32{1, 0, 0, 0}) {
		fmt.Println("CHANGED: the differences were (10, 1, 0, 0), the gradient (1, 0, 0, 0)")
		os.Exit(1)
	}
	if d, g := gradients(1000, 100, 10, 1); slices.Equal(d, g) {
		fmt.Println("CHANGED: with four pixels the gradient was wrong too")
		os.Exit(1)
	}
	fmt.Println("as stated: the gradient is shifted")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
