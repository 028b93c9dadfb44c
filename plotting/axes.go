package plotting

import (
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// style gives a plot the fonts and lines of this package.
func style(p *plot.Plot, title string) {
	p.Title.Text = title
	p.Title.TextStyle = textStyle(titleSize, ink)
	p.Title.TextStyle.XAlign = text.XCenter
	p.TextHandler = handler
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.LineStyle = draw.LineStyle{Color: ink, Width: 0.75 * css}
		axis.Tick.LineStyle = axis.LineStyle
		axis.Tick.Length = 4 * css
		axis.Padding = 0
		for _, s := range []*text.Style{&axis.Label.TextStyle, &axis.Tick.Label} {
			s.Font, s.Color, s.Handler = textStyle(captionSize, ink).Font, ink, handler
		}
	}
	p.Legend.TextStyle = textStyle(captionSize, ink)
	p.Legend.TextStyle.YAlign = text.YBottom
	p.Legend.Top = true
	p.Legend.XOffs, p.Legend.YOffs = -6*css, -4*css
	p.Legend.Padding = 2 * css
	p.Legend.ThumbnailWidth = 22 * css
}

// addLevels adds pale lines at the labeled values of the vertical axis, with room for the legend.
func addLevels(p *plot.Plot) {
	grid := plotter.NewGrid()
	grid.Horizontal = draw.LineStyle{Color: strip, Width: 0.75 * css}
	grid.Vertical = draw.LineStyle{}
	p.Add(grid, blank{})
}

// blank keeps lines that were added before it from crossing the legend.
type blank struct{}

func (blank) Plot(c draw.Canvas, p *plot.Plot) {
	const margin = 4 * css
	size := p.Legend.Rectangle(c).Size()
	left := c.Max.X + p.Legend.XOffs - size.X - margin
	bottom := c.Max.Y + p.Legend.YOffs - size.Y - margin
	c.SetColor(color.White)
	c.Fill(vg.Rectangle{Min: vg.Point{X: left, Y: bottom}, Max: c.Max}.Path())
}

// percentTicks labels the multiples of a step.
type percentTicks float64

func (step percentTicks) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for k := math.Ceil(low / float64(step)); k*float64(step) <= high; k++ {
		ticks = append(ticks, plot.Tick{Value: k * float64(step), Label: number(k * float64(step))})
	}
	return ticks
}

// stepTicks labels 4 to 10 round steps.
type stepTicks struct{}

func (stepTicks) Ticks(low, high float64) []plot.Tick {
	step := max(roundBelow((high-low)/4), 1)
	var ticks []plot.Tick
	for v := math.Ceil(low/step) * step; v <= high; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', -1, 64)})
	}
	return ticks
}

// logTicks labels the powers of ten, and where the axis spans less than two decades 2 and 5 times
// them too.
type logTicks struct{}

func (logTicks) Ticks(low, high float64) []plot.Tick {
	labeled := []float64{1}
	if high/low < 100 {
		labeled = []float64{1, 2, 5}
	}
	if high/low < 3 {
		labeled = []float64{1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9}
	}
	var ticks []plot.Tick
	for power := math.Pow(10, math.Floor(math.Log10(low))); power <= high; power *= 10 {
		for m := 1.0; m < 10; m++ {
			ticks = append(ticks, plot.Tick{Value: m * power})
		}
		for _, m := range labeled {
			ticks = append(ticks, plot.Tick{Value: m * power, Label: number(m * power)})
		}
	}
	outside := func(t plot.Tick) bool { return t.Value < low || t.Value > high }
	return slices.DeleteFunc(ticks, outside)
}

// powerTicks are logTicks over many decades, whose labels need no mantissa: 10^{-4}.
type powerTicks struct{}

func (powerTicks) Ticks(low, high float64) []plot.Tick {
	ticks := logTicks{}.Ticks(low, high)
	for i := range ticks {
		ticks[i].Label = strings.TrimPrefix(ticks[i].Label, "1.0×")
	}
	return ticks
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

// magnitude returns the power of ten at the first digit of v; rounding errors don't make one of
// 999.
func magnitude(v float64) int { return int(math.Floor(math.Log10(math.Abs(v)) + 1e-9)) }
