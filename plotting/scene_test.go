package plotting

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"galdecon/galdecon/calibration"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/moments"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

// spirals are n inclined discs of two arms around a bulge, of peak 1, no two alike. In color their
// bulges are redder than their arms.
func spirals(n, size, channels int) *galaxy.Images {
	im := galaxy.NewImages(n, size, size, channels)
	for i := range n {
		turn, axis := 0.9*float64(i), 0.5+0.4*math.Abs(math.Sin(1.7*float64(i)))
		length := float64(size) / (9 + 2*float64(i%3))
		for k := range size * size {
			x, y := float64(k%size-size/2), float64(k/size-size/2)
			x, y = x*math.Cos(turn)+y*math.Sin(turn), (y*math.Cos(turn)-x*math.Sin(turn))/axis
			r := math.Hypot(x, y)
			bulge := 0.7 * math.Exp(-r*r/(0.5*length*length))
			wound := 2*math.Atan2(y, x) - 3.5*math.Log(r/length+0.3)
			disc := 0.3 * math.Exp(-r/length) * (1 + 0.8*math.Cos(wound)*math.Tanh(r/length))
			for c := range channels {
				blue := 1.0
				if channels == 3 {
					blue = []float64{0.7, 0.85, 1.3}[c]
				}
				light := math.Min(bulge/blue+disc*blue, 1)
				if channels == 3 {
					light = math.Sqrt(light) // as pictures are encoded
				}
				im.At(i)[k*channels+c] = float32(light)
			}
		}
	}
	return im
}

// blurred is Π*y, of dark surroundings.
func blurred(y *galaxy.Images, k psf.PSF) *galaxy.Images {
	out := y.Clone()
	clear(out.Pixels)
	for i := range y.N {
		in, to := y.At(i), out.At(i)
		for row := range y.Height {
			for col := range y.Width {
				for at, w := range k.Pixels {
					r, c := row+at/k.Size-k.Size/2, col+at%k.Size-k.Size/2
					if r < 0 || r >= y.Height || c < 0 || c >= y.Width {
						continue
					}
					from, into := (r*y.Width+c)*y.Channels, (row*y.Width+col)*y.Channels
					for band := range y.Channels {
						to[into+band] += w * in[from+band]
					}
				}
			}
		}
	}
	return out
}

// noisy adds Gaussian noise.
func noisy(im *galaxy.Images, sigma float64, seed uint64) *galaxy.Images {
	rng := rand.New(rand.NewPCG(seed, 2))
	out := im.Clone()
	for k := range out.Pixels {
		out.Pixels[k] += float32(sigma * rng.NormFloat64())
	}
	return out
}

// scene is one observation of a spiral with candidates that differ in what the blur hides.
func scene(t *testing.T, i, channels int, truth bool) Candidates {
	t.Helper()
	k := gaussian(t, 11, 1.6)
	y := spirals(i+1, 32, channels).Select(i)
	c := Candidates{PSF: k.Pixels, PixelScale: 0.05}
	c.Observation = noisy(blurred(y, k), 0.004, uint64(i))
	c.Observation.IDs = []string{[]string{"NGC 1300", "NGC 4414"}[i%2]}
	samples := make([]*galaxy.Images, 6)
	for s := range samples {
		samples[s] = noisy(y, 0.02, uint64(10*i+s+1))
	}
	var err error
	if c.Samples, err = galaxy.Join(samples...); err != nil {
		t.Fatal(err)
	}
	c.Samples.IDs = nil
	c.Reblurred = blurred(c.Samples, k)
	if truth {
		c.Truth = y
	}
	return c
}

// normals is how a calibrated, or a too narrow, sampler does for n Gaussian truths.
func normals(t *testing.T, n int, width float64) *calibration.Ranks {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 8))
	truth, samples := make([]float64, n), make([][]float64, n)
	for i := range truth {
		truth[i] = rng.NormFloat64()
		samples[i] = make([]float64, 31)
		for k := range samples[i] {
			samples[i][k] = width * rng.NormFloat64()
		}
	}
	ensemble, err := calibration.Scalars(truth, samples)
	if err != nil {
		t.Fatal(err)
	}
	return ensemble.Ranks(1)
}

// falls are losses that fall from one value to another, with the scatter of batches.
func falls(from, to float64, steps int) []Point {
	rng := rand.New(rand.NewPCG(3, 4))
	points := make([]Point, steps)
	for i := range points {
		level := to + (from-to)*math.Exp(-float64(i)/float64(steps)*9)
		points[i] = Point{Step: i + 1, Loss: level * math.Exp(0.15*rng.NormFloat64())}
	}
	return points
}

// measuredScene is an observation of a galaxy with 64 candidates of other fluxes, sizes and
// ellipticities: the brighter, the larger.
func measuredScene(t *testing.T) (p posterior.Posterior, truth *galaxy.Images) {
	t.Helper()
	const side, n = 48, 64
	disc := func(flux, length, g1, g2 float64) *galaxy.Images {
		im := galaxy.NewImages(1, side, side, 1)
		sum := 0.0
		light := make([]float64, len(im.Pixels))
		for k := range light {
			x, y := float64(k%side)-(side-1)/2.0, float64(k/side)-(side-1)/2.0
			x, y = (1-g1)*x-g2*y, (1+g1)*y-g2*x
			light[k] = math.Exp(-math.Sqrt(x*x+y*y+0.5) / length)
			sum += light[k]
		}
		for k := range light {
			im.Pixels[k] = float32(flux * light[k] / sum)
		}
		return im
	}
	rng := rand.New(rand.NewPCG(21, 22))
	truth = disc(20, 2.6, 0.15, -0.08)
	candidates := make([]*galaxy.Images, n)
	for i := range candidates {
		z, v := rng.NormFloat64(), rng.NormFloat64()
		candidates[i] = disc(20.3+0.8*z, 2.66+0.12*(0.8*z+0.6*v), 0.13+0.03*rng.NormFloat64(),
			-0.09+0.025*rng.NormFloat64())
	}
	samples, err := galaxy.Join(candidates...)
	if err != nil {
		t.Fatal(err)
	}
	k := gaussian(t, 15, 2)
	observation := noisy(blurred(truth, k), 0.004, 9)
	observation.IDs = []string{"NGC 2903"}
	return posterior.Posterior{Observation: observation, Samples: samples, PSF: k}, truth
}

// pulls are n draws of a Gaussian.
func pulls(n int, mean, sigma float64) []float64 {
	rng := rand.New(rand.NewPCG(31, 32))
	all := make([]float64, n)
	for i := range all {
		all[i] = mean + sigma*rng.NormFloat64()
	}
	return all
}

// goldens are one figure of each kind.
func goldens(t *testing.T) map[string]Drawable {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	gray, color := scene(t, 0, 1, true), scene(t, 1, 3, true)
	gray.Title, color.Title = "Figure 2: NGC 1300", "Figure 3: NGC 4414"
	unknown := scene(t, 1, 1, false)
	shared, err := SharedScale(scene(t, 0, 1, true), unknown)
	must(err)

	y := spirals(7, 32, 1)
	y.IDs = []string{"M 51", "M 74", "M 81", "M 83", "M 100", "M 101", "NGC 6946"}
	seeing := gaussian(t, 11, 1.6)
	moffat, err := psf.Moffat{FWHM: 4, Beta: 2.5, Shear: moments.Ellipse(0.7, 0.5)}.Render(25)
	must(err)
	airy, err := psf.Airy{LambdaOverD: 3, Obscuration: 0.33}.Render(31)
	must(err)
	faint := noisy(blurred(y, seeing), 0.004, 5)

	good, narrow := normals(t, 400, 1), normals(t, 400, 0.7)
	coverage := func(r *calibration.Ranks) calibration.Coverage {
		c, err := r.Central(1)
		must(err)
		return c
	}
	histogram := func(r *calibration.Ranks) calibration.Histogram {
		h, err := r.Histogram(8, 1)
		must(err)
		return h
	}
	spectrum := func(im *galaxy.Images) score.Spectrum {
		s, err := score.PowerSpectrum(im)
		must(err)
		return s
	}

	measured, measuredTruth := measuredScene(t)
	corner, err := CornerOf(measured, 16, measuredTruth)
	must(err)
	corner.Title = "Measured of 64 candidates"

	steps := []float64{5, 10, 20, 50, 100, 200, 950}
	over := func(f func(s float64) float64) []float64 {
		out := make([]float64, len(steps))
		for i, s := range steps {
			out[i] = f(s)
		}
		return out
	}
	bands := linear(t, y.Select(0, 1, 2))
	pictures, err := Lupton{}.Pictures(bands)
	must(err)
	turned := world(t, "RA/DEC", 202.47, 47.2, 16, 16, 1.2e-5, 7e-6)
	placed := scene(t, 0, 1, true)
	placed.PixelScale, placed.World = 0, turned
	return map[string]Drawable{
		"animation":    Animation{Candidates: placed},
		"lupton":       Mosaic{Images: pictures, Title: "Three bands", World: turned},
		"mosaic":       Mosaic{Images: y, Title: "Seven galaxies", PixelScale: 0.05},
		"mosaic_color": Mosaic{Images: spirals(3, 32, 3), Title: "Three in color"},
		"candidates":   gray, "candidates_color": color, "candidates_unknown": unknown,
		"overview": Overview{Galaxies: shared, Title: "One stretch for both"},
		"zoom":     gray.Zoom(),
		"pairs": Pairs{
			Title: "Galaxies and what a telescope sees of them",
			Clean: y, Observed: faint, PSFs: []psf.PSF{seeing}, Noise: []float64{0.004},
		},
		"psfs": PSFs{
			Title: "Point-spread functions", PSFs: []psf.PSF{seeing, moffat, airy},
			Names: []string{"Gaussian, σ = 1.6", "Moffat, β = 2.5", "Airy, obscured"},
		},
		"matrix": Matrix{
			Title: "Figure 4: the weights of the loss", Images: y.Select(0, 1, 2, 3, 4, 5),
			Rows: []string{"α = 1", "α = 10"}, Columns: []string{"β = 0.1", "β = 1", "β = 10"},
		},
		"profile": Profile{
			Title: "NGC 2903", PixelScale: 0.05, Candidates: measured.Samples,
			Observation: measured.Observation, Truth: measuredTruth,
		},
		"corner":    corner,
		"residuals": Residuals{Posteriors: left(t), Title: "Two sizes"},
		"pulls": Pulls{Title: "Of 200 galaxies", Histograms: []PullHistogram{
			{"flux", pulls(200, 0, 1)}, {"half-light radius", pulls(200, 0, 1.6)},
			{"g1", pulls(200, 0.7, 1)}, {"g2", pulls(200, 0, 0.6)},
		}},
		"coverage": Coverage{
			Title: "Pixels of 400 galaxies", Goal: 0.02,
			Curves: []CoverageCurve{{"as wide", coverage(good)}, {"too narrow", coverage(narrow)}},
		},
		"ranks": Ranks{Title: "Ranks of the truth", Histograms: []RankHistogram{
			{"flux", histogram(good)}, {"half-light radius", histogram(narrow)},
			{"g1", histogram(good)}, {"g2", histogram(good)},
			{"pixels", histogram(narrow)},
		}},
		"curves": Curves{
			Title: "Fewer steps", X: "evaluations of the network", Y: "relative to 950",
			Curves: []Curve{
				{Name: "variance", X: steps, Y: over(func(s float64) float64 { return 1 - 2/s })},
				{Name: "error of the mean", X: steps,
					Y:     over(func(s float64) float64 { return 1 + 1.5/s }),
					Error: over(func(s float64) float64 { return 0.5 / math.Sqrt(s) })},
			},
		},
		"pixel_histogram": PixelHistogram{
			Title:  "Pixel values",
			Curves: []PixelCurve{{"galaxies", y}, {"observations", faint}},
		},
		"spectra": Spectra{
			Title: "What the blur takes away", Noise: 0.004,
			Curves: []SpectrumCurve{{"galaxies", spectrum(y)}, {"observations", spectrum(faint)}},
		},
		"loss": Loss{
			Title: "Training of the diffusion model", Training: falls(1, 0.01, 3000),
			Validation: []Point{
				{Step: 500, Loss: 0.25}, {Step: 1000, Loss: 0.06},
				{Step: 2000, Loss: 0.014}, {Step: 3000, Loss: 0.011},
			},
		},
		"loss_terms": LossTerms{
			Title: "The terms of Eq. 1, in nats",
			Terms: map[string][]Point{
				"clean": falls(3000, 800, 3000), "blurred": falls(900, 90, 3000),
				"KL": falls(2, 40, 3000),
			},
		},
		"training": trained(t),
	}
}

// linear are images in three bands of gray ones, redder inside than outside, with noise.
func linear(t *testing.T, gray *galaxy.Images) *galaxy.Images {
	t.Helper()
	out, err := gray.WithChannels(3)
	if err != nil {
		t.Fatal(err)
	}
	for k := range out.Pixels {
		out.Pixels[k] = float32(math.Pow(float64(out.Pixels[k]), []float64{1.2, 1, 0.8}[k%3]))
	}
	return noisy(out, 0.003, 6)
}

// trained is the figure that a training leaves in a notebook.
func trained(t *testing.T) Drawable {
	t.Helper()
	var at time.Duration
	last := &lastScreen{}
	live := newTraining(600, nil, last, clock(&at))
	for _, p := range falls(1, 0.02, 600) {
		live.Update(p.Step, p.Loss)
		if p.Step%200 == 0 {
			live.Validate(p.Step, 1.2*p.Loss)
		}
		at += 50 * time.Millisecond
	}
	if err := live.Close(); err != nil {
		t.Fatal(err)
	}
	return last.loss
}

// lastScreen keeps what is shown at the end.
type lastScreen struct {
	fakeScreen
	loss Loss
}

func (s *lastScreen) finish(l Loss) error { s.loss = l; return nil }
