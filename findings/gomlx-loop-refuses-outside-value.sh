#!/bin/sh
# GoMLX v0.28.2 (go-xla v0.4.1, the CPU plugin of lammps-jax-pjrt-cpu 0.11.2): the body of a
# While can't compute with a value from outside, although NewClosure's documentation says that a
# closure can access variables of its parent's scope.
#
# Expected: a loop that multiplies by x three times is x³; the Go backend of the same GoMLX
# gives that.
# Seen: with XLA the graph isn't built: "cannot add operation Multiply to function "closure1",
# because the operands are not part of the function". Each outside value must be passed through
# the loop's state.
# Exits with an error when the graph is built, or the error is another.
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
	"strings"

	_ "github.com/gomlx/go-xla/compute/xla"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func cubed(x *Node) *Node {
	g := x.Graph()
	state := func(g *Graph) (i, v *Node) {
		return Parameter(g, "i", shapes.Make(dtypes.Int32)), Parameter(g, "v", x.Shape())
	}
	more := NewClosure(g, func(g *Graph) []*Node {
		i, _ := state(g)
		return []*Node{LessThan(i, Const(g, int32(3)))}
	})
	step := NewClosure(g, func(g *Graph) []*Node {
		i, v := state(g)
		return []*Node{Add(i, Const(g, int32(1))), Mul(v, x)}
	})
	return While(more, step, Const(g, int32(0)), Const(g, float32(1)))[1]
}

func run(backend compute.Backend) (any, error) {
	f, err := NewExec(backend, cubed)
	if err != nil {
		return nil, err
	}
	out, err := f.Call1(float32(2))
	if err != nil {
		return nil, err
	}
	return out.Value(), nil
}

func main() {
	pure, err := gobackend.New("")
	check(err)
	value, err := run(pure)
	fmt.Println("go:  2³ =", value, err)
	if err != nil || value != float32(8) {
		fmt.Println("CHANGED: it was 8")
		os.Exit(1)
	}
	xla, err := compute.NewWithConfig("xla:" + os.Args[1])
	check(err)
	value, err = run(xla)
	if err == nil {
		fmt.Println("CHANGED: xla: 2³ =", value)
		os.Exit(1)
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	fmt.Println("xla:", first)
	if !strings.Contains(first, "operands are not part of the function") {
		fmt.Println("CHANGED: the error was that of operands of another function")
		os.Exit(1)
	}
	fmt.Println("as stated: with XLA the loop's body can't use x")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run . "$plugin"
