package galdecon

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
	"galdecon/galdecon/table"
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

// quantity is a row of an answer.
type quantity struct {
	name, unit      string
	of              posterior.Interval
	observed, truth float64 // NaN where there is none
}

// quantities are the rows.
func (a *Answer) quantities() []quantity {
	length, scale := "pixels", 1.0
	if a.PixelScale > 0 {
		length, scale = "arcsec", a.PixelScale
	}
	unit := 1.0
	if s := a.Posterior.Observation.Scale; s != nil {
		unit = s[0]
	}
	value := func(p *score.Photometry, of func(p *score.Photometry) float64) float64 {
		if p == nil {
			return math.NaN()
		}
		return of(p)
	}
	row := func(name, unit string, i posterior.Interval,
		of func(p *score.Photometry) float64) quantity {
		return quantity{name, unit, i, value(a.Observed, of), value(a.Truth, of)}
	}
	m := a.Candidates
	flux := row("flux", a.Unit, m.Flux, func(p *score.Photometry) float64 { return p.Aperture })
	flux.observed *= unit
	return []quantity{flux,
		row("half-light radius", length, m.HalfLight.Scaled(scale),
			func(p *score.Photometry) float64 { return scale * p.HalfLight }),
		row("ellipticity g1", "", m.G1, func(p *score.Photometry) float64 { return p.G1 }),
		row("ellipticity g2", "", m.G2, func(p *score.Photometry) float64 { return p.G2 }),
	}
}

// String returns the answer as text, at most 100 columns wide: a row for each quantity, with the
// observation's own and, where it is known, the truth and how many error bars it is away; then χ²
// and how often it is larger by chance, and the warnings.
func (a *Answer) String() string {
	var text strings.Builder
	cell := func(v float64, format string) string {
		if math.IsNaN(v) {
			return ""
		}
		return strings.Replace(fmt.Sprintf(format, v), "-", "−", 1)
	}
	line := func(name, of, observed, truth, pull string) {
		s := fmt.Sprintf("%-18s %-38s %12s %12s %6s", name, of, observed, truth, pull)
		fmt.Fprintln(&text, strings.TrimRight(s, " "))
	}
	recalibrated := ""
	if a.Candidates.Recalibrated {
		recalibrated = ", recalibrated"
	}
	fmt.Fprintf(&text, "%s: %d of %d candidates measured within %g pixels%s\n",
		a.Posterior.Observation.ID(0), a.Candidates.Measured,
		a.Candidates.Measured+a.Candidates.Failed, a.Aperture, recalibrated)
	if a.Truth != nil {
		line("", "candidates", "observed", "truth", "pull")
	} else {
		line("", "candidates", "observed", "", "")
	}
	pulls := a.Pulls()
	for i, q := range a.quantities() {
		pull := math.NaN()
		if pulls != nil {
			pull = pulls[i]
		}
		line(q.name, q.of.WithUnit(q.unit), cell(q.observed, "%.4g"), cell(q.truth, "%.4g"),
			cell(pull, "%+.1f"))
	}
	fmt.Fprintf(&text, "χ² %.2f (more by chance in %.2g %%)", a.Verdict.ChiSquared,
		100*a.Verdict.PChiSquared)
	if a.SkyError > 0 {
		fmt.Fprintf(&text, "; the sky's level adds ±%.2g to all fluxes alike", a.SkyError)
	}
	fmt.Fprintln(&text)
	for _, w := range a.Warnings {
		fmt.Fprintln(&text, table.Fold(w, "WARNING: ", "  "))
	}
	return text.String()
}
