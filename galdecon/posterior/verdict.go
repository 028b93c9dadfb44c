package posterior

import (
	"errors"
	"math"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"
)

// Flag is what speaks against an answer, one bit each: see [Posterior.Verdict].
type Flag uint32

// The flags.
const (
	// Misfit: no candidate explains the observation, χ² is too large. The PSF or the noise is
	// wrong, sky is left, a pixel isn't masked that should be, or the galaxy is unlike all that the
	// model knows.
	Misfit Flag = 1 << iota
	// Quiet: χ² is too small, the noise is less than what is said.
	Quiet
	// Pattern: neighboring pixels of what is left of the observation are alike, or unlike, as noise
	// is not: the PSF is wrong, or the noise is correlated otherwise than it is said.
	Pattern
	// Spike: a pixel of what is left is further off than noise goes: a cosmic ray, a dead pixel.
	Spike
	// Slope: the border of what is left isn't dark in the mean: sky was left, or taken away.
	Slope
	// Cut: the galaxy reaches the border of its stamp, so that its flux and size depend on what the
	// model knows of galaxies.
	Cut
	// Hidden: much of the galaxy's light lies where there is no data.
	Hidden
)

// sentences say what a flag means.
var sentences = []struct {
	flag Flag
	text string
}{
	{Misfit, "no candidate explains the observation: check the PSF, the noise and the mask"},
	{Quiet, "the observation has less noise than is said: error bars are too large"},
	{Pattern, "what is left of the observation has a pattern: check the PSF, and whether neighbors " +
		"share their noise"},
	{Spike, "a pixel is further off than noise goes: mask it"},
	{Slope, "the border isn't dark: check the sky"},
	{Cut, "the galaxy reaches the border of its stamp: take a larger one"},
	{Hidden, "much of the galaxy lies where there is no data"},
}

// String returns a sentence for each flag, "" for none.
func (f Flag) String() string {
	var all []string
	for _, s := range sentences {
		if f&s.flag != 0 {
			all = append(all, s.text)
		}
	}
	return strings.Join(all, "; ")
}

// Verdict is how an observation and its candidates agree, without the truth. Probabilities are
// posterior predictive (Gelman, Meng & Stern 1996, Statistica Sinica 6, 733): how often what is
// left of an observation of the candidates themselves would be as far off.
type Verdict struct {
	Flags Flag
	// ChiSquared is the mean of the candidates' reduced χ², over pixels with data.
	ChiSquared float64
	// PChiSquared is the probability of a larger χ²: near 0 is a misfit, near 1 less noise than
	// is said.
	PChiSquared float64
	// Neighbors is the correlation of neighboring pixels in what is left, less that of the noise,
	// in its standard deviations where the candidates are right.
	Neighbors float64
	// Worst is the largest deviation of a pixel in standard deviations.
	Worst float64
	// Border is the mean of what is left at the border, in its standard deviations.
	Border float64
	// CutShare is the brightness of the border in units of the brightest pixel, both of the mean of
	// the candidates blurred again, and HiddenShare the share of its light without data.
	CutShare, HiddenShare float64
}

// Limits of the flags: of answers that are right about 1 in 1000 passes each of the first five.
const (
	unlikely    = 5e-4 // probability of χ²
	deviations  = 4.0  // of correlations, and of the border
	spike       = 5.5  // standard deviations of a pixel, of 4096
	cutLimit    = 0.05
	hiddenLimit = 0.25
	border      = 2 // pixels
)

// Verdict says whether the candidates explain their observation, and what of the galaxy isn't seen.
// It needs candidates with Reblurred of the observation's shape and one channel.
func (p Posterior) Verdict() (Verdict, error) {
	x, r := p.Observation, p.Reblurred
	if x == nil || r == nil || r.N == 0 || x.Channels != 1 || r.Height != x.Height ||
		r.Width != x.Width || r.Channels != 1 {
		return Verdict{}, errors.New("posterior: a verdict needs an observation of one channel " +
			"and candidates that are blurred again")
	}
	root := p.roots()
	var v Verdict
	var chi, pairs, worst, edge float64
	seen, pairCount, edgeCount := 0.0, 0.0, 0.0
	rest := make([]float64, len(root))
	light := make([]float64, len(root))
	for i := range r.N {
		for k, w := range root {
			rest[k] = (float64(x.Pixels[k]) - float64(r.At(i)[k])) * w
			if w == 0 {
				rest[k] = 0
			}
			light[k] += float64(r.At(i)[k]) / float64(r.N)
		}
		top := 0.0
		for k, w := range root {
			if w == 0 {
				continue
			}
			row, column := k/x.Width, k%x.Width
			chi, seen = chi+rest[k]*rest[k], seen+1
			top = max(top, math.Abs(rest[k]))
			if column+1 < x.Width && root[k+1] > 0 {
				pairs, pairCount = pairs+rest[k]*rest[k+1], pairCount+1
			}
			if row+1 < x.Height && root[k+x.Width] > 0 {
				pairs, pairCount = pairs+rest[k]*rest[k+x.Width], pairCount+1
			}
			if min(row, column, x.Height-1-row, x.Width-1-column) < border {
				edge, edgeCount = edge+rest[k], edgeCount+1
			}
		}
		worst += top / float64(r.N)
	}
	n := float64(r.N)
	seen, pairCount, edgeCount = seen/n, pairCount/n, edgeCount/n
	if seen < 2 {
		return Verdict{}, errors.New("posterior: the observation has no data to judge by")
	}
	v.ChiSquared, v.Worst = chi/n/seen, worst
	// Pixels that share their noise are fewer: Σρ² of them count as one.
	power, sum, side := p.shared()
	count := seen / power
	v.PChiSquared = distuv.ChiSquared{K: count}.Survival(v.ChiSquared * count)
	if pairCount > 0 {
		v.Neighbors = (pairs/n/pairCount/max(v.ChiSquared, 1) - side) *
			math.Sqrt(pairCount/power)
	}
	if edgeCount > 0 {
		v.Border = edge / n / edgeCount * math.Sqrt(edgeCount/max(sum, 1e-3))
	}
	v.CutShare, v.HiddenShare = p.unseen(light, root)
	for _, f := range []struct {
		flag Flag
		is   bool
	}{
		{Misfit, v.PChiSquared < unlikely}, {Quiet, v.PChiSquared > 1-unlikely},
		{Pattern, math.Abs(v.Neighbors) > deviations}, {Spike, v.Worst > spike},
		{Slope, math.Abs(v.Border) > deviations}, {Cut, v.CutShare > cutLimit},
		{Hidden, v.HiddenShare > hiddenLimit},
	} {
		if f.is {
			v.Flags |= f.flag
		}
	}
	return v, nil
}

// roots returns 1/σ of each pixel, 0 where there is no data.
func (p Posterior) roots() []float64 {
	root := make([]float64, len(p.Observation.Pixels))
	bad := p.Observation.BadAt(0)
	for k := range root {
		if p.InvVar != nil {
			root[k] = math.Sqrt(p.InvVar[k])
		} else if p.Noise > 0 {
			root[k] = 1 / p.Noise
		}
		if bad != nil && bad[k] {
			root[k] = 0
		}
	}
	return root
}

// shared returns Σρ² and Σρ of the noise's correlation, and the mean coefficient of neighbors.
func (p Posterior) shared() (power, sum, side float64) {
	c := p.Correlation
	if c == nil {
		return 1, 1, 0
	}
	for _, rho := range c.Values {
		power, sum = power+rho*rho, sum+rho
	}
	if half := c.Size / 2; half > 0 {
		side = (c.Values[half*c.Size+half+1] + c.Values[(half+1)*c.Size+half]) / 2
	}
	return power, sum, side
}

// unseen returns how bright the border is over the brightest pixel, and the share of light where
// there is no data.
func (p Posterior) unseen(light, root []float64) (cut, hidden float64) {
	width, height := p.Observation.Width, p.Observation.Height
	var peak, total, edge float64
	count := 0.0
	for k, v := range light {
		peak = max(peak, v)
		if v > 0 {
			total += v
			if root[k] == 0 {
				hidden += v
			}
		}
		row, column := k/width, k%width
		if min(row, column, height-1-row, width-1-column) < 1 {
			edge, count = edge+v, count+1
		}
	}
	if peak <= 0 {
		return 0, 0
	}
	return max(edge/count/peak, 0), hidden / total
}
