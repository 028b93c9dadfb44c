package plotting

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"galdecon/galdecon/fit"
)

// Point is a loss at a step of training.
type Point = fit.Point

// Loss is a loss curve: every training loss in a pale line, their running mean in a strong one, and
// the validation losses as points, over the training step, on a logarithmic scale.
type Loss struct {
	// Training are the losses in the order of the steps, 2 points at least.
	Training []Point
	// Validation may be empty.
	Validation []Point
	// Title stands above the curve; it may be empty.
	Title string
}

// The colors of Okabe & Ito (2008), which color-blind readers tell apart.
var (
	blue       = color.NRGBA{0x00, 0x72, 0xb2, 0xff}
	paleBlue   = color.NRGBA{0xaf, 0xd3, 0xe7, 0xff} // opaque: some SVG readers know nothing else
	vermillion = color.NRGBA{0xd5, 0x5e, 0x00, 0xff}
)

const (
	lossWidth, lossHeight = 640, 260
	// maxPoints is how many points of a line are drawn; more would not be seen.
	maxPoints = 640
)

// Figure draws the curve. Losses that a logarithmic scale can't show, not finite or not positive,
// are left out, and their number is stated; it is an error if fewer than 2 training losses are
// left, or if the steps decrease.
func (l Loss) Figure() (*Figure, error) {
	for _, series := range [][]Point{l.Training, l.Validation} {
		if !slices.IsSortedFunc(series, func(a, b Point) int { return a.Step - b.Step }) {
			return nil, fmt.Errorf("plotting: the steps of a Loss must not decrease; " +
				"sort its points")
		}
	}
	training, validation := drawable(l.Training), drawable(l.Validation)
	if len(training) < 2 {
		return nil, fmt.Errorf("plotting: a loss curve needs at least 2 finite, positive "+
			"training losses, but has %d (of %d)", len(training), len(l.Training))
	}
	p := plot.New()
	style(p, l.Title)
	p.X.Label.Text = "training step"
	p.Y.Label.Text = "loss"
	if n := len(l.Training) + len(l.Validation) - len(training) - len(validation); n > 0 {
		p.X.Label.Text += fmt.Sprintf("; left out, as not finite or not positive: %d", n)
	}
	p.X.Tick.Marker = stepTicks{}
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks{}

	addLevels(p)
	raw := &plotter.Line{
		XYs:       thinned(training, maxPoints),
		LineStyle: draw.LineStyle{Color: paleBlue, Width: 1 * css},
	}
	smooth := &plotter.Line{
		XYs:       thinned(runningMean(training), maxPoints),
		LineStyle: draw.LineStyle{Color: blue, Width: 1.75 * css},
	}
	p.Add(raw, smooth)
	p.Legend.Add("training loss", raw)
	p.Legend.Add("running mean", smooth)
	if len(validation) > 0 {
		points := &plotter.Scatter{XYs: thinned(validation, maxPoints), GlyphStyle: draw.GlyphStyle{
			Color: vermillion, Radius: 2.5 * css, Shape: draw.CircleGlyph{}}}
		p.Add(points)
		p.Legend.Add("validation", points)
	}
	p.X.Max = max(p.X.Max, float64(training[len(training)-1].Step)) // thinned may lack the last
	if p.X.Min == p.X.Max {                                         // The same step throughout.
		p.X.Max++
	}
	p.Y.Min, p.Y.Max = p.Y.Min/1.1, p.Y.Max*1.1
	return &Figure{Title: "loss curve", Width: lossWidth, Height: lossHeight, dpi: sharp,
		colors: curvePalette(), draw: func(c draw.Canvas) {
			p.Draw(draw.Crop(c, 2*css, -10*css, 2*css, -2*css))
		}}, nil
}

// curvePalette holds the colors of a curve and their blends with white, as lines have at their
// edges.
func curvePalette() color.Palette {
	colors := ramp(grayMap(), 96)
	for _, c := range []color.NRGBA{blue, vermillion} {
		for i := range 80 {
			c.A = uint8(255 * (i + 1) / 80)
			r, g, b, a := c.RGBA() // Each is multiplied with a already.
			white := 0xffff - a
			over := func(v uint32) uint16 { return uint16(v + white) }
			colors = append(colors, color.RGBA64{over(r), over(g), over(b), 0xffff})
		}
	}
	return colors
}

// drawable returns the points that a logarithmic scale can show.
func drawable(points []Point) []Point {
	var out []Point
	for _, p := range points {
		if p.Loss > 0 && !math.IsInf(p.Loss, 1) {
			out = append(out, p)
		}
	}
	return out
}

// runningMean averages each loss with its neighbors, 1 % of the points on either side but 10 where
// there are so many. At the start, where losses fall steeply, it takes equally many from both
// sides, not to be off; at the end, where they are noisy but level, all that it can get.
func runningMean(points []Point) []Point {
	n := len(points)
	sums := make([]float64, n+1)
	for i, p := range points {
		sums[i+1] = sums[i] + p.Loss
	}
	half := max(n/100, min(n/10, 10))
	out := make([]Point, n)
	for i, p := range points {
		from, to := i-min(half, i), i+min(half, i, n-1-i)+1
		out[i] = Point{Step: p.Step, Loss: (sums[to] - sums[from]) / float64(to-from)}
	}
	return out
}

// thinned keeps, of each of n/2 runs of points, the lowest and the highest: what a line through all
// of them would cover.
func thinned(points []Point, n int) plotter.XYs {
	var out plotter.XYs
	add := func(p Point) { out = append(out, plotter.XY{X: float64(p.Step), Y: p.Loss}) }
	if len(points) <= n {
		for _, p := range points {
			add(p)
		}
		return out
	}
	for i := range n / 2 {
		block := points[i*len(points)/(n/2) : (i+1)*len(points)/(n/2)]
		byLoss := func(a, b Point) int {
			if a.Loss < b.Loss {
				return -1
			}
			return 1
		}
		low, high := slices.MinFunc(block, byLoss), slices.MaxFunc(block, byLoss)
		if low.Step > high.Step {
			low, high = high, low
		}
		add(low)
		add(high)
	}
	return out
}
