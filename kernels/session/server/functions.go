package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"galdecon/galdecon"
	"galdecon/galdecon/classical"
	"galdecon/galdecon/galaxy"
	"galdecon/kernels/session/internal/wire"
)

// functions returns what the session can be asked for.
func functions(m *models, t *trainings) map[string]wire.Function {
	return map[string]wire.Function{
		wire.Load: wire.Unary(func(_ context.Context, choice wire.Choice) (wire.Model, error) {
			loaded, err := m.get(choice)
			if err != nil {
				return wire.Model{}, err
			}
			return loaded.describe(choice.Sampler)
		}),
		wire.Sample: wire.Streaming(func(ctx context.Context,
			next func() (wire.SampleRequest, error), send func(wire.SampleAnswer) error) error {
			request, err := next()
			if err != nil {
				return err
			}
			return m.sample(ctx, request, send)
		}),
		wire.Observe: wire.Unary(func(_ context.Context,
			r wire.ObserveRequest) (*galdecon.Observations, error) {
			return galdecon.Observe(r.Galaxies, r.PSFs, r.Noise, r.Seed)
		}),
		wire.Standardize: wire.Unary(func(_ context.Context,
			r wire.StandardizeRequest) (*galdecon.Observations, error) {
			return galdecon.Standardize(r.Observations)
		}),
		wire.Wiener: wire.Unary(func(_ context.Context, r wire.WienerRequest) (*galaxy.Images,
			error) {
			return classical.Wiener(r.Observations, r.Prior)
		}),
		wire.Evaluate: wire.Streaming(func(_ context.Context,
			next func() (wire.EvaluateRequest, error), send func(galdecon.Report) error) error {
			report, err := evaluate(next)
			if err != nil {
				return err
			}
			return send(report)
		}),
		wire.Train: wire.Streaming(func(ctx context.Context, next func() (wire.TrainRequest, error),
			send func(wire.Status) error) error {
			request, err := receive(next)
			if err != nil {
				return err
			}
			status, err := t.start(ctx, request)
			if err != nil {
				return err
			}
			return send(status)
		}),
		wire.Training: wire.Unary(func(_ context.Context, folder wire.Folder) (wire.History,
			error) {
			one, err := t.find(folder.Dir)
			if err != nil {
				return wire.History{}, err
			}
			return one.history(), nil
		}),
		wire.Watch: wire.Streaming(func(ctx context.Context, next func() (wire.Folder, error),
			send func(wire.News) error) error {
			folder, err := next()
			if err != nil {
				return err
			}
			one, err := t.find(folder.Dir)
			if err != nil {
				return err
			}
			return one.watch(ctx, send)
		}),
		wire.Pause:  t.control((*training).pause),
		wire.Resume: t.control((*training).resume),
		wire.Stop:   t.control((*training).stop),
		wire.Overview: wire.Unary(func(context.Context, wire.Nothing) (wire.Summary, error) {
			return wire.Summary{Models: m.folders(), Trainings: t.all(), Process: os.Getpid(),
				Memory: residentMemory()}, nil
		}),
	}
}

// receive puts the parts of a request for a training together.
func receive(next func() (wire.TrainRequest, error)) (wire.TrainRequest, error) {
	whole, err := next()
	if err != nil {
		return whole, err
	}
	y := whole.Galaxies
	if y == nil {
		return whole, errors.New("session: there are no galaxies to train on")
	}
	for {
		part, err := next()
		if errors.Is(err, io.EOF) {
			return whole, nil
		}
		if err != nil {
			return whole, err
		}
		more := part.Galaxies
		if more == nil || more.Height != y.Height || more.Width != y.Width ||
			more.Channels != y.Channels {
			return whole, errors.New("session: the parts of the galaxies don't fit together")
		}
		y.N += more.N
		y.Pixels, y.IDs = append(y.Pixels, more.Pixels...), append(y.IDs, more.IDs...)
		y.Objects, y.Scale = append(y.Objects, more.Objects...), append(y.Scale, more.Scale...)
	}
}

// evaluate compares the posteriors of all requests with the truth of the first.
func evaluate(next func() (wire.EvaluateRequest, error)) (galdecon.Report, error) {
	whole, err := next()
	for err == nil {
		var part wire.EvaluateRequest
		part, err = next()
		whole.Posteriors = append(whole.Posteriors, part.Posteriors...)
	}
	if !errors.Is(err, io.EOF) {
		return galdecon.Report{}, err
	}
	return galdecon.Evaluate(whole.Truth, whole.Posteriors)
}

// residentMemory returns that of this process in bytes, 0 where the system doesn't tell.
func residentMemory() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
