#!/bin/sh
# GoMLX v0.28.2 (compute v0.1.2, its Go backend): a number used in the body of a While can't be
# used after the loop.
#
# Expected: doubling a value in a loop, and doubling the result once more, are two independent
# uses of MulScalar(…, 2).
# Seen: the second one makes the graph invalid: "Mul: input #1 uses a node from a different
# function scope". Tripling the result is fine. (The constant 2 is made within the loop's body,
# and found again in a cache of the whole graph.)
# Exits with an error when the graph is built, or the error is another.
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
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// doubled is x·2³, computed by a loop, times factor.
func doubled(x *Node, factor float64) *Node {
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
		return []*Node{Add(i, Const(g, int32(1))), MulScalar(v, 2)}
	})
	return MulScalar(While(more, step, Const(g, int32(0)), x)[1], factor)
}

func run(backend compute.Backend, factor float64) (any, error) {
	f, err := NewExec(backend, func(x *Node) *Node { return doubled(x, factor) })
	if err != nil {
		return nil, err
	}
	out, err := f.Call1(float32(1))
	if err != nil {
		return nil, err
	}
	return out.Value(), nil
}

func main() {
	backend, err := gobackend.New("")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	value, err := run(backend, 3)
	fmt.Println("1·2³·3 =", value, err)
	if err != nil || value != float32(24) {
		fmt.Println("CHANGED: it was 24")
		os.Exit(1)
	}
	value, err = run(backend, 2)
	if err == nil {
		fmt.Println("CHANGED: 1·2³·2 =", value)
		os.Exit(1)
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	fmt.Println("1·2³·2:", first)
	if !strings.Contains(first, "different function scope") {
		fmt.Println("CHANGED: the error was that of a node in another function's scope")
		os.Exit(1)
	}
	fmt.Println("as stated: the loop's constant makes the graph invalid")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
