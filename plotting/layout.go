package plotting

import (
	"fmt"
	"image"
	"math"

	"galdecon/galdecon/galaxy"
)

// defaultShown is how many candidates are drawn unless Candidates.Shown says otherwise.
const defaultShown = 4

// layout is what the figures of Candidates draw: galaxies as pictures, the rest as values, [h, w],
// whose colors may depend on other galaxies in the figure. What is missing is nil.
type layout struct {
	truth, observation, psf image.Image
	estimates               []estimate // those shown, then the mean of 2 samples or more
	deviation               []float64
	stretch                 Stretch
	bad                     []bool // pixels of the observation without data; nil if there is none
}

// estimate is one sharp image that is proposed for an observation.
type estimate struct {
	name           string
	sharp, blurred image.Image
	residual       []float64
	mse            float64
}

// layout checks c and computes what is drawn of it.
func (c Candidates) layout() (*layout, error) {
	c.Observation = withoutBad(c.Observation)
	if err := c.check(); err != nil {
		return nil, err
	}
	stretch, err := c.Stretch.or(c.galaxies()...)
	if err != nil {
		return nil, err
	}
	x := c.Observation
	draw := func(pixels []float32) image.Image {
		return picture(pixels, x.Width, x.Channels, stretch)
	}
	l := &layout{observation: draw(x.At(0)), stretch: stretch, bad: x.BadAt(0)}
	add := func(name string, sharp, blurred []float32) {
		residual, mse := compare(blurred, x.At(0), x.Channels, l.bad)
		l.estimates = append(l.estimates, estimate{name, draw(sharp), draw(blurred), residual, mse})
	}
	if c.Truth != nil {
		l.truth = draw(c.Truth.At(0))
	}
	if c.PSF != nil {
		l.psf = mapped(psfOnStamp(c.PSF, x.Height, x.Width), x.Width, grayMap(), grayShades)
	}
	shown := c.Shown
	if shown == 0 {
		shown = defaultShown
	}
	for i := range min(shown, c.Samples.N) {
		add(fmt.Sprintf("candidate %d", i+1), c.Samples.At(i), c.Reblurred.At(i))
	}
	if c.Samples.N >= 2 {
		// Blurring is linear: the mean of the blurred samples is the blurred mean.
		add(fmt.Sprintf("mean of %d", c.Samples.N), mean(c.Samples), mean(c.Reblurred))
		l.deviation = deviation(c.Samples)
	}
	return l, nil
}

func (c Candidates) check() error {
	if err := check("Candidates.Observation", c.Observation); err != nil {
		return err
	}
	const x = "the observation"
	if err := checkLike("Candidates.Observation", c.Observation, 1, x, c.Observation); err != nil {
		return err
	}
	if err := check("Candidates.Samples", c.Samples); err != nil {
		return err
	}
	n := c.Samples.N
	if err := checkLike("Candidates.Samples", c.Samples, n, x, c.Observation); err != nil {
		return err
	}
	if err := checkLike("Candidates.Reblurred", c.Reblurred, n, x, c.Observation); err != nil {
		return err
	}
	if c.Truth != nil {
		if err := checkLike("Candidates.Truth", c.Truth, 1, x, c.Observation); err != nil {
			return err
		}
	}
	if c.Shown < 0 {
		return fmt.Errorf("plotting: Candidates.Shown is %d; it must be positive, or 0 for %d",
			c.Shown, defaultShown)
	}
	for name, limit := range map[string]float64{
		"ResidualLimit": c.ResidualLimit, "DeviationLimit": c.DeviationLimit,
	} {
		if !(limit >= 0) || math.IsInf(limit, 0) {
			return fmt.Errorf("plotting: Candidates.%s is %v; "+
				"it must be positive, or 0 for the largest in the figure", name, limit)
		}
	}
	if err := checkPixelScale(c.PixelScale); err != nil {
		return err
	}
	return checkPSF(c.PSF)
}

// checkPSF checks k×k weights, or none.
func checkPSF(psf []float32) error {
	if psf == nil {
		return nil
	}
	k := int(math.Sqrt(float64(len(psf))))
	if k == 0 || k*k != len(psf) {
		return fmt.Errorf("plotting: Candidates.PSF has %d weights, which is no square k×k",
			len(psf))
	}
	var top float64
	for i, v := range psf {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("plotting: Candidates.PSF has the weight %v at row %d, column %d",
				v, i/k, i%k)
		}
		top = max(top, float64(v))
	}
	if top == 0 {
		return fmt.Errorf("plotting: Candidates.PSF has no positive weight, so there is nothing " +
			"to show; leave it nil instead")
	}
	return nil
}

// psfOnStamp returns a k×k PSF, of maximum 1, centered on a dark stamp of the size of the galaxy,
// cropped where it is larger. Its center, the pixel (k/2, k/2), comes to lie on (height/2,
// width/2).
func psfOnStamp(psf []float32, height, width int) []float64 {
	k := int(math.Sqrt(float64(len(psf))))
	var top float32
	for _, v := range psf {
		top = max(top, v)
	}
	out := make([]float64, height*width)
	for i, v := range psf {
		y, x := i/k-k/2+height/2, i%k-k/2+width/2
		if y >= 0 && y < height && x >= 0 && x < width {
			out[y*width+x] = float64(v / top)
		}
	}
	return out
}

// compare returns Π*y − x, averaged over the channels, and the mean of its square over pixels and
// channels; pixels without data, where bad is true, are left out, and 0.
func compare(
	blurred, x []float32, channels int, bad []bool,
) (residual []float64, mse float64) {
	residual = make([]float64, len(x)/channels)
	seen := 0.0
	for i := range x {
		if bad != nil && bad[i/channels] {
			continue
		}
		r := float64(blurred[i]) - float64(x[i])
		residual[i/channels] += r / float64(channels)
		mse, seen = mse+r*r, seen+1
	}
	return residual, mse / max(seen, 1)
}

// mask returns what marks the pixels without data, if there are any.
func (l *layout) mask(width int) []overlay {
	if l.bad == nil {
		return nil
	}
	return []overlay{hatched(l.bad, width)}
}

// mean returns the mean image of a batch, [h, w, c].
func mean(im *galaxy.Images) []float32 {
	sum := make([]float64, len(im.At(0)))
	for i := range im.N {
		for k, v := range im.At(i) {
			sum[k] += float64(v)
		}
	}
	out := make([]float32, len(sum))
	for k, v := range sum {
		out[k] = float32(v / float64(im.N))
	}
	return out
}

// deviation returns the sample standard deviation (N − 1) of each pixel over the batch, [h, w]; the
// variances of the channels are averaged.
func deviation(im *galaxy.Images) []float64 {
	center := mean(im)
	out := make([]float64, len(center)/im.Channels)
	for i := range im.N {
		for k, v := range im.At(i) {
			r := float64(v) - float64(center[k])
			out[k/im.Channels] += r * r / float64((im.N-1)*im.Channels)
		}
	}
	for k, v := range out {
		out[k] = math.Sqrt(v)
	}
	return out
}

// residualTop returns the largest absolute residual of the estimates; roundUp makes it the range
// that shows all of them uncut.
func (l *layout) residualTop() float64 {
	var top float64
	for _, a := range l.estimates {
		for _, r := range a.residual {
			top = max(top, math.Abs(r))
		}
	}
	return top
}

// roundUp rounds v ≥ 0 up to two significant digits, so that a stated range is the true one; 0
// becomes 1, since a range must not be empty.
func roundUp(v float64) float64 {
	if v == 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-1)
	return math.Ceil(v/unit*(1-1e-12)) * unit
}
