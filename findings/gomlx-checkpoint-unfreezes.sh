#!/bin/sh
# GoMLX v0.28.2 (compute v0.1.2, its Go backend): a variable that isn't trainable is, after it
# was saved to a checkpoint and loaded again.
#
# Expected: a training that is resumed goes on as it would have without the pause; a weight
# frozen by SetTrainable(false) stays as it is.
# Seen: the weight stays at 3 while the first process trains; after the checkpoint is loaded it
# is trainable, and the optimizer moves it. Nothing tells of it, and the documentation of
# checkpoints has nothing of what is trainable.
# Exits with an error when the weight stays frozen.
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
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/checkpoint"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// session trains y = frozen·w·x for some steps, from the checkpoint in dir where there is one,
// and returns the frozen weight at the end.
func session(dir string) float32 {
	backend, err := gobackend.New("")
	check(err)
	store := model.NewStore()
	saved, err := checkpoint.Build(store).Dir(dir).Immediate().Done()
	check(err)
	frozen := store.GetVariable("/frozen")
	if frozen == nil {
		frozen, err = store.CreateVariable("/frozen", tensors.FromValue(float32(3)))
		check(err)
		frozen.SetTrainable(false)
	}
	fmt.Println("trainable at the start:", frozen.Trainable)
	network := func(scope *model.Scope, in []*Node) []*Node {
		g := in[0].Graph()
		w := scope.VariableWithValue("w", float32(1)).NodeValue(g)
		return []*Node{Mul(in[0], Mul(w, frozen.NodeValue(g)))}
	}
	descent := optimizer.StochasticGradientDescent().WithLearningRate(0.001).Done()
	trainer := train.NewTrainer(backend, store, network, loss.MeanSquaredError, descent, nil, nil)
	for range 3 {
		values := [][]float32{{1}, {2}, {3}, {4}}
		_, err := trainer.TrainStep(train.Batch{
			Inputs: []*tensors.Tensor{tensors.FromValue(values)},
			Labels: []*tensors.Tensor{tensors.FromValue(values)},
		})
		check(err)
	}
	check(saved.Save())
	return tensors.ToScalar[float32](frozen.MustValue())
}

func main() {
	first := session("checkpoint")
	fmt.Println("frozen weight after the first training:", first)
	second := session("checkpoint")
	fmt.Println("frozen weight after the second one:", second)
	if first != 3 || second == 3 {
		fmt.Println("CHANGED: the second training moved the weight, the first one didn't")
		os.Exit(1)
	}
	fmt.Println("as stated: the checkpoint has unfrozen the weight")
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
