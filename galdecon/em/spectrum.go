package em

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/realfft"
	"galdecon/galdecon/score"
)

// Spectrum is how a round's candidates and the prior that they were drawn with compare, in rings of
// spatial frequencies.
type Spectrum struct {
	// Frequency is that of each ring in cycles per pixel, see [score.Spectrum].
	Frequency []float64
	// Prior is the power of what the prior was fitted to, nil in the first round, where nobody
	// knows it. Power is that of the candidates.
	Prior, Power []float64
	// Known is, of 0 to 1, how much of a step to the most likely power plain EM makes: the mean
	// square of the share of the prior's variance that an observation takes away. Where it is near
	// 0 observations say nothing, and the prior stays what it was.
	Known []float64
	// Factor multiplies the amplitudes of the candidates before the prior is fitted to them.
	Factor []float64
}

// Target returns the power of what the prior is fitted to.
func (s Spectrum) Target() []float64 {
	out := make([]float64, len(s.Power))
	for ring, p := range s.Power {
		out[ring] = p * s.Factor[ring] * s.Factor[ring]
	}
	return out
}

const (
	// farthest is how many times the power in a ring may grow or fall in a round beside what plain
	// EM makes of it.
	farthest = 2.0
	// chance is the relative error that the chance of candidates may make in the first round in
	// the power that a prior is fitted to, and in proportion to 1/round in later ones (Robbins and
	// Monro 1951): otherwise a prior would stray where observations say little.
	chance = 0.3
	// certain is how many standard errors Known must be above 0 for more than plain EM.
	certain = 3.0
	// leastUnknown is what of a prior is taken to count at least for candidates.
	leastUnknown = 0.2
	// passes find a sampler's error and what is known, which tell each other.
	passes = 4
)

// spectrum compares candidates [observations·n, size, size, 1] with weights of the observations and
// the prior that they were drawn with in a round, whose power may be nil. spread is [Round.Spread].
func (c Config) spectrum(number int, drawn Candidates, weights, prior []float64) (
	s Spectrum, spread float64, err error,
) {
	candidates := drawn.Images
	n := float64(candidates.N) / float64(len(weights))
	s.Prior = prior
	var all, again []parts
	var total, light, deviation float64
	for i, w := range weights {
		p, err := apart(candidates, i, int(n))
		if err != nil {
			return Spectrum{}, 0, err
		}
		all = append(all, p)
		if drawn.Again != nil {
			q, err := apart(drawn.Again, i, int(n))
			if err != nil {
				return Spectrum{}, 0, err
			}
			again = append(again, q)
		}
		total += w
		light += p.light
		deviation += p.deviation
	}
	rings := len(all[0].power)
	s.Frequency = all[0].frequency
	s.Power, s.Known, s.Factor = make([]float64, rings), make([]float64, rings),
		make([]float64, rings)
	for ring := range rings {
		var error float64      // of the power by the chance of candidates, squared
		var seen, back float64 // powers of galaxies that were seen anew, and of their candidates
		for i, p := range all {
			w := weights[i] / total
			s.Power[ring] += w * p.power[ring]
			error += w * w * p.scatter[ring] / n
			if again != nil {
				seen, back = seen+w*p.first[ring], back+w*again[i].power[ring]
				error += w * w * again[i].scatter[ring] / n
			}
		}
		s.Factor[ring] = 1
		before := s.Power[ring]
		if prior != nil {
			before = prior[ring]
		}
		if !(before > 0 && s.Power[ring] > 0) {
			continue
		}
		known, deviation, sampler := 0.0, 0.0, 0.0 // sampler: the power that its error adds
		for range passes {
			known, deviation = knowledge(all, weights, ring, before, sampler)
			s.Known[ring] = min(max(known, 0), 1)
			if again == nil || prior == nil {
				break
			}
			sampler = back - before - s.Known[ring]*(seen-before)
		}
		gain := 1.0
		if known > certain*deviation/math.Sqrt(float64(len(all))) {
			gain = min(1/known, c.Gain, chance/float64(number)*before/
				math.Sqrt(max(error, math.SmallestNonzeroFloat64)))
		}
		gain = max(gain, 1)
		target := before + gain*(s.Power[ring]-before)
		if again != nil {
			target = seen + gain*(s.Power[ring]-back)
			target -= sampler / max(1-s.Known[ring], leastUnknown)
		}
		ratio := min(max(target/s.Power[ring], 1/farthest), farthest)
		s.Factor[ring] = math.Sqrt(ratio)
	}
	return s, math.Sqrt(deviation / max(light, math.SmallestNonzeroFloat64)), nil
}

// knowledge returns [Spectrum.Known] of a ring, not cut off at 0 and 1, and its standard deviation
// over observations. The power before is the prior's; an error of the sampler adds to the variance
// of candidates.
func knowledge(all []parts, weights []float64, ring int, before, sampler float64) (
	known, deviation float64,
) {
	shares := make([]float64, len(all))
	for i, p := range all {
		n := float64(p.n)
		left := (p.within[ring] - max(sampler, 0)) / before
		// A variance of few candidates has an error, whose square isn't knowledge.
		shares[i] = (1-left)*(1-left) - 2*left*left/(float64(p.modes[ring])*(n-1))
	}
	return stat.MeanStdDev(shares, weights)
}

// parts are the candidates of an observation in rings of frequencies: their mean power, that of the
// first, the variance of the power between them, and their power around their mean.
type parts struct {
	frequency, power, first, scatter, within []float64
	modes                                    []int
	light, deviation                         float64 // squares of all pixels, and around the mean
	n                                        int     // candidates
}

// apart returns the parts of n candidates of observation i.
func apart(candidates *galaxy.Images, i, n int) (p parts, err error) {
	members := make([]int, n)
	for k := range members {
		members[k] = i*n + k
	}
	images := candidates.Select(members...)
	each := make([][]float64, n)
	for k := range n {
		s, err := score.PowerSpectrum(images.Select(k))
		if err != nil {
			return parts{}, err
		}
		each[k], p.frequency, p.modes = s.Power, s.Frequency, s.Modes
	}
	p.first, p.n = each[0], n
	column := make([]float64, n)
	for ring := range p.modes {
		for k := range n {
			column[k] = each[k][ring]
		}
		mean, variance := stat.MeanVariance(column, nil)
		p.power, p.scatter = append(p.power, mean), append(p.scatter, variance)
	}
	p.light = squares(images)
	center(images)
	unbiased := float64(n) / float64(n-1)
	p.deviation = squares(images) * unbiased
	s, err := score.PowerSpectrum(images)
	if err != nil {
		return parts{}, err
	}
	for _, v := range s.Power {
		p.within = append(p.within, v*unbiased)
	}
	return p, nil
}

// squares returns the sum of the squares of all pixels.
func squares(images *galaxy.Images) (sum float64) {
	for _, v := range images.Pixels {
		sum += float64(v) * float64(v)
	}
	return sum
}

// center takes the mean of all images from each.
func center(images *galaxy.Images) {
	pixels := len(images.Pixels) / images.N
	for p := range pixels {
		mean := 0.0
		for i := range images.N {
			mean += float64(images.Pixels[i*pixels+p]) / float64(images.N)
		}
		for i := range images.N {
			images.Pixels[i*pixels+p] -= float32(mean)
		}
	}
}

// filter multiplies the Fourier transform of square images [n, size, size, 1] by a factor of each
// ring.
func filter(images *galaxy.Images, factor []float64) error {
	size := images.Width
	if images.Height != size || images.Channels != 1 {
		return fmt.Errorf("em: candidates are square and of one channel, got %d×%d×%d",
			images.Height, size, images.Channels)
	}
	t := newTransform(size)
	for i := range images.N {
		spectrum := t.forward(images.At(i))
		for at := range spectrum {
			spectrum[at] *= complex(factor[t.rings[at]], 0)
		}
		t.backward(images.At(i), spectrum)
	}
	return nil
}

// transform is that of square images of size × size pixels, with the ring of each mode.
type transform struct {
	*realfft.Transform
	size  int
	rings []int // as in score.PowerSpectrum
}

func newTransform(size int) transform {
	t := transform{Transform: realfft.New(size, size), size: size}
	t.rings, _ = t.Rings()
	return t
}

func (t transform) forward(pixels []float32) []complex128 {
	plane := t.Plane()
	t.Forward(plane, func(row, column int) float64 { return float64(pixels[row*t.size+column]) })
	return plane
}

// backward writes the image of a transform, which it changes.
func (t transform) backward(pixels []float32, plane []complex128) {
	t.Backward(plane, func(row, column int, v float64) {
		pixels[row*t.size+column] = float32(v)
	})
}
