package synthetic

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// The generator measures lengths in sides of the stamp, from its center: a stamp reaches from -0.5
// to 0.5 in x (column) and y (row), whatever its number of pixels. Surface brightness is flux per
// area of the stamp.

// sersic is the profile I(R) = I0 exp(-b (R/Re)^(1/n)) of Sérsic (1963). Half of the flux lies
// within Re: b solves P(2n, b) = 1/2 with the regularized incomplete gamma function P. n = 1 is an
// exponential disc and n = 4 de Vaucouleurs' law (Graham & Driver 2005, PASA 22, 118, eq. 1-5).
type sersic struct {
	re float64 // half-light radius
	n  float64 // Sérsic index
	b  float64
	i0 float64 // central surface brightness, for a total flux as given to newSersic

	table []float64 // nil, or values at the radii k/cells, see tabulate
	cells float64
}

// newSersic returns the profile of half-light radius re and index n whose isophotes are ellipses of
// axis ratio q with re along their major axis. Its flux is 2π n Re² q I0 b^(-2n) Γ(2n).
func newSersic(flux, re, n, q float64) sersic {
	b := mathext.GammaIncRegInv(2*n, 0.5)
	lgamma, _ := math.Lgamma(2 * n)
	area := 2 * math.Pi * n * re * re * q * math.Exp(lgamma-2*n*math.Log(b))
	return sersic{re: re, n: n, b: b, i0: flux / area}
}

// tabulate makes at faster, out to the radius reach, by linear interpolation between 512 values.
// The error is below 0.5 % of the value; the first cells, where the profile may have a cusp, stay
// exact.
func (s *sersic) tabulate(reach float64) {
	const n = 512
	table := make([]float64, n+1)
	for k := range table {
		r := reach * float64(k) / n
		table[k] = s.at(r * r)
	}
	s.table, s.cells = table, n/reach
}

// at returns the surface brightness at the squared radius r2.
func (s *sersic) at(r2 float64) float64 {
	if cell := math.Sqrt(r2) * s.cells; cell > 16 && int(cell)+1 < len(s.table) {
		k := int(cell)
		return s.table[k] + (cell-float64(k))*(s.table[k+1]-s.table[k])
	}
	if r2 == 0 {
		return s.i0
	}
	return s.i0 * math.Exp(-s.b*math.Exp(math.Log(r2/(s.re*s.re))/(2*s.n)))
}

// radiusOf returns the inverse of at: the radius where the surface brightness is i; 0 where the
// center is fainter.
func (s *sersic) radiusOf(i float64) float64 {
	return s.re * math.Pow(math.Log(max(1, s.i0/i))/s.b, s.n)
}

// frame carries positions on the sky into the plane of an inclined disc, where it is round.
type frame struct {
	x, y     float64 // the center
	cos, sin float64 // of the position angle of the major axis, from +x towards +y
	q        float64 // projected axis ratio
}

func newFrame(x, y, angle, q float64) frame {
	return frame{x: x, y: y, cos: math.Cos(angle), sin: math.Sin(angle), q: q}
}

// in returns the coordinates along the major axis, and along the minor one stretched by 1/q.
func (f frame) in(x, y float64) (u, v float64) {
	x, y = x-f.x, y-f.y
	return x*f.cos + y*f.sin, (y*f.cos - x*f.sin) / f.q
}

// out undoes in.
func (f frame) out(u, v float64) (x, y float64) {
	v *= f.q
	return f.x + u*f.cos - v*f.sin, f.y + u*f.sin + v*f.cos
}

// axisRatio returns the projected axis ratio of an oblate spheroid of thickness q0 seen at an
// inclination i: q² = cos²i + q0² sin²i (Hubble 1926, ApJ 64, 321).
func axisRatio(cosI, q0 float64) float64 {
	return math.Sqrt(cosI*cosI + q0*q0*(1-cosI*cosI))
}

// canvas is a stamp being drawn, [size, size, channels]. Its values are mean surface brightness
// within a pixel.
type canvas struct {
	pixels         []float32
	size, channels int
}

// color is the weight of a component in each channel; a canvas of one channel has the weight 1.
type color [maxBands]float64

func (c canvas) add(row, col int, value float64, tint color) {
	at := (row*c.size + col) * c.channels
	if c.channels == 1 {
		c.pixels[at] += float32(value)
		return
	}
	for k := range c.channels {
		c.pixels[at+k] += float32(value * tint[k])
	}
}

// paint adds a component of surface brightness at(x, y), integrated over each pixel. Its profile
// has unit flux, and f is its frame. Its mean surface brightness within the half-light radius sets
// the accuracy:
//
// A pixel is halved until halving it once more changes its mean by less than 1 %, or by less than 5
// % of that brightness, so cusps and thin discs are resolved and flux is conserved. Where the
// profile has fallen below those 5 %, the value at the pixel's center will do, and below the share
// least nothing is drawn.
func (c canvas) paint(
	at func(x, y float64) float64, f frame, profile *sersic, flux float64, tint color,
	least float64,
) {
	h := 1 / float64(c.size)
	bright := 0.5 / (math.Pi * profile.re * profile.re * f.q)
	margin := h / math.Sqrt2 / f.q // no point of a pixel is further than h/√2 from its center
	fine, reach := profile.radiusOf(bright/20)+margin, profile.radiusOf(bright*least)+margin
	profile.tabulate(min(reach, 1/f.q)) // a stamp of side 1 seen from near its center
	for row := range c.size {
		for col := range c.size {
			x, y := (float64(col)+0.5)*h-0.5, (float64(row)+0.5)*h-0.5
			u, v := f.in(x, y)
			r2 := u*u + v*v
			if r2 > reach*reach {
				continue
			}
			value := at(x, y)
			if r2 < fine*fine {
				value = pixelMean(at, x, y, h, value, flux*bright/20, 6)
			}
			c.add(row, col, value, tint)
		}
	}
}

// pixelMean averages at over the square of side h around (x, y), where its value is center, by
// adaptive midpoint sums.
func pixelMean(
	at func(x, y float64) float64, x, y, h, center, tolerance float64, depth int,
) float64 {
	q := h / 4
	corners := [4][2]float64{{x - q, y - q}, {x + q, y - q}, {x - q, y + q}, {x + q, y + q}}
	var values [4]float64
	var mean float64
	for k, p := range corners {
		values[k] = at(p[0], p[1])
		mean += values[k] / 4
	}
	if depth == 0 || math.Abs(mean-center) <= 0.01*math.Abs(mean)+tolerance {
		return mean
	}
	mean = 0
	for k, p := range corners {
		// A quarter of the area may miss by four times as much before it matters as much to the
		// pixel.
		mean += pixelMean(at, p[0], p[1], h/2, values[k], 4*tolerance, depth-1) / 4
	}
	return mean
}

// spot adds a round Gaussian of the given flux and standard deviation, integrated exactly over each
// pixel.
func (c canvas) spot(x, y, sigma, flux float64, tint color) {
	// The share of a 1-D Gaussian in each pixel, from differences of its distribution function.
	share := func(center float64) (first int, weights []float64) {
		n := float64(c.size)
		lo := max(0, int(math.Floor((center-5*sigma+0.5)*n)))
		hi := min(c.size, int(math.Ceil((center+5*sigma+0.5)*n)))
		cdf := func(edge int) float64 {
			return 0.5 * math.Erf((float64(edge)/n-0.5-center)/(sigma*math.Sqrt2))
		}
		for i := lo; i < hi; i++ {
			weights = append(weights, cdf(i+1)-cdf(i))
		}
		return lo, weights
	}
	top, rows := share(y)
	left, cols := share(x)
	density := flux * float64(c.size) * float64(c.size)
	for i, wy := range rows {
		for j, wx := range cols {
			c.add(top+i, left+j, density*wy*wx, tint)
		}
	}
}

// blur convolves with a round Gaussian of standard deviation sigma pixels, by repeated passes with
// the weights (v/2, 1-v, v/2) of variance v: the variance is exact also for sigma far below a
// pixel, where a sampled Gaussian is not. The sum of the pixels is conserved: light that would
// leave the stamp is reflected at its edge.
func (c canvas) blur(sigma float64) {
	variance := sigma * sigma
	if variance == 0 {
		return
	}
	passes := math.Ceil(variance / 0.4)
	side := float32(variance / passes / 2)
	line := make([]float32, c.size)
	smooth := func(start, step int) {
		for i := range line {
			line[i] = c.pixels[start+i*step]
		}
		for i, v := range line {
			before, after := line[max(i-1, 0)], line[min(i+1, c.size-1)]
			c.pixels[start+i*step] = v + side*(before-2*v+after)
		}
	}
	for range int(passes) {
		for row := range c.size {
			for k := range c.channels {
				smooth(row*c.size*c.channels+k, c.channels)
			}
		}
		for col := range c.size * c.channels {
			smooth(col, c.size*c.channels)
		}
	}
}
