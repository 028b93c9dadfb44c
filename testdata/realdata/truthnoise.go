package main

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
)

// grain is the noise that the picture of a galaxy has which stands for the truth: its standard
// deviation, and the correlation of neighbors at lags of up to size/2.
type grain struct {
	sigma  float64
	size   int
	values []float64
}

// correlations returns the correlation of the noise of images that one instrument made: at each lag
// a quantile of those that the images show. Light that is too faint to be told from the sky adds to
// them: a quantile under ½ avoids it.
func correlations(images []*galaxy.Images, quantile float64) grain {
	const size = 2*galaxy.MaxLag + 1
	var all [size * size][]float64
	for _, im := range images {
		found, err := im.NoiseCorrelation()
		if err != nil { // too little sky
			continue
		}
		for k := range all {
			all[k] = append(all[k], found[0].At(k/size-galaxy.MaxLag, k%size-galaxy.MaxLag))
		}
	}
	g := grain{size: size, values: make([]float64, size*size)}
	g.values[len(g.values)/2] = 1
	for k := range len(all) / 2 {
		if len(all[k]) == 0 {
			continue
		}
		slices.Sort(all[k])
		v := stat.Quantile(quantile, stat.LinInterp, all[k], nil)
		g.values[k], g.values[len(all)-1-k] = v, v
	}
	return g
}

// at returns the coefficient of a lag.
func (g grain) at(rows, cols int) float64 {
	h := g.size / 2
	if max(rows, -rows, cols, -cols) > h {
		return 0
	}
	return g.values[(rows+h)*g.size+cols+h]
}

// averaged returns the noise of an image averaged over n×n pixels.
func (g grain) averaged(n int) grain {
	reach := (g.size/2 + n - 1) / n
	out := grain{size: 2*reach + 1}
	for row := -reach; row <= reach; row++ {
		for col := -reach; col <= reach; col++ {
			sum := 0.0
			for i := range n * n {
				for j := range n * n {
					sum += g.at(row*n+i/n-j/n, col*n+i%n-j%n)
				}
			}
			out.values = append(out.values, sum)
		}
	}
	variance := out.values[len(out.values)/2]
	floats.Scale(1/variance, out.values)
	out.sigma = g.sigma * math.Sqrt(variance) / float64(n*n)
	return out
}

// level returns the standard deviation of noise with this correlation that gives the response of
// [galaxy.Images.NoiseLevels], which takes it for white.
func (g grain) level(white float64) float64 {
	mask := [3]float64{1, -2, 1}
	sum := 0.0
	for i := range 9 {
		for j := range 9 {
			sum += mask[i/3] * mask[i%3] * mask[j/3] * mask[j%3] * g.at(i/3-j/3, i%3-j%3)
		}
	}
	return white / math.Sqrt(max(sum/36, 0.05))
}

// correlation returns the correlation as an exposure's.
func (g grain) correlation() (*observe.Correlation, error) {
	c, err := observe.Correlation{Size: g.size, Values: g.values}.Positive()
	return &c, err
}

// seeing is how a truth with a grain is observed: through a PSF, with white noise of standard
// deviation sigma. What is seen of the galaxy without its grain has the noise Π grain Πᵀ + sigma².
type seeing struct {
	grain
	height, width int
	sigma         float64
	ring          *ring
	transfer      []complex128
	power         []complex128 // of the grain
}

func newSeeing(g grain, height, width int, p psf.PSF, sigma float64) *seeing {
	s := &seeing{grain: g, height: height, width: width, sigma: sigma,
		ring: newRing(height, width, p.Size+g.size)}
	s.transfer = s.ring.kernel(odd(p))
	s.power = s.ring.kernel(g.size, g.values)
	for i, v := range s.power {
		s.power[i] = complex(max(real(v), 0)*g.sigma*g.sigma, 0)
	}
	return s
}

// noise returns the standard deviation of all noise that an observation has, and its correlation,
// nil if it is white.
func (s *seeing) noise() (float64, *observe.Correlation) {
	if s.grain.sigma == 0 {
		return s.sigma, nil
	}
	all := make([]complex128, len(s.power))
	for i, t := range s.transfer {
		k := real(t)*real(t) + imag(t)*imag(t)
		all[i] = complex(k*real(s.power[i])+s.sigma*s.sigma, 0)
	}
	plane := s.ring.backward(all, s.ring.rows, s.ring.cols)
	// Light of a PSF of σ 3 pixels that is seen again through it reaches so far.
	reach := min(20, s.ring.rows/2-1, s.ring.cols/2-1)
	c := &observe.Correlation{Size: 2*reach + 1}
	for row := -reach; row <= reach; row++ {
		for col := -reach; col <= reach; col++ {
			at := (row+s.ring.rows)%s.ring.rows*s.ring.cols + (col+s.ring.cols)%s.ring.cols
			c.Values = append(c.Values, plane[at]/plane[0])
		}
	}
	return math.Sqrt(plane[0]), c
}

func (s *seeing) apply(v []float64, with ...func([]complex128) []complex128) []float64 {
	f := s.ring.forward(v, s.height, s.width)
	for _, by := range with {
		f = by(f)
	}
	return s.ring.backward(f, s.height, s.width)
}

func (s *seeing) blur(f []complex128) []complex128 { return times(f, s.transfer, false) }
func (s *seeing) back(f []complex128) []complex128 { return times(f, s.transfer, true) }
func (s *seeing) mix(f []complex128) []complex128  { return times(f, s.power, false) }

// draw returns a grain, [height, width], given that an observation differs from what a galaxy
// without grain would show by residual: r = Π t + n. A draw of t and n is corrected by what of r
// they don't explain, t + C Πᵀ (Π C Πᵀ + σ²)⁻¹ (r − Π t − n), which makes it one of the posterior.
func (s *seeing) draw(residual []float64, rng *rand.Rand) []float64 {
	if s.grain.sigma == 0 {
		return make([]float64, len(residual))
	}
	r := s.ring
	f := r.forward(white(r.rows*r.cols, rng), r.rows, r.cols)
	for i, p := range s.power {
		f[i] *= complex(math.Sqrt(real(p)), 0)
	}
	t := r.backward(f, s.height, s.width)
	left := s.apply(t, s.blur)
	for i, n := range white(len(left), rng) {
		left[i] = residual[i] - left[i] - s.sigma*n
	}
	floats.Add(t, s.apply(s.solve(left), s.back, s.mix))
	return t
}

// solve returns (Π C Πᵀ + σ²)⁻¹ b, by conjugate gradients that are preconditioned with its inverse
// on the torus.
func (s *seeing) solve(b []float64) []float64 {
	whiten := func(f []complex128) []complex128 {
		for i, t := range s.transfer {
			k := real(t)*real(t) + imag(t)*imag(t)
			f[i] /= complex(k*real(s.power[i])+s.sigma*s.sigma, 0)
		}
		return f
	}
	x, rest := make([]float64, len(b)), slices.Clone(b)
	z := s.apply(rest, whiten)
	p := slices.Clone(z)
	rz := dot(rest, z)
	start := rz
	const steps, tolerance = 40, 1e-8
	for range steps {
		if !(rz > tolerance*start) {
			break
		}
		// Π and Πᵀ crop, as the observation does.
		q := s.apply(s.apply(p, s.back), s.mix)
		q = s.apply(q, s.blur)
		floats.AddScaled(q, s.sigma*s.sigma, p)
		step := rz / dot(p, q)
		floats.AddScaled(x, step, p)
		floats.AddScaled(rest, -step, q)
		z = s.apply(rest, whiten)
		next := dot(rest, z)
		floats.AddScaledTo(p, z, next/rz, p)
		rz = next
	}
	return x
}
