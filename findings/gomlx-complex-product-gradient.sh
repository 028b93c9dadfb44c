#!/bin/sh
# GoMLX v0.28.2 (go-xla v0.4.1, the CPU plugin of lammps-jax-pjrt-cpu 0.11.2): the gradient of a
# product of complex numbers lacks a conjugate.
#
# Expected: L = Re((x+iy)(2+3i)) = 2x − 3y has the gradient (2, −3).
# Seen: (2, 3). The gradients of Real, Imag, Abs, Conj and FFT are ∂L/∂Re + i ∂L/∂Im, in which
# that of a product is the other factor's conjugate; Mul takes the factor itself. So what is
# learned through a filter in Fourier space goes the wrong way wherever its transfer function
# isn't real.
# Exits with an error when the gradient isn't (2, 3).
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
	"os"

	_ "github.com/gomlx/go-xla/compute/xla"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	backend, err := compute.NewWithConfig("xla:" + os.Args[1])
	check(err)
	f, err := NewExec(backend, func(x, y *Node) (l, dx, dy *Node) {
		product := Mul(Complex(x, y), Const(x.Graph(), complex64(complex(2, 3))))
		l = Real(product)
		gradient := Gradient(l, x, y)
		return l, gradient[0], gradient[1]
	})
	check(err)
	at := func(x, y float32) (l, dx, dy float32) {
		a, b, c, err := f.Call3(x, y)
		check(err)
		return tensors.ToScalar[float32](a), tensors.ToScalar[float32](b), tensors.ToScalar[float32](c)
	}
	l, dx, dy := at(1, 1)
	right, _, _ := at(2, 1)
	up, _, _ := at(1, 2)
	fmt.Printf("finite differences (%g, %g), gradient (%g, %g)\n", right-l, up-l, dx, dy)
	if right-l != 2 || up-l != -3 || dx != 2 || dy != 3 {
		fmt.Println("CHANGED: they were (2, -3) and (2, 3)")
		os.Exit(1)
	}
	fmt.Println("as stated: the gradient's imaginary part has the wrong sign")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run . "$plugin"
