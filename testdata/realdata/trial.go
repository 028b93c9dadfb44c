package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"galdecon/galdecon/calibration"
	"galdecon/galdecon/classical"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

// trial is a galaxy whose picture stands for the truth, and what was seen of it.
type trial struct {
	truth *galaxy.Images // one, of peak 1
	grain grain
	seen  *galaxy.Images
	psf   psf.PSF
	sigma float64 // of the white noise that was added
	// known are the pixels where there is a truth; nil is all.
	known []bool
	// aperture is the radius in pixels within which galaxies are measured.
	aperture float64
}

// add adds white noise to an image [height, width].
func add(image []float64, sigma float64, rng *rand.Rand) []float32 {
	out := make([]float32, len(image))
	for k, n := range white(len(image), rng) {
		out[k] = float32(image[k] + sigma*n)
	}
	return out
}

// observation returns what the model is told of a trial, with the standard deviation of all noise.
func (l *lab) observation(t trial, s *seeing) (o observe.Observation, noise float64) {
	noise, correlation := s.noise()
	e := observe.Exposure{Image: t.seen, PSFs: []psf.PSF{t.psf}, Noise: correlation}
	level := noise
	if l.whiteOnly {
		level, e.Noise = t.sigma, nil
	}
	e.InvVar = even(level, len(t.seen.Pixels))
	return observe.Observation{Exposures: []observe.Exposure{e}}, noise
}

// measure draws candidates and compares them with the truth.
func (l *lab) measure(r *record, t trial) error {
	im := t.seen
	s := newSeeing(t.grain, im.Height, im.Width, t.psf, t.sigma)
	o, sigma := l.observation(t, s)
	p, err := l.sample(r, o)
	if err != nil {
		return err
	}
	r.Values["χ²"] = chiSquared(p)
	n := p.Samples.N
	grainy := p.Samples.Clone() // as the truth's picture would show them
	rng := rand.New(rand.NewPCG(uint64(l.seed), 1))
	for k := range n {
		residual := float64s(im.At(0))
		for i, v := range p.Reblurred.At(k) {
			residual[i] -= float64(v)
		}
		for i, v := range s.draw(residual, rng) {
			grainy.At(k)[i] += float32(v)
		}
	}
	if err := t.pixels(r, grainy, l.seed); err != nil {
		return err
	}
	r.Values["noise"], r.Values["grain"] = t.sigma, t.grain.sigma
	power, err := score.PowerSpectrum(grainy)
	if err != nil {
		return err
	}
	true_, err := score.PowerSpectrum(t.truth)
	if err != nil {
		return err
	}
	r.Values["detail"] = power.From(score.DetailFrequency)
	r.Values["detail true"] = true_.From(score.DetailFrequency)
	if err := t.classical(r, sigma); err != nil {
		return err
	}
	t.shapes(r, p.Samples)
	t.places(r, grainy)
	return nil
}

// pixels compares the pixels of candidates with the truth: the error of their mean, what it should
// be by their spread, and ranks.
func (t trial) pixels(r *record, candidates *galaxy.Images, seed int64) error {
	n := candidates.N
	var truth []float64
	rows := make([][]float64, n)
	for i, y := range t.truth.At(0) {
		if t.known != nil && !t.known[i] {
			continue
		}
		truth = append(truth, float64(y))
		for k := range n {
			rows[k] = append(rows[k], float64(candidates.At(k)[i]))
		}
	}
	for i, y := range truth {
		mean, squares := 0.0, 0.0
		for k := range n {
			mean += rows[k][i] / float64(n)
		}
		for k := range n {
			squares += (rows[k][i] - mean) * (rows[k][i] - mean)
		}
		r.Values["error"] += (mean - y) * (mean - y) / float64(len(truth))
		r.Values["spread"] += squares / float64(n-1) * (1 + 1/float64(n)) / float64(len(truth))
	}
	e, err := calibration.Vectors([][]float64{truth}, [][][]float64{rows})
	if err != nil {
		return err
	}
	r.Ranks = e.Ranks(seed).Counts[0]
	return nil
}

// classical measures the errors of what doesn't learn, and of doing nothing.
func (t trial) classical(r *record, noise float64) error {
	o, err := posterior.NewObservations(t.seen, []psf.PSF{t.psf}, []float64{noise})
	if err != nil {
		return err
	}
	others := map[string]*galaxy.Images{"seen": t.seen}
	if others["Wiener"], err = classical.Wiener(o, classical.WienerPrior); err != nil {
		return err
	}
	for _, steps := range []int{10, 30} {
		others[fmt.Sprintf("RL%d", steps)], err = classical.RichardsonLucy(t.seen,
			[]psf.PSF{t.psf}, []float64{3 * noise}, steps)
		if err != nil {
			return err
		}
	}
	for name, im := range others {
		sum, n := 0.0, 0
		for i, y := range t.truth.At(0) {
			if t.known == nil || t.known[i] {
				d := float64(im.Pixels[i] - y)
				sum, n = sum+d*d, n+1
			}
		}
		r.Values["error "+name] = sum / float64(n)
		t.shape(r, name, im)
	}
	return nil
}

// shape measures the ellipticity of one image, and its deviation from the truth.
func (t trial) shape(r *record, name string, im *galaxy.Images) {
	truth, err := score.Measure(t.truth, t.aperture)
	if err != nil {
		return
	}
	if m, err := score.Measure(im, t.aperture); err == nil {
		r.Values["dg "+name] = m.Deviation(truth).Ellipticity
	}
}

// shapes measures candidates: the deviation of the mean of their ellipticities, and what it should
// be by their spread.
func (t trial) shapes(r *record, candidates *galaxy.Images) {
	truth, err := score.Measure(t.truth, t.aperture)
	if err != nil {
		return
	}
	q := photometry(candidates, t.aperture)
	if q["measured"] < float64(candidates.N)/2 {
		return
	}
	r.Values["dg"] = math.Hypot(q["g1"]-truth.G1, q["g2"]-truth.G2)
	r.Values["dg spread"] = math.Hypot(q["g1 ±"], q["g2 ±"])
}

// places keeps the place of the truth's flux, radius and ellipticities among those of candidates
// that have its picture's noise, as a share of the candidates.
func (t trial) places(r *record, grainy *galaxy.Images) {
	truth, err := score.Measure(t.truth, t.aperture)
	if err != nil {
		return
	}
	below, n := [4]float64{}, 0.0
	for k := range grainy.N {
		m, err := score.Measure(grainy.Select(k), t.aperture)
		if err != nil {
			continue
		}
		n++
		for i, d := range []float64{truth.Aperture - m.Aperture, truth.HalfLight - m.HalfLight,
			truth.G1 - m.G1, truth.G2 - m.G2} {
			if d > 0 {
				below[i]++
			}
		}
	}
	if n < float64(grainy.N)/2 {
		return
	}
	for i, name := range quantities {
		r.Values[name+" place"] = below[i] / n
	}
}

// photometry returns means and standard deviations over candidates.
func photometry(candidates *galaxy.Images, aperture float64) map[string]float64 {
	out := map[string]float64{}
	var rows []map[string]float64
	for k := range candidates.N {
		if m, err := score.Measure(candidates.Select(k), aperture); err == nil {
			rows = append(rows, map[string]float64{"flux": m.Aperture, "radius": m.HalfLight,
				"g1": m.G1, "g2": m.G2})
		}
	}
	n := float64(len(rows))
	out["measured"] = n
	if n < 2 {
		return out
	}
	for _, name := range quantities {
		mean, squares := 0.0, 0.0
		for _, row := range rows {
			mean += row[name] / n
		}
		for _, row := range rows {
			squares += (row[name] - mean) * (row[name] - mean)
		}
		out[name], out[name+" ±"] = mean, math.Sqrt(squares/(n-1))
	}
	return out
}

// quantities are what photometry measures.
var quantities = []string{"flux", "radius", "g1", "g2"}

// even returns the inverse variances of white noise.
func even(sigma float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1 / (sigma * sigma)
	}
	return out
}
