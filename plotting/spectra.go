package plotting

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"galdecon/galdecon/score"
)

// Spectra compares radial power spectra, on a logarithmic scale up to the Nyquist frequency of ½
// cycle per pixel: what a blur takes away, and from which frequency on noise hides the rest. The
// power at frequency 0, of the mean of an image, isn't shown.
type Spectra struct {
	// Curves are compared with each other, 1 to 6 of them.
	Curves []SpectrumCurve
	// Noise is a standard deviation of white noise: a dashed line at its power, the square of it. 0
	// shows none.
	Noise float64
	// Title stands above the curves; it may be empty.
	Title string
}

// SpectrumCurve is a measured spectrum with the name of what it was measured of.
type SpectrumCurve struct {
	Name     string
	Spectrum score.Spectrum
}

const (
	spectraWidth, spectraHeight = 640, 300
	nyquist                     = 0.5
)

// Figure draws the spectra. Rings without power, which a logarithmic scale can't show, are left
// out. It is an error if there are no curves or more than 6, or if one has fewer than 2 rings with
// power.
func (s Spectra) Figure() (*Figure, error) {
	if err := checkCurves("Spectra", len(s.Curves)); err != nil {
		return nil, err
	}
	if !(s.Noise >= 0) || math.IsInf(s.Noise, 1) {
		return nil, fmt.Errorf("plotting: Spectra.Noise is a standard deviation, "+
			"0 for none, got %g", s.Noise)
	}
	p := plot.New()
	style(p, s.Title)
	p.X.Label.Text = "spatial frequency, cycles per pixel"
	p.Y.Label.Text = "power"
	p.X.Tick.Marker = valueTicks(0.1)
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, powerTicks{}
	addLevels(p)
	for k, curve := range s.Curves {
		m := curve.Spectrum
		if len(m.Frequency) != len(m.Power) {
			return nil, fmt.Errorf("plotting: SpectrumCurve %q has %d frequencies and %d powers; "+
				"it comes from score.PowerSpectrum", curve.Name, len(m.Frequency), len(m.Power))
		}
		var xys plotter.XYs
		for ring, power := range m.Power {
			if math.IsNaN(power) || math.IsInf(power, 0) || power < 0 {
				return nil, fmt.Errorf("plotting: SpectrumCurve %q has the power %v in ring %d; "+
					"powers are finite and not negative", curve.Name, power, ring)
			}
			if ring > 0 && power > 0 && m.Frequency[ring] <= nyquist {
				xys = append(xys, plotter.XY{X: m.Frequency[ring], Y: power})
			}
		}
		if len(xys) < 2 {
			return nil, fmt.Errorf("plotting: SpectrumCurve %q has %d rings with power up to the "+
				"Nyquist frequency; at least 2 are needed", curve.Name, len(xys))
		}
		line, glyphs := curveLine(k, xys), curveScatter(k, xys)
		p.Add(line, glyphs)
		p.Legend.Add(curve.Name, line, glyphs)
	}
	if power := s.Noise * s.Noise; power > 0 {
		level := plotter.XYs{{X: 0, Y: power}, {X: nyquist, Y: power}}
		line := &plotter.Line{XYs: level, LineStyle: dashedLine}
		p.Add(line)
		p.Legend.Add("white noise of σ = "+number(s.Noise), line)
	}
	p.X.Min, p.X.Max = 0, nyquist
	p.Y.Min, p.Y.Max = p.Y.Min/1.5, p.Y.Max*1.5
	return curves(titleOr(s.Title, "power spectra"), spectraWidth, spectraHeight, p), nil
}
