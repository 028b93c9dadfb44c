package galdecon

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
)

// Answer is what the candidates of a galaxy say about it, with what must be known to believe it.
type Answer struct {
	// Posterior are the candidates, and Aperture is the radius in pixels that flux is measured in.
	Posterior Posterior
	Aperture  float64
	// Candidates is what they say, in units of the image and in pixels.
	Candidates posterior.Measurement
	// Observed is what the observation itself shows, blurred, with pixels without data
	// interpolated, and Truth the galaxy as it is; nil where that can't be measured, or isn't known.
	Observed, Truth *score.Photometry
	// Unit is that of a pixel's value, "" if unknown, and PixelScale is in arcseconds, 0 if unknown.
	Unit       string
	PixelScale float64
	// Verdict is how the observation and its candidates agree.
	Verdict posterior.Verdict
	// SkyError is by how much the error of the sky's level shifts the flux, for all candidates
	// alike.
	SkyError float64
	// Warnings say in words why not to believe it, none where all is well.
	Warnings []string
}

// hiddenShare is the share of an aperture without data that is worth a warning.
const hiddenShare = 0.02

// Measure measures candidates of a galaxy in the middle of a stamp of the field ([Field.At]), in an
// aperture of the given radius in pixels, as [posterior.Posterior.Measure] does, and looks for what
// speaks against believing it.
func (f *Field) Measure(p Posterior, aperture float64) (*Answer, error) {
	m, err := p.Measure(aperture)
	if err != nil {
		return nil, err
	}
	a := &Answer{Posterior: p, Aperture: aperture, Candidates: m, PixelScale: f.PixelScale,
		SkyError: f.Sky.StdErr * math.Pi * aperture * aperture}
	if a.Verdict, err = p.Verdict(); err != nil {
		return nil, err
	}
	if f.Header != nil {
		a.Unit, _ = f.Header.Text("BUNIT")
	}
	filled, err := p.Observation.Fill(galaxy.BadInterpolate, 1)
	if err != nil {
		return nil, err
	}
	if seen, err := score.Measure(filled, aperture); err == nil {
		a.Observed = &seen
	} else {
		a.warn("The observation itself can't be measured: %v.", err)
	}
	return a, a.judge()
}

// Against measures the true galaxy as well, on a stamp like that of the candidates.
func (a *Answer) Against(truth *galaxy.Images) error {
	y, err := score.Measure(truth, a.Aperture)
	if err != nil {
		return fmt.Errorf("galdecon: cannot measure the truth: %w", err)
	}
	a.Truth = &y
	return nil
}

func (a *Answer) warn(format string, args ...any) {
	a.Warnings = append(a.Warnings, fmt.Sprintf(format, args...))
}

// judge finds the warnings.
func (a *Answer) judge() error {
	p, im := a.Posterior, a.Posterior.Observation
	if flags := a.Verdict.Flags; flags != 0 {
		for sentence := range strings.SplitSeq(flags.String(), "; ") {
			a.warn("%s%s.", strings.ToUpper(sentence[:1]), sentence[1:])
		}
	}
	if m := a.Candidates; m.Failed > 0 {
		a.warn("%d of %d candidates can't be measured, and aren't in the error bars.", m.Failed,
			m.Measured+m.Failed)
	}
	x, y := float64(im.Width-1)/2, float64(im.Height-1)/2
	hidden, area := 0, 0
	for k := range im.Pixels {
		if math.Hypot(float64(k%im.Width)-x, float64(k/im.Width)-y) <= a.Aperture {
			area++
			if p.InvVar != nil && p.InvVar[k] == 0 {
				hidden++
			}
		}
	}
	if share := float64(hidden) / float64(area); share > hiddenShare {
		a.warn("%.0f %% of the aperture has no data: what lies there is what the model expects, "+
			"and the error bars count that.", 100*share)
	}
	return a.findBlends(x, y)
}

// findBlends warns of other peaks whose light is within the aperture, or nearly.
func (a *Answer) findBlends(x, y float64) error {
	peaks, err := a.Posterior.Observation.FindPeaks()
	if err != nil || len(peaks) == 0 {
		return err
	}
	away := func(p galaxy.Peak) float64 {
		return math.Hypot(float64(p.Column)-x, float64(p.Row)-y)
	}
	own := slices.MinFunc(peaks, func(p, q galaxy.Peak) int {
		if away(p) < away(q) {
			return -1
		}
		return 1
	})
	const margin = 2 // pixels, of its light
	for _, p := range peaks {
		if d := away(p); p != own && d < a.Aperture+margin {
			a.warn("Another peak, %.1f pixels from the middle, has light within the aperture of "+
				"%g pixels, or is part of the galaxy.", d, a.Aperture)
		}
	}
	return nil
}

// Pulls returns how far flux, half-light radius, g1 and g2 are from the truth in error bars
// ([posterior.Interval.Pull]); nil where the truth isn't known.
func (a *Answer) Pulls() []float64 {
	if a.Truth == nil {
		return nil
	}
	var pulls []float64
	for _, q := range a.quantities() {
		pulls = append(pulls, q.of.Pull(q.truth))
	}
	return pulls
}
