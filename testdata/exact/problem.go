package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"galdecon/galdecon/exact"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
	"galdecon/internal/atomicfile"
)

// The instrument: a Gaussian PSF and white noise.
const (
	side    = 16
	psfSize = 9
	sigma   = 1.2  // of the PSF, in pixels
	noise   = 0.02 // standard deviation
)

// tuning is the number of fields, apart from those compared, that peers choose their settings by.
const tuning = 16

// kinds are the fields, by name.
var kinds = []kind{
	{"stars", "Stars: a pixel holds one with a probability of 5 %, flux 1 ± 0.5, sky ± 0.05",
		exact.StarField{Share: 0.05, Flux: 1, FluxStd: 0.5, Sky: 0.05}},
	{"wavelets", "Gaussian scale mixtures in Haar's wavelets, pixels 0.5 ± 0.25",
		exact.WaveletField{Level: 0.5, LevelStd: 0.1, Std: 0.13,
			Scales: []exact.Scale{{Weight: 0.7, Factor: 0.3}, {Weight: 0.2, Factor: 1},
				{Weight: 0.1, Factor: 3}}}},
}

type kind struct {
	name, title string
	field       interface {
		Prior(side int) (exact.Prior, error)
	}
}

// problem is a number of fields of one kind and what is seen of them.
type problem struct {
	kind
	dir     string
	prior   exact.Prior
	kernel  psf.PSF
	sampler *exact.Sampler
	truth   [][]float64 // [fields][pixels]
	seen    [][]float64
}

// newProblem draws fields, and leaves them in a folder for the peers. What is there already must be
// the same.
func newProblem(k kind, fields int, seed uint64, dir string) (*problem, error) {
	p := &problem{kind: k, dir: filepath.Join(dir, k.name)}
	var err error
	if p.prior, err = k.field.Prior(side); err != nil {
		return nil, err
	}
	if p.kernel, err = (psf.Gaussian{Sigma: sigma}).Render(psfSize); err != nil {
		return nil, err
	}
	if p.sampler, err = exact.New(p.prior, p.kernel, noise); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, 2))
	observe := func(n int) (truth, seen [][]float64) {
		for range n {
			y := p.prior.Draw(rng)
			truth, seen = append(truth, y), append(seen, p.sampler.Observe(y, rng))
		}
		return truth, seen
	}
	tuneTruth, tuneSeen := observe(tuning)
	p.truth, p.seen = observe(fields)
	if err := os.MkdirAll(p.dir, 0o777); err != nil {
		return nil, err
	}
	basis := make([][]float64, side*side)
	for i := range basis {
		basis[i] = slices.Clone(p.prior.Basis.RawRowView(i))
	}
	text, err := json.Marshal(map[string]any{"side": side, "psf_size": psfSize,
		"psf": p.kernel.Pixels, "noise": noise, "basis": basis, "mixtures": p.prior.Mixtures,
		"seen": p.seen, "tune_seen": tuneSeen, "tune_truth": tuneTruth})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(p.dir, "problem.json")
	have, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p, atomicfile.WriteFile(path, text)
	case err != nil:
		return nil, err
	case string(have) != string(text):
		return nil, fmt.Errorf("%s holds other fields than these %d; choose another folder", path,
			fields)
	}
	return p, nil
}

// images draws n images of the prior.
func (p *problem) images(n int, rng *rand.Rand) *galaxy.Images {
	out := galaxy.NewImages(n, side, side, 1)
	for i := range n {
		at := out.At(i)
		for k, v := range p.prior.Draw(rng) {
			at[k] = float32(v)
		}
	}
	return out
}

// kept returns the numbers that an earlier run left in the problem's folder, or those that draw
// returns, and leaves these there.
func (p *problem) kept(name string, n int, draw func() ([]float32, error)) ([]float32, error) {
	path := filepath.Join(p.dir, name)
	text, err := os.ReadFile(path)
	if err == nil {
		if len(text) != 4*n {
			return nil, fmt.Errorf("%s has %d bytes, not %d: it is of another number of "+
				"candidates; choose another folder", path, len(text), 4*n)
		}
		return floats32(text), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	values, err := draw()
	if err != nil {
		return nil, err
	}
	text = nil
	if text, err = binary.Append(text, binary.LittleEndian, values); err != nil {
		return nil, err
	}
	return values, atomicfile.WriteFile(path, text)
}

// floats32 decodes float32 numbers whose lowest bytes come first.
func floats32(text []byte) []float32 {
	out := make([]float32, len(text)/4)
	if _, err := binary.Decode(text, binary.LittleEndian, out); err != nil {
		panic(err) // there are as many bytes as it needs
	}
	return out
}
