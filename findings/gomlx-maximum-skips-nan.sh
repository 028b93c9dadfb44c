#!/bin/sh
# GoMLX v0.28.2 (go-xla v0.4.1, the CPU plugin of lammps-jax-pjrt-cpu 0.11.2): ReduceMax and
# ReduceMin pass over NaN.
#
# Expected: the maximum of numbers of which one is NaN is NaN, as their sum is. It is so with the
# Go backend of the same GoMLX, and in the definition of StableHLO's maximum.
# Seen: the maximum of the others. A check of a result by its largest value misses NaN.
# Exits with an error when the maximum is NaN.
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

// measured returns maximum, minimum and sum of values.
func measured(backend compute.Backend, values []float32) (m [3]float32) {
	f, err := NewExec(backend, func(x *Node) []*Node {
		return []*Node{ReduceAllMax(x), ReduceAllMin(x), ReduceAllSum(x)}
	})
	check(err)
	out, err := f.Call(values)
	check(err)
	for i, t := range out {
		m[i] = tensors.ToScalar[float32](t)
	}
	return m
}

func main() {
	values := []float32{1, float32(math.NaN()), 2}
	pure, err := gobackend.New("")
	check(err)
	xla, err := compute.NewWithConfig("xla:" + os.Args[1])
	check(err)
	p, x := measured(pure, values), measured(xla, values)
	fmt.Println("values", values)
	fmt.Println("backend, maximum, minimum, sum:")
	fmt.Println("go ", p)
	fmt.Println("xla", x)
	if !math.IsNaN(float64(p[0])) || !math.IsNaN(float64(x[2])) {
		fmt.Println("CHANGED: the maximum of go and the sum of xla were NaN")
		os.Exit(1)
	}
	if x[0] != 2 || x[1] != 1 {
		fmt.Println("CHANGED: maximum and minimum of xla were 2 and 1")
		os.Exit(1)
	}
	fmt.Println("as stated: with XLA maximum and minimum pass over NaN")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run . "$plugin"
