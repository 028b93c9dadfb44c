#!/bin/sh
# GoMLX v0.28.2: graph.RNGStateFromSeed takes an int64, but tells only 2³¹−1 seeds apart.
#
# Expected: different seeds give different states, or the argument is smaller, or the
# documentation says so. Seeds from a hash or a clock in nanoseconds have 64 bits.
# Seen: seeds that differ by 2147483647 give the same three words. (The seed goes to math/rand,
# which takes it modulo 2³¹−1; the documentation of RNGStateFromSeed has nothing of it.)
# Exits with an error when the states differ.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'EOF'
module finding

go 1.26

require github.com/gomlx/gomlx v0.28.2
EOF
cat > main.go <<'EOF'
package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

func state(seed int64) []uint64 {
	t, err := graph.RNGStateFromSeed(seed)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return tensors.MustCopyFlatData[uint64](t)
}

func main() {
	const period = 1<<31 - 1
	same := true
	for _, seed := range []int64{1, 42, 1700000000000000000} {
		a, b := state(seed), state(seed+period)
		fmt.Println("seed", seed, "       ", a)
		fmt.Println("seed", seed+period, b)
		same = same && slices.Equal(a, b)
	}
	if !same {
		fmt.Println("CHANGED: the states differ")
		os.Exit(1)
	}
	fmt.Println("as stated: seeds that differ by 2147483647 give the same state")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
