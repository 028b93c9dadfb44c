package speed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"galdecon/galdecon"
	"galdecon/galdecon/backend"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
)

// kind is what one process measures.
type kind string

const (
	describe kind = "describe" // the device, and its peak
	train    kind = "train"
	evaluate kind = "evaluate"
	sample   kind = "sample"
	first    kind = "first" // candidate
)

// job is what one process has to do.
type job struct {
	Kind kind `json:"kind"`
	// Folder is that of the model, which a training makes.
	Folder string `json:"folder,omitempty"`
	// Size is the side of the images that a trained model is used for.
	Size int `json:"size,omitempty"`
	// Config is that of a training.
	Config galdecon.Config `json:"config,omitzero"`
	// Evaluations and Samples are what is computed together.
	Evaluations []int  `json:"evaluations,omitempty"`
	Samples     []Draw `json:"samples,omitempty"`
	// AtLeast is for how long each row is measured in a round.
	AtLeast time.Duration `json:"at_least,omitempty"`
}

// result is what a process has measured.
type result struct {
	Setup Setup   `json:"setup,omitzero"` // what only the process knows of it
	Timed []timed `json:"timed"`
	// Exhausted says of what comes after Timed why it isn't there: it takes too much memory.
	Exhausted string `json:"exhausted,omitempty"`
	// Done is when all was done.
	Done time.Time `json:"done"`
}

// timed is the time of one call, step or candidate.
type timed struct {
	Batch      string  `json:"batch,omitempty"`
	Seconds    float64 `json:"seconds"`
	Operations float64 `json:"operations"`
}

// Serve measures in this process what [Measure] asks for in another: it reads what to do, and
// writes what it measured, as JSON.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	var j job
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&j); err != nil {
		return fmt.Errorf("speed: that isn't what a bench asks its processes: %w", err)
	}
	r, err := j.do(ctx)
	if err != nil {
		return err
	}
	r.Done = time.Now()
	return json.NewEncoder(out).Encode(r)
}

func (j job) do(ctx context.Context) (result, error) {
	switch j.Kind {
	case describe:
		return j.describe()
	case train:
		return j.train(ctx)
	case evaluate:
		return j.evaluate(ctx)
	case sample:
		return j.sample(ctx)
	case first:
		return result{}, j.first(ctx)
	}
	return result{}, fmt.Errorf("speed: there is nothing to measure of the kind %q", j.Kind)
}

// repeat calls a function once, so that all is compiled and in place, and then until enough time
// has passed. It returns the median time of the later calls, in seconds.
func (j job) repeat(ctx context.Context, f func() error) (float64, error) {
	if err := f(); err != nil {
		return 0, err
	}
	var times []float64
	for begun := time.Now(); len(times) == 0 || time.Since(begun) < j.AtLeast; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		start := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(start).Seconds())
	}
	median, _, _ := spread(times)
	return median, nil
}

// exhausted tells whether an error is that of a device without enough memory.
func exhausted(err error) bool {
	return err != nil && strings.Contains(err.Error(), "RESOURCE_EXHAUSTED")
}

// add appends what was timed for a batch to the result; more is false where the memory doesn't
// suffice, so that larger batches needn't be tried.
func (r *result) add(batch string, seconds, operations float64, err error) (more bool, _ error) {
	if exhausted(err) {
		r.Exhausted = "the device's memory doesn't suffice"
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.Timed = append(r.Timed, timed{batch, seconds, operations})
	return true, nil
}

// stepsAtLeast is how many steps of a training are timed at least: the first of them waits for the
// first checkpoint, which the median passes over.
const stepsAtLeast = 3

// trainingPasses is how many evaluations a training step computes as much as, in a network's
// products: forward, the gradient with respect to what they take, and that with respect to weights.
const trainingPasses = 3

// train trains until enough steps are timed, and leaves the model in the folder.
func (j job) train(ctx context.Context) (r result, err error) {
	c := j.Config
	if err := c.Validate(); err != nil {
		return r, err
	}
	galaxies, err := synthetic.Galaxies(c.SyntheticGalaxies(c.Fit.Batch, 1))
	if err != nil {
		return r, err
	}
	ctx, enough := context.WithCancelCause(ctx)
	defer enough(nil)
	var begun, last time.Time
	var times []float64
	err = galdecon.Train(ctx, c, galaxies, j.Folder, func(p fit.Progress) {
		now := time.Now()
		if p.Step == 1 { // compilation is before it
			begun, last = now, now
			return
		}
		times = append(times, now.Sub(last).Seconds())
		last = now
		if len(times) >= stepsAtLeast && now.Sub(begun) >= j.AtLeast {
			enough(errEnough)
		}
	})
	if err != nil && context.Cause(ctx) != errEnough {
		_, err := r.add("", 0, 0, err)
		return r, err
	}
	if len(times) == 0 {
		return r, fmt.Errorf("speed: a training of %d step(s) is too short to be timed; the first "+
			"doesn't count", c.Fit.Steps)
	}
	device, err := backend.Default()
	if err != nil {
		return r, err
	}
	each, err := operations(device, c)
	if err != nil {
		return r, err
	}
	median, _, _ := spread(times)
	_, err = r.add(fmt.Sprint(c.Fit.Batch), median, trainingPasses*float64(c.Fit.Batch)*each, nil)
	return r, err
}

// errEnough says that a training has been timed for long enough.
var errEnough = errors.New("enough steps")

// load returns the trained model, for images of the job's size where it takes any.
func (j job) load() (*galdecon.Model, error) {
	m, err := galdecon.Load(j.Folder)
	if err == nil && m.Config.Survey != nil && j.Size > 0 {
		m.Config.Size = j.Size
	}
	return m, err
}

// sample times candidates of a model.
func (j job) sample(ctx context.Context) (r result, err error) {
	m, err := j.load()
	if err != nil {
		return r, err
	}
	device, err := backend.Default()
	if err != nil {
		return r, err
	}
	each, err := operations(device, m.Config)
	if err != nil {
		return r, err
	}
	evaluations := float64(m.Config.Sampler.Steps)
	if m.Config.Sampler.Guidance != 0 {
		evaluations *= 2 // with the PSF and without
	}
	for _, d := range j.Samples {
		draw, err := drawing(ctx, m, d)
		if err != nil {
			return r, err
		}
		seconds, err := j.repeat(ctx, draw)
		seconds /= float64(d.Observations * d.Candidates)
		if more, err := r.add(d.String(), seconds, evaluations*each, err); !more {
			return r, err
		}
	}
	return r, nil
}

// first draws one candidate.
func (j job) first(ctx context.Context) error {
	m, err := j.load()
	if err != nil {
		return err
	}
	draw, err := drawing(ctx, m, Draw{Observations: 1, Candidates: 1})
	if err != nil {
		return err
	}
	return draw()
}

// drawing returns what draws so many candidates of a model.
func drawing(ctx context.Context, m *galdecon.Model, d Draw) (func() error, error) {
	o, err := observations(m.Config, d.Observations)
	if err != nil || d.Exposures <= 1 {
		return func() error {
			_, err := m.Sample(ctx, o, d.Candidates, 1)
			return err
		}, err
	}
	looks := make([]observe.Observation, o.N())
	for i := range looks {
		p, noise := o.At(i)
		e := observe.Exposure{Image: o.Images().Select(i), PSFs: []psf.PSF{p},
			InvVar: o.InvVarAt(i, noise)}
		looks[i].Exposures = slices.Repeat([]observe.Exposure{e}, d.Exposures)
	}
	return func() error {
		_, err := m.SampleLooks(ctx, looks, d.Candidates, 1)
		return err
	}, nil
}

// observations returns what a model takes. Nothing is computed on the device for them, and how long
// a candidate takes doesn't depend on the pixels, so galaxies aren't blurred.
func observations(c galdecon.Config, n int) (*galdecon.Observations, error) {
	held := c.SyntheticGalaxies(n, 2)
	held.Noiseless = true
	galaxies, err := synthetic.Galaxies(held)
	if err != nil {
		return nil, err
	}
	in := c.SeenThrough()
	p, err := psf.Gaussian{Sigma: (in.SigmaMin + in.SigmaMax) / 2}.Render(in.Size)
	if err != nil {
		return nil, err
	}
	return galdecon.NewObservations(galaxies, []psf.PSF{p}, []float64{in.NoiseMin})
}
