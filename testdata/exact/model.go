package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/unet"
)

const (
	trainingImages = 20000 // beside their turned and mirrored copies
	units          = 256   // images that the model's unit is measured on
	chunk          = 240   // candidates that are drawn together
)

// look returns the observation of an image x [pixels].
func (p *problem) look(x []float64) observe.Observation {
	image := galaxy.NewImages(1, side, side, 1)
	invVar := make([]float64, len(x))
	for k, v := range x {
		image.Pixels[k], invVar[k] = float32(v), 1/(noise*noise)
	}
	return observe.Observation{Exposures: []observe.Exposure{{Image: image,
		PSFs: []psf.PSF{p.kernel}, InvVar: invVar}}}
}

// config returns a model whose mean and deviation are those of images in the units in which it sees
// them.
func (p *problem) config(images *galaxy.Images, rng *rand.Rand) (ddpm.Config, error) {
	c := ddpm.Config{T: 950, Prediction: ddpm.Velocity, DataConsistency: true,
		Network: unet.Config{Features: []int{32, 48}, Blocks: 1, Embedding: 32}}
	var seen []observe.Observation
	for i := range units {
		y := make([]float64, side*side)
		for k, v := range images.At(i) {
			y[k] = float64(v)
		}
		seen = append(seen, p.look(p.sampler.Observe(y, rng)))
	}
	b, err := observe.NewBatch(side, side, seen...)
	if err != nil {
		return c, err
	}
	exec, err := backend.NewExec(func(in []*graph.Node) *graph.Node {
		looks, _ := b.Looks(in)
		return b.Grid.Unit(looks...)
	})
	if err != nil {
		return c, err
	}
	out, err := exec.Call(b.Inputs()...)
	if err := errors.Join(err, b.Free()); err != nil {
		return c, err
	}
	unit, err := tensors.CopyFlatData[float32](out[0])
	if err != nil {
		return c, err
	}
	var values []float64
	for i, u := range unit {
		for _, v := range images.At(i) {
			values = append(values, float64(v/u))
		}
	}
	c.Mean, c.Std = stat.MeanStdDev(values, nil)
	return c, nil
}

// train trains a model on the prior and returns its weights. It goes on where an earlier run was
// interrupted.
func (p *problem) train(ctx context.Context, steps int) (ddpm.Config, *model.Scope, error) {
	rng := rand.New(rand.NewPCG(1, 1))
	images := p.images(trainingImages, rng)
	c, err := p.config(images, rng)
	if err != nil {
		return c, nil, err
	}
	device, err := backend.Default()
	if err != nil {
		return c, nil, err
	}
	instrument := psf.Instrument{Size: psfSize, SigmaMin: sigma, SigmaMax: sigma, NoiseMin: noise,
		NoiseMax: noise}
	objective := func(scope *model.Scope, y *graph.Node) *graph.Node {
		x, psfs, level := instrument.Observe(scope, y)
		grid := observe.NewGrid(side, side, psfSize)
		invVar := graph.Reciprocal(graph.Square(graph.Reshape(level, -1, 1, 1, 1)))
		return c.LookLoss(scope, y, grid, observe.Look{X: x,
			InvVar: graph.BroadcastToShape(invVar, y.Shape()), Transfer: grid.Transfer(psfs)})
	}
	dir := filepath.Join(p.dir, fmt.Sprintf("model-%d", steps))
	loss, said := 0.0, time.Now()
	err = fit.Run(ctx, fit.Problem{Device: device, Images: images, Objective: objective},
		fit.Config{Steps: steps, Batch: 16, LearningRate: 2e-3, WarmUp: 200, EMA: 0.999,
			ClipNorm: 1, Seed: 1}, dir, func(now fit.Progress) {
			loss += (now.Loss - loss) / float64(min(now.Step, 200))
			if time.Since(said) > time.Minute {
				said = time.Now()
				fmt.Printf("%s: step %d of %d, loss %.4f\n", p.name, now.Step, now.Steps, loss)
			}
		})
	if err != nil {
		return c, nil, fmt.Errorf("cannot train the model of %s: %w", p.name, err)
	}
	store, err := fit.Load(dir)
	if err != nil {
		return c, nil, err
	}
	return c, fit.Average(store), nil
}

// ours draws n candidates of each observation with a model, [fields × n × pixels].
func (p *problem) ours(c ddpm.Config, weights *model.Scope, n int) ([]float32, error) {
	device, err := backend.Default()
	if err != nil {
		return nil, err
	}
	generator, err := ddpm.NewLookGenerator(device, c,
		ddpm.Sampler{Steps: 40, Eta: 1, SecondOrder: true}, weights)
	if err != nil {
		return nil, err
	}
	var out []float32
	total := len(p.seen) * n
	for first := 0; first < total; first += chunk {
		var seen []observe.Observation
		for k := range chunk { // one that isn't full is filled up with repetitions
			seen = append(seen, p.look(p.seen[min(first+k, total-1)/n]))
		}
		b, err := observe.NewBatch(side, side, seen...)
		if err != nil {
			return nil, err
		}
		rng, err := graph.RNGStateFromSeed(int64(first))
		if err != nil {
			return nil, err
		}
		samples, again, err := generator.Draw(rng, b)
		if err := errors.Join(err, b.Free()); err != nil {
			return nil, err
		}
		values, err := tensors.CopyFlatData[float32](samples)
		if err != nil {
			return nil, err
		}
		out = append(out, values...)
		for _, t := range append(again, samples, rng) {
			if err := t.FinalizeAll(); err != nil {
				return nil, err
			}
		}
	}
	return out[:total*side*side], nil
}
