package galdecon

import (
	"errors"
	"fmt"
	"slices"

	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// prepared are observations as a model sees them.
type prepared struct {
	// given are the observations as they were given, and refused those of them that the model
	// doesn't take.
	given   *Observations
	refused map[int]*Refusal
	// taken are the others, with PSFs on the model's grid, and index their numbers among those
	// given.
	taken *Observations
	index []int
	// standardized are those taken, divided by their units: what the model sees.
	standardized *Observations
	units        []float64
}

// prepare returns observations as the model sees them. What it doesn't take of them is in the
// result; an error is about all of them.
func (m *Model) prepare(observations *Observations) (*prepared, error) {
	c := m.Config
	if err := observations.Validate(); err != nil {
		return nil, err
	}
	if err := c.checkShape(observations.Images()); err != nil {
		return nil, err
	}
	p := &prepared{given: observations, refused: map[int]*Refusal{},
		index: make([]int, observations.N())}
	for i := range p.index {
		p.index[i] = i
	}
	if err := p.resample(c.Instrument); err != nil {
		return nil, err
	}
	if len(p.index) > 0 && c.Standardized {
		if err := p.standardize(); err != nil {
			return nil, err
		}
	} else {
		p.standardized, p.units = p.taken, slices.Repeat([]float64{1}, len(p.index))
	}
	if len(p.index) == 0 {
		return p, nil
	}
	beyond, err := c.checkRange(p.standardized)
	if err != nil {
		return nil, err
	}
	return p, p.refuse(beyond)
}

// resample brings the PSFs onto the grid of an instrument.
func (p *prepared) resample(in psf.Instrument) error {
	given := p.given.PSFs()
	resampled := make([]psf.PSF, len(given))
	unlike := make([]error, len(given))
	for i, k := range given {
		if resampled[i], unlike[i] = k.Resize(in.Size); unlike[i] == nil {
			unlike[i] = in.Check(resampled[i])
		}
		if unlike[i] != nil {
			// in the place of what is dropped below
			resampled[i] = psf.PSF{Size: 1, Pixels: []float32{1}}
		}
	}
	var beyond []*Refusal
	for i := range p.given.N() {
		if err := unlike[i%len(unlike)]; err != nil {
			r := &Refusal{Index: i, ID: p.given.Images().ID(i), Reason: posterior.RefusedPSF,
				What: fmt.Sprintf("its PSF: %v", err)}
			var problem *psf.Problem
			if errors.As(err, &problem) {
				r.What, r.Hint = "its PSF: "+problem.What, problem.Hint
				r.Value, r.Limit = problem.Value, problem.Limit
			}
			beyond = append(beyond, r)
		}
	}
	var err error
	if p.taken, err = p.given.WithPSFs(resampled); err != nil {
		return err
	}
	return p.refuse(beyond)
}

// standardize finds the units of the observations.
func (p *prepared) standardize() error {
	for {
		out, units, dark, err := standardized(p.taken)
		if err != nil {
			return err
		}
		if len(dark) == 0 {
			p.standardized, p.units = out, units
			return nil
		}
		var beyond []*Refusal
		for _, i := range dark {
			beyond = append(beyond,
				&Refusal{Index: i, ID: p.taken.Images().ID(i), Reason: posterior.RefusedPeak,
					What: "it has no positive value within its central half",
					Hint: "see whether the galaxy is in the middle of the stamp, and the sky was " +
						"subtracted only once"})
		}
		if err := p.refuse(beyond); err != nil || len(p.index) == 0 {
			return err
		}
	}
}

// refuse takes observations, numbered as those taken so far, from these.
func (p *prepared) refuse(beyond []*Refusal) error {
	if len(beyond) == 0 {
		return nil
	}
	drop := map[int]bool{}
	for _, r := range beyond {
		drop[r.Index] = true
		r.Index = p.index[r.Index]
		p.refused[r.Index] = r
	}
	var keep, index []int
	var units []float64
	for i, number := range p.index {
		if drop[i] {
			continue
		}
		keep, index = append(keep, i), append(index, number)
		if p.units != nil {
			units = append(units, p.units[i])
		}
	}
	p.index, p.units = index, units
	if len(keep) == 0 {
		return nil
	}
	var err error
	if p.taken, err = p.taken.Select(keep...); err != nil {
		return err
	}
	if p.standardized != nil {
		p.standardized, err = p.standardized.Select(keep...)
	}
	return err
}
