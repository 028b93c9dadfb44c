#!/bin/sh
# GoMLX v0.28.2 (go-xla v0.4.1, the CPU plugin of lammps-jax-pjrt-cpu 0.11.2): the gradient through
# a Fourier transform over two axes is wrong.
#
# Expected: RealFFT(image, height, width) is the transform over both axes, and L = Re F[1, 0] has
# the gradient cos(2π row / height) in each pixel. Or, as its documentation calls gradients "not
# defined for different FFT lengths yet", an error, as for other operations that have none.
# Seen: for 4 rows 1/8, 1/2, -1/8, 0, with no error; it is 1, 0, -1, 0. The transform itself is
# right, and so is the gradient of one over the last axis alone.
# Exits with an error when the gradient is right or refused.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --no-deps lammps-jax-pjrt-cpu==0.11.2
plugin=$(find "$dir/venv" -name pjrt_c_api_cpu_plugin.so)
cat > go.mod <<'EOF'
module finding

go 1.26

require (
	github.com/gomlx/compute v0.1.2
	github.com/gomlx/go-xla v0.4.1
	github.com/gomlx/gomlx v0.28.2
)
EOF
cat > main.go <<'EOF'
package main

import (
	"fmt"
	"math"
	"os"

	_ "github.com/gomlx/go-xla/compute/xla"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

const height, width = 4, 2

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// worst prints the derivatives of f by each pixel, by finite differences (which are exact, as f is
// linear) and by GoMLX, and returns the largest difference between them.
func worst(backend compute.Backend, name string, f func(image *Node) *Node) (worst float64) {
	value, err := NewExec(backend, f)
	check(err)
	gradient, err := NewExec(backend, func(x *Node) *Node { return Gradient(f(x), x)[0] })
	check(err)
	image := make([]float64, height*width)
	out, err := gradient.Call(image)
	check(err)
	given := tensors.MustCopyFlatData[float64](out[0])
	differences := make([]float64, len(image))
	for i := range image {
		image[i] = 1
		out, err := value.Call(image)
		check(err)
		differences[i] = tensors.ToScalar[float64](out[0])
		image[i] = 0
		worst = max(worst, math.Abs(differences[i]-given[i]))
	}
	fmt.Printf("%s\n  differences %.3f\n  gradient    %.3f\n", name, differences, given)
	return worst
}

func main() {
	backend, err := compute.NewWithConfig("xla:" + os.Args[1])
	check(err)
	element := func(transform *Node) *Node {
		return Reshape(Real(Slice(transform, AxisElem(1), AxisElem(0))))
	}
	one := worst(backend, "last axis", func(x *Node) *Node {
		return element(RealFFT(Reshape(x, height, width), width))
	})
	both := worst(backend, "both axes", func(x *Node) *Node {
		return element(RealFFT(Reshape(x, height, width), height, width))
	})
	if one > 1e-6 {
		fmt.Println("CHANGED: over the last axis the gradient was right")
		os.Exit(1)
	}
	if both < 0.5 {
		fmt.Println("CHANGED: over both axes the gradient was wrong")
		os.Exit(1)
	}
	fmt.Println("as stated: over both axes the gradient is wrong")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run . "$plugin"
