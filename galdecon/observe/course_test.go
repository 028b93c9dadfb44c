package observe_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"gonum.org/v1/gonum/mat"

	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
)

// drawn is a data step as training meets it: what is missing (nothing in half of the cases), the
// noise from 10⁻³ to 0.5 and the width of the PSF from 0.5 to 4 pixels, both log-uniform, with a
// map of photon noise in half and correlation in a third of the cases, and the noise level of a
// diffusion, uniform in log-SNR.
type drawn struct {
	missing    string
	noise, tau float64
	exposure   observe.Exposure
	y          []float64
}

func draw(t *testing.T, rng *rand.Rand, size int) drawn {
	t.Helper()
	uniform := func(low, high float64) float64 { return low + (high-low)*rng.Float64() }
	logUniform := func(low, high float64) float64 {
		return math.Exp(uniform(math.Log(low), math.Log(high)))
	}
	d := drawn{noise: logUniform(1e-3, 0.5), y: make([]float64, size*size), missing: "none"}
	snr := uniform(-5, 4.6)
	d.tau = 0.13 / math.Sqrt(1+math.Exp(2*snr))
	// A galaxy of exponential profile with a peak of 1.
	row, col, scale := uniform(
		0.4,
		0.6,
	)*float64(
		size,
	), uniform(
		0.4,
		0.6,
	)*float64(
		size,
	), logUniform(
		1,
		12,
	)
	for i := range d.y {
		d.y[i] = math.Exp(-math.Hypot(float64(i/size)-row, 1.5*(float64(i%size)-col)) / scale)
	}
	w := make([]float64, size*size)
	photons := logUniform(0.1, 10)
	if rng.IntN(2) == 0 {
		photons = 0
	}
	for i := range w {
		w[i] = 1 / (d.noise * d.noise * (1 + photons*d.y[i]))
	}
	if rng.IntN(2) == 0 {
		d.missing = []string{"dead", "columns", "cosmic rays", "edge"}[rng.IntN(4)]
		hide(rng, d.missing, w, size)
	}
	p, err := psf.Gaussian{Sigma: logUniform(0.5, 4)}.Render(33)
	if err != nil {
		t.Fatal(err)
	}
	d.exposure = observe.Exposure{PSFs: []psf.PSF{p}, InvVar: w}
	if rng.IntN(3) == 0 {
		d.exposure.Noise = &observe.Correlation{Size: 3, Values: neighbors(uniform(0.1, 0.4))}
	}
	return d
}

// hide sets inverse variances to 0.
func hide(rng *rand.Rand, what string, w []float64, size int) {
	switch what {
	case "dead":
		share := 0.05 * rng.Float64()
		for i := range w {
			if rng.Float64() < share {
				w[i] = 0
			}
		}
	case "columns":
		for range 1 + rng.IntN(3) {
			col, wide := rng.IntN(size-2), 1+rng.IntN(2)
			for i := range w {
				if c := i % size; c >= col && c < col+wide {
					w[i] = 0
				}
			}
		}
	case "cosmic rays":
		for range 1 + rng.IntN(8) {
			row, col, angle := rng.Float64()*float64(
				size,
			), rng.Float64()*float64(
				size,
			), rng.Float64()*math.Pi
			for s := range 40 + rng.IntN(40) {
				r, c := int(row+math.Sin(angle)*float64(s)/3), int(col+math.Cos(angle)*float64(s)/3)
				for _, p := range [][2]int{{r, c}, {r + 1, c}} {
					if p[0] >= 0 && p[0] < size && p[1] >= 0 && p[1] < size {
						w[p[0]*size+p[1]] = 0
					}
				}
			}
		}
	case "edge":
		wide, side := int(float64(size)*(0.05+0.35*rng.Float64())), rng.IntN(4)
		for i := range w {
			at := []int{i / size, size - 1 - i/size, i % size, size - 1 - i%size}[side]
			if at < wide {
				w[i] = 0
			}
		}
	}
}

// How many steps a data step takes over the cases of a training: until what is left is a tenth of
// the diffusion's noise level τ, which the next level corrects, and until it is a tenth of the
// posterior's own width, to which no level has to add.
func TestStepsNeeded(t *testing.T) {
	const size, n, steps, further = 64, 96, 16, 40
	rng := rand.New(rand.NewPCG(61, 1))
	var observations []observe.Observation
	var all []drawn
	estimate, taus := make([]float64, 0, n*size*size), make([]float64, n)
	for i := range n {
		d := draw(t, rng, size)
		taus[i] = d.tau
		e := d.exposure
		x := blurredBy(d.y, size, e.PSFs[0])
		noise := normal(rng, size*size, 1)
		if e.Noise != nil {
			noise = correlated(noise, size, e.Noise.Values[1])
		}
		for p, w := range e.InvVar {
			if w > 0 {
				x[p] += noise[p] / math.Sqrt(w)
			}
		}
		e.Image = image(size, size, 1, x)
		for p := range d.y {
			estimate = append(estimate, d.y[p]+d.tau*rng.NormFloat64())
		}
		observations = append(observations, observe.Observation{Exposures: []observe.Exposure{e}})
		all = append(all, d)
	}
	b, err := observe.NewBatch(size, size, observations...)
	if err != nil {
		t.Fatal(err)
	}
	in := append(b.Inputs(), tensor(estimate, n, size, size, 1), tensor(taus, n))
	course := call(t, func(in []*graph.Node) *graph.Node {
		looks, rest := b.Looks(in)
		return b.Grid.Course(rest[0], rest[1], steps, further, looks...)
	}, in...)
	left := func(step, norm, i int) float64 { return float64(course[(step*2+norm)*n+i]) }
	names := []string{"a tenth of τ", "a tenth of the posterior's width"}
	limits := []int{2, 6} // of the median
	for norm, name := range names {
		var counts [steps + 2]int
		var needed, hard []int
		var late []string
		for i, d := range all {
			k := 0
			for k <= steps && !(left(k, norm, i) <= 0.01) {
				k++
			}
			counts[k]++
			needed = append(needed, k)
			if d.tau > 3*d.noise {
				hard = append(hard, k)
			}
			if k > 6 {
				late = append(
					late,
					fmt.Sprintf("%s noise %.4f τ %.3f: %d", d.missing, d.noise, d.tau, k),
				)
			}
		}
		slices.Sort(needed)
		slices.Sort(hard)
		t.Logf(
			"steps until %s: %v (0, 1, … %d, more); median %d, 90 %% %d; "+
				"of the %d with τ > 3 σ: median %d, 90 %% %d\n%s",
			name,
			counts,
			steps,
			needed[n/2],
			needed[n*9/10],
			len(hard),
			hard[len(hard)/2],
			hard[len(hard)*9/10],
			strings.Join(late, "\n"),
		)
		if needed[n/2] > limits[norm] {
			t.Errorf(
				"the median until %s is %d steps, want at most %d",
				name,
				needed[n/2],
				limits[norm],
			)
		}
	}
}

// blurredBy convolves by the definition, with dark borders.
func blurredBy(y []float64, size int, p psf.PSF) []float64 {
	out := make([]float64, len(y))
	for i := range out {
		for k, v := range p.Pixels {
			r, c := i/size-(k/p.Size-p.Size/2), i%size-(k%p.Size-p.Size/2)
			if r >= 0 && r < size && c >= 0 && c < size {
				out[i] += float64(v) * y[r*size+c]
			}
		}
	}
	return out
}

// correlated gives white noise the correlation of neighbors(c): along an axis a ⊗ (1, b), b/(1 +
// b²) = c, on a ring.
func correlated(noise []float64, size int, c float64) []float64 {
	b := (1 - math.Sqrt(1-4*c*c)) / (2 * c)
	out := mat.NewDense(size, size, nil)
	for i := range noise {
		r, col := i/size, i%size
		at := func(dy, dx int) float64 { return noise[(r+dy)%size*size+(col+dx)%size] }
		out.Set(r, col, (at(0, 0)+b*at(1, 0)+b*at(0, 1)+b*b*at(1, 1))/(1+b*b))
	}
	return out.RawMatrix().Data
}
