package plotting

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

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
	p.Add(levels())
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

// valueTicks labels the multiples of a step.
type valueTicks float64

func (step valueTicks) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for k := int(math.Ceil(low / float64(step))); float64(k)*float64(step) <= high; k++ {
		v := float64(k) * float64(step)
		ticks = append(ticks, plot.Tick{Value: v, Label: step.label(v)})
	}
	return ticks
}

// label writes v as [number] does, with as many digits more as tell it from the next multiple: 1020
// from 1000.
func (step valueTicks) label(v float64) string {
	digits := 2
	if v != 0 {
		digits = max(digits, magnitude(v)-magnitude(float64(step))+1)
	}
	return significant(v, digits)
}

// magnitude is the power of ten at the first digit of v; rounding errors don't make one of 999.
func magnitude(v float64) int { return int(math.Floor(math.Log10(math.Abs(v)) + 1e-9)) }

// powerTicks are logTicks over many decades, whose labels need no mantissa: 10^{-4}.
type powerTicks struct{}

func (powerTicks) Ticks(low, high float64) []plot.Tick {
	ticks := logTicks{}.Ticks(low, high)
	for i := range ticks {
		ticks[i].Label = strings.TrimPrefix(ticks[i].Label, "1.0×")
	}
	return ticks
}

// levels are pale lines at the labeled values of the vertical axis.
func levels() *plotter.Grid {
	grid := plotter.NewGrid()
	grid.Horizontal = draw.LineStyle{Color: strip, Width: 0.75 * css}
	grid.Vertical = draw.LineStyle{}
	return grid
}

// curves is a figure of one plot.
func curves(title string, width, height float64, p *plot.Plot) *Figure {
	figure := &Figure{Title: title, Width: width, Height: height, dpi: sharp}
	figure.draw = func(c draw.Canvas) { p.Draw(draw.Crop(c, 2*css, -12*css, 2*css, -4*css)) }
	return figure
}
