package galdecon_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/internal/micro"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// anyModel is a model for any stamp that has hardly been trained.
func anyModel(t *testing.T) *galdecon.Model {
	t.Helper()
	c := micro.Survey()
	dir := c.Folder(t.TempDir())
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(4, c.Size), dir, nil); err != nil {
		t.Fatal(err)
	}
	model, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// blob returns an exposure of height × width pixels with noise of 0.01 of the peak.
func blob(t *testing.T, height, width int, sigma float64) observe.Exposure {
	t.Helper()
	image := galaxy.NewImages(1, height, width, 1)
	invVar := make([]float64, height*width)
	for k := range invVar {
		dy, dx := float64(k/width-height/2), float64(k%width-width/2)
		// noise that is the same in all tests
		noise := 0.01 * math.Sqrt2 * math.Sin(float64(k*k))
		image.Pixels[k] = float32(math.Exp(-(dy*dy+dx*dx)/12) + noise)
		invVar[k] = 1e4
	}
	return observe.Exposure{Image: image, PSFs: []psf.PSF{devicetest.Gaussian(t, 9, sigma)},
		InvVar: invVar}
}

func one(e ...observe.Exposure) observe.Observation {
	return observe.Observation{Exposures: e}
}

// Stamps of any size, with gaps, weights, several exposures and correlated noise are sampled
// together, each on its own grid; of those that aren't taken the reason is said.
func TestSampleLooks(t *testing.T) {
	model := anyModel(t)
	gap, faint, sky, hidden, wide, loud := blob(t, 20, 28, 1), blob(t, 16, 16, 1),
		blob(t, 16, 16, 1), blob(t, 16, 16, 1), blob(t, 16, 16, 1), blob(t, 16, 16, 1)
	for k := range gap.InvVar {
		if k%28 == 13 || k < 40 {
			gap.InvVar[k], gap.Image.Pixels[k] = 0, float32(math.NaN())
		}
	}
	shared, err := observe.CorrelationOf(3, []float64{0, 0.3, 0, 0.3, 1, 0.3, 0, 0.3, 0})
	if err != nil {
		t.Fatal(err)
	}
	second := blob(t, 20, 28, 1)
	second.Noise = &shared
	for k := range second.Image.Pixels { // without noise
		dy, dx := float64(k/28-10), float64(k%28-14)
		second.Image.Pixels[k] = float32(math.Exp(-(dy*dy + dx*dx) / 12))
	}
	for k := range 256 {
		faint.Image.Pixels[k] *= 1e-20
		faint.InvVar[k] *= 1e40
		sky.Image.Pixels[k] += 0.5
		loud.InvVar[k] = 1
		if k > 60 {
			hidden.InvVar[k] = 0
		}
	}
	wide.PSFs = []psf.PSF{devicetest.Gaussian(t, 15, 4)}
	all := []observe.Observation{one(blob(t, 16, 16, 1)), one(gap, second), one(faint), one(sky),
		one(hidden), one(wide), one(loud), one(blob(t, 15, 16, 1)), one(), one(blob(t, 40, 33, 1))}
	const n = 5
	posteriors, err := model.SampleLooks(t.Context(), all, n, 7)
	refused, rest := posterior.SplitRefusals(err)
	if rest != nil {
		t.Fatal(rest)
	}
	reasons := map[int]posterior.Reason{}
	for _, r := range refused {
		reasons[r.Index] = r.Reason
		if r.Hint == "" || r.ID == "" {
			t.Errorf("refusal %v has no hint or name", r)
		}
	}
	want := map[int]posterior.Reason{3: posterior.RefusedSky, 4: posterior.RefusedData,
		5: posterior.RefusedPSF, 6: posterior.RefusedNoise, 7: posterior.RefusedSize,
		8: posterior.RefusedData}
	for i := range all {
		if reasons[i] != want[i] {
			t.Errorf("observation %d is refused for %q, want %q", i, reasons[i], want[i])
		}
	}
	sizes := map[int][2]int{0: {16, 16}, 1: {20, 28}, 2: {16, 16}, 9: {40, 33}}
	if len(posteriors) != len(sizes) {
		t.Fatalf("there are %d posteriors, want %d", len(posteriors), len(sizes))
	}
	for _, p := range posteriors {
		size := sizes[p.Index]
		if p.Samples.N != n || p.Samples.Height != size[0] || p.Samples.Width != size[1] {
			t.Errorf("posterior %d has %d candidates of %d×%d pixels", p.Index, p.Samples.N,
				p.Samples.Height, p.Samples.Width)
		}
		for _, v := range append(p.Samples.Pixels, p.Reblurred.Pixels...) {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Fatalf("posterior %d has a value %v", p.Index, v)
			}
		}
		// The data step brings candidates of any model to agree with what is seen; with gaps and
		// correlated noise it isn't exact where a network knows nothing.
		chi, seen := 0.0, 0.0
		for k, w := range p.InvVar {
			if w > 0 {
				d := float64(p.Reblurred.At(0)[k] - p.Observation.Pixels[k])
				chi, seen = chi+d*d*w, seen+1
			}
		}
		if chi /= seen; chi > 2.5 && p.Index != 1 {
			t.Errorf("posterior %d has χ² = %.2f", p.Index, chi)
		}
	}
	if peak := slices.Max(posteriors[2].Samples.Pixels); peak < 1e-21 || peak > 1e-18 {
		t.Errorf("a galaxy in units of 1e-20 has the peak %g", peak)
	}
	alone, err := model.SampleLooks(t.Context(), all[9:], n, 7)
	if err != nil {
		t.Fatal(err)
	}
	if alone[0].Samples.Height != 40 {
		t.Error("alone it has another size")
	}
}

// Observations that are alike are looks too: with weights and correlations in place of one noise
// level they give what the same exposures give, to the bit, and a path ends at the first of them.
func TestSampleOfSurvey(t *testing.T) {
	model := anyModel(t)
	e := blob(t, 20, 24, 1)
	for k := range e.InvVar {
		e.InvVar[k] *= 1 + float64(k%24)/24
	}
	e.InvVar[30] = 0
	o, err := galdecon.NewObservations(e.Image, e.PSFs, []float64{1})
	if err != nil {
		t.Fatal(err)
	}
	shared, err := observe.CorrelationOf(1, []float64{1})
	if err != nil {
		t.Fatal(err)
	}
	e.Noise = &shared
	if o, err = o.WithInvVar(e.InvVar); err == nil {
		o, err = o.WithCorrelations(shared)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := model.Sample(t.Context(), o, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	want, err := model.SampleLooks(t.Context(), []observe.Observation{one(e)}, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got[0].Samples.Pixels, want[0].Samples.Pixels) ||
		!slices.Equal(got[0].Reblurred.Pixels, want[0].Reblurred.Pixels) {
		t.Error("Sample and SampleLooks differ")
	}
	path, err := model.Path(o, 2)
	if err != nil {
		t.Fatal(err)
	}
	last := path.At(path.N - 1)
	for k, v := range want[0].Samples.At(0) {
		if math.Abs(float64(v-last[k])) > 1e-4 {
			t.Fatalf("the path ends at %g in pixel %d, the candidate has %g", last[k], k, v)
		}
	}
	if _, err := o.WithInvVar(e.InvVar[1:]); err == nil {
		t.Error("too few inverse variances are no error")
	}
	if _, err := o.WithInvVar(make([]float64, len(e.InvVar))); err == nil ||
		!strings.Contains(err.Error(), "data") {
		t.Errorf("an image without data: %v", err)
	}
	if _, err := o.WithCorrelations(shared, shared); err == nil {
		t.Error("two correlations of one image are no error")
	}
}

// What a survey sees depends on the seed alone, and a model without one says what it can't do.
func TestObserveSurvey(t *testing.T) {
	c := micro.Survey()
	y := micro.Galaxies(18, c.Size)
	var drawn [3][]observe.Observation
	for i, seed := range []int64{1, 1, 2} {
		var err error
		if drawn[i], err = galdecon.ObserveSurvey(*c.Survey, y, seed); err != nil {
			t.Fatal(err)
		}
	}
	for i := range y.N {
		a := drawn[0][i].Exposures[0]
		if !slices.Equal(a.Image.Pixels, drawn[1][i].Exposures[0].Image.Pixels) {
			t.Fatalf("exposure %d differs with the same seed", i)
		}
		if slices.Equal(a.Image.Pixels, drawn[2][i].Exposures[0].Image.Pixels) {
			t.Fatalf("exposure %d is the same with another seed", i)
		}
		if a.Image.ID(0) != y.ID(i) {
			t.Errorf("exposure %d is called %s", i, a.Image.ID(0))
		}
	}
	dir, _ := train(t)
	model, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.SampleLooks(t.Context(), drawn[0], 1, 1); err == nil ||
		!strings.Contains(err.Error(), "Survey") {
		t.Errorf("looks of a model without a survey: %v", err)
	}
	c.Channels = 3
	if err := c.Validate(); err == nil {
		t.Error("a survey of three channels is no error")
	}
}

// Where a PSF isn't known for certain each candidate sees another one.
func TestPSFDraws(t *testing.T) {
	model := anyModel(t)
	e := blob(t, 16, 16, 1)
	e.Draws = []psf.PSF{devicetest.Gaussian(t, 9, 0.8), devicetest.Gaussian(t, 9, 1.4)}
	posteriors, err := model.SampleLooks(t.Context(), []observe.Observation{one(e)}, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	p := posteriors[0]
	for k := range 3 {
		kernel := e.Draws[k%2]
		y, seen := p.Samples.At(k), p.Reblurred.At(k)
		for i, got := range seen {
			want := 0.0
			for j, v := range kernel.Pixels {
				row, column := i/16-(j/9-4), i%16-(j%9-4)
				if row >= 0 && row < 16 && column >= 0 && column < 16 {
					want += float64(v) * float64(y[row*16+column])
				}
			}
			// Light from beyond the stamp reaches its border.
			inside := min(i/16, 15-i/16, i%16, 15-i%16) >= 4
			if inside && math.Abs(float64(got)-want) > 1e-4 {
				t.Fatalf("candidate %d, pixel %d: %g is seen, want %g", k, i, got, want)
			}
		}
	}
}

// Four dithers of pixels twice as wide are answered on the fine grid, and each exposure is shown on
// its own pixels: without those that lie beyond the grid.
func TestSampleDithers(t *testing.T) {
	model := anyModel(t)
	fine := blob(t, 32, 32, 1).Image
	for k := range fine.Pixels { // without noise
		dy, dx := float64(k/32-16), float64(k%32-16)
		fine.Pixels[k] = float32(math.Exp(-(dy*dy + dx*dx) / 12))
	}
	var o observe.Observation
	o.Height, o.Width = 32, 32
	for d := range 4 {
		e := blob(t, 16, 16, 1)
		e.Bin, e.Row, e.Column = 2, float64(d/2), float64(d%2)
		for k := range e.Image.Pixels {
			sum := float32(0)
			for i := range 4 {
				row, column := 2*(k/16)+d/2+i/2, 2*(k%16)+d%2+i%2
				if row < 32 && column < 32 {
					sum += fine.Pixels[row*32+column] / 4
				}
			}
			e.Image.Pixels[k] = sum + 0.01*float32(math.Sqrt2*math.Sin(float64(k*k+d)))
		}
		o.Exposures = append(o.Exposures, e)
	}
	posteriors, err := model.SampleLooks(t.Context(), []observe.Observation{o}, 5, 7)
	if err != nil {
		t.Fatal(err)
	}
	views := posteriors[0].Views()
	if len(views) != 4 {
		t.Fatalf("there are %d views, want 4", len(views))
	}
	for d, v := range views {
		if v.Samples.Height != 32 || v.Reblurred.Height != 16 || v.Reblurred.N != 5 ||
			v.Observation.Width != 16 || len(v.More) > 0 {
			t.Fatalf("view %d has candidates of %d rows, seen in %d", d, v.Samples.Height,
				v.Reblurred.Height)
		}
		if beyond := v.Observation.BadAt(0); (beyond != nil && beyond[255]) != (d > 0) {
			t.Errorf("view %d: the last pixel lies beyond the grid, it says %v", d, beyond != nil)
		}
		verdict, err := v.Verdict()
		if err != nil {
			t.Fatal(err)
		}
		if verdict.ChiSquared > 2.5 {
			t.Errorf("view %d has χ² = %.2f", d, verdict.ChiSquared)
		}
		// What is seen of a candidate is its blurred mean over 2×2 pixels.
		y, kernel := v.Samples.At(3), v.PSF
		const row, column = 7, 9
		want := 0.0
		for i := range 4 {
			for p, w := range kernel.Pixels {
				r := 2*row + d/2 + i/2 - (p/kernel.Size - kernel.Size/2)
				c := 2*column + d%2 + i%2 - (p%kernel.Size - kernel.Size/2)
				want += float64(w) * float64(y[r*32+c]) / 4
			}
		}
		if got := float64(v.Reblurred.At(3)[row*16+column]); math.Abs(got-want) > 1e-4 {
			t.Errorf("view %d sees %g of a candidate, want %g", d, got, want)
		}
	}
}
