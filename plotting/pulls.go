package plotting

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"
)

// Pulls shows how far measurements are from the truth, over their error bars, one histogram for
// each quantity. Error bars that are right give the unit Gaussian, too narrow ones a wider
// histogram, and a bias one that is shifted. A gray strip holds each bar of right ones in 95 % of
// all cases.
type Pulls struct {
	// Histograms, 1 to 12, share one scale.
	Histograms []PullHistogram
	// Title stands above; it may be empty.
	Title string
}

// PullHistogram is the pulls of a quantity: of each galaxy the measured value minus the true one,
// over the error bar on that side. There are 3 or more, and they are finite.
type PullHistogram struct {
	Name  string
	Pulls []float64
}

// Pulls beyond farPull are drawn in the outer bars.
const (
	farPull   = 4.0
	pullWidth = 0.5
	pullBins  = int(2 * farPull / pullWidth)
)

// Figure draws the histograms, up to 4 in a row. It is an error if there are none or more than 12,
// or if one has fewer than 3 pulls, or some that aren't finite.
func (p Pulls) Figure() (*Figure, error) {
	const most = 12
	if len(p.Histograms) < 1 || len(p.Histograms) > most {
		return nil, fmt.Errorf("plotting: Pulls has 1 to %d histograms, got %d", most,
			len(p.Histograms))
	}
	var panels []*plot.Plot
	highest := 0.0
	for i, h := range p.Histograms {
		if len(h.Pulls) < 3 {
			return nil, fmt.Errorf("plotting: the PullHistogram %q has %d pulls; at least 3 are "+
				"needed", h.Name, len(h.Pulls))
		}
		for _, v := range h.Pulls {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("plotting: the PullHistogram %q holds %v; pulls are finite",
					h.Name, v)
			}
		}
		panel, top := h.panel()
		if i%panelsInRow == 0 {
			panel.Y.Label.Text = "density"
		}
		panels, highest = append(panels, panel), max(highest, top)
	}
	for _, panel := range panels {
		panel.Y.Min, panel.Y.Max = 0, 1.06*highest
		panel.Y.Tick.Marker = valueTicks(roundBelow(highest / 2))
	}
	foot := "curve: the unit Gaussian, of right error bars; gray: where each bar lies then, at " +
		fmt.Sprintf("95 %%; outer bars: all beyond ±%g", farPull-pullWidth)
	return panelFigure(titleOr(p.Title, "pulls"), p.Title, foot, panels), nil
}

// panel draws the histogram, and returns how high it is.
func (h PullHistogram) panel() (p *plot.Plot, top float64) {
	n := float64(len(h.Pulls))
	density := make([]float64, pullBins)
	inside := 0.0
	for _, v := range h.Pulls {
		bin := int(math.Floor((v + farPull) / pullWidth))
		density[min(max(bin, 0), pullBins-1)] += 1 / (n * pullWidth)
		if math.Abs(v) <= 1 {
			inside += 1 / n
		}
	}
	p = plot.New()
	style(p, "")
	p.Title.TextStyle.Font.Size = captionSize * css
	mean, deviation := stat.MeanStdDev(h.Pulls, nil)
	p.Title.Text = fitted(h.Name, p.Title.TextStyle, (rankPanel-40)*css) + "\n" + fmt.Sprintf(
		"mean %s ± %s, σ %s ± %s", minus(fmt.Sprintf("%.2f", mean)),
		fmt.Sprintf("%.2f", deviation/math.Sqrt(n)), fmt.Sprintf("%.2f", deviation),
		fmt.Sprintf("%.2f", deviation/math.Sqrt(2*(n-1))))
	p.X.Label.Text = fmt.Sprintf("pull; %.0f %% of %d within ±1", 100*inside, len(h.Pulls))
	p.X.Tick.Marker = percentTicks(2)

	var low, high, outline plotter.XYs
	outline = append(outline, plotter.XY{X: -farPull, Y: 0})
	for k, v := range density {
		left := -farPull + float64(k)*pullWidth
		right := left + pullWidth
		share := distuv.UnitNormal.CDF(right) - distuv.UnitNormal.CDF(left)
		if k == 0 || k == pullBins-1 {
			share = distuv.UnitNormal.CDF(-farPull + pullWidth)
		}
		few, many := binomialInterval(len(h.Pulls), share, 0.95)
		few, many = few/(n*pullWidth), many/(n*pullWidth)
		for _, x := range []float64{left, right} {
			outline = append(outline, plotter.XY{X: x, Y: v})
			low = append(low, plotter.XY{X: x, Y: few})
			high = append(high, plotter.XY{X: x, Y: many})
		}
		top = max(top, v, many)
	}
	outline = append(outline, plotter.XY{X: farPull, Y: 0})
	band := slices.Clone(high)
	slices.Reverse(band)
	var bell plotter.XYs
	for x := -farPull; x <= farPull; x += 0.05 {
		bell = append(bell, plotter.XY{X: x, Y: distuv.UnitNormal.Prob(x)})
	}
	p.Add(filled(append(slices.Clone(low), band...), strip),
		filled(outline, overWhite(blue, 0.25)),
		&plotter.Line{XYs: low, LineStyle: dashedLine},
		&plotter.Line{XYs: high, LineStyle: dashedLine},
		&plotter.Line{XYs: outline, LineStyle: draw.LineStyle{Color: blue, Width: 1.25 * css}},
		&plotter.Line{XYs: bell, LineStyle: draw.LineStyle{Color: ink, Width: 1.25 * css}})
	p.X.Min, p.X.Max = -farPull, farPull
	return p, top
}

// binomialInterval returns the smallest and the largest of the counts, of n trials of a
// probability, that are left when the least and the most likely of no more than half of what is
// beyond the level are taken away at either end.
func binomialInterval(n int, probability, level float64) (few, many float64) {
	b := distuv.Binomial{N: float64(n), P: probability}
	below := 0.0
	many = float64(n)
	for k := range n + 1 {
		if below += b.Prob(float64(k)); below <= (1-level)/2 {
			few = float64(k + 1)
		} else if below >= 1-(1-level)/2 {
			return few, float64(k)
		}
	}
	return few, many
}
