package plotting

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"galdecon/galdecon/galaxy"
)

// PixelHistogram is a histogram of pixel values, the share of pixels in each of 80 bins on a
// logarithmic scale: where the sky lies, how wide its noise is, and how few pixels are bright.
type PixelHistogram struct {
	// Curves are compared with each other, 1 to 6 of them.
	Curves []PixelCurve
	// Title stands above the curves; it may be empty.
	Title string
}

// PixelCurve is a batch of images, of which all pixels and channels count, with a name.
type PixelCurve struct {
	Name   string
	Images *galaxy.Images
}

const (
	histogramWidth, histogramHeight = 640, 260
	histogramBins                   = 80
)

// Figure draws the histogram. It is an error if there are no curves or more than 6, or if the
// images of one aren't valid.
func (h PixelHistogram) Figure() (*Figure, error) {
	if err := checkCurves("PixelHistogram", len(h.Curves)); err != nil {
		return nil, err
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, curve := range h.Curves {
		if curve.Images == nil {
			return nil, fmt.Errorf("plotting: PixelCurve %q has no images (nil)", curve.Name)
		}
		if err := curve.Images.Validate(); err != nil {
			return nil, fmt.Errorf("plotting: PixelCurve %q: %w", curve.Name, err)
		}
		low = min(low, float64(slices.Min(curve.Images.Pixels)))
		high = max(high, float64(slices.Max(curve.Images.Pixels)))
	}
	if low == high {
		low, high = low-0.5, high+0.5 // one value throughout
	}
	p := plot.New()
	style(p, h.Title)
	p.X.Label.Text = "pixel value"
	p.Y.Label.Text = "share of pixels"
	p.X.Tick.Marker = valueTicks(roundBelow((high - low) / 4))
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, powerTicks{}
	addLevels(p)
	floor := 1.0
	for _, curve := range h.Curves {
		// half a pixel: empty bins lie there, below all others
		floor = min(floor, 0.5/float64(len(curve.Images.Pixels)))
	}
	width := (high - low) / histogramBins
	for k, curve := range h.Curves {
		var outline plotter.XYs
		for i, share := range shares(curve.Images.Pixels, low, high) {
			y := max(share, floor)
			left, right := low+float64(i)*width, low+float64(i+1)*width
			outline = append(outline, plotter.XY{X: left, Y: y}, plotter.XY{X: right, Y: y})
		}
		line := curveLine(k, outline)
		p.Add(line)
		p.Legend.Add(curve.Name, line)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, high, floor, 1
	return curves(titleOr(h.Title, "pixel values"), histogramWidth, histogramHeight, p), nil
}

// shares returns the part of the pixels in each bin between low and high, which is in the last.
func shares(pixels []float32, low, high float64) []float64 {
	out := make([]float64, histogramBins)
	for _, v := range pixels {
		bin := int((float64(v) - low) / (high - low) * histogramBins)
		out[min(bin, histogramBins-1)] += 1 / float64(len(pixels))
	}
	return out
}
