package plotting

import (
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
)

// images makes a batch of n images of 1x2 pixels.
func images(pixels ...float32) *galaxy.Images {
	return &galaxy.Images{N: len(pixels) / 2, Height: 1, Width: 2, Channels: 1, Pixels: pixels}
}

func TestCandidatesFigures(t *testing.T) {
	c := Candidates{
		Observation: images(0.5, 0.1),
		Samples:     images(1, 0, 0.8, 0.2, 0.6, 0.1),
		Reblurred:   images(0.502, 0.099, 0.5, 0.1, 0.2, 0.1),
	}
	l, err := c.layout()
	if err != nil {
		t.Fatal(err)
	}
	// ((0.002)² + (0.001)²) / 2, exact, 0.3²/2, and of the mean, whose residuals are -0.298/3 and
	// -0.001/3.
	for i, want := range []float64{2.5e-6, 0, 0.045, (0.298*0.298 + 0.001*0.001) / 18} {
		if got := l.estimates[i].mse; math.Abs(got-want) > 1e-7 {
			t.Errorf("MSE of %s is %g, want %g", l.estimates[i].name, got, want)
		}
	}
	for i, want := range []float64{0.2, 0.1} {
		if math.Abs(l.deviation[i]-want) > 1e-6 {
			t.Errorf("standard deviation of pixel %d is %g, want %g", i, l.deviation[i], want)
		}
	}
	if got := roundUp(l.residualTop()); got < 0.3 || got > 0.311 {
		t.Errorf("residuals are shown up to ±%g, want 0.3 rounded up", got)
	}

	texts := written(t, mustDraw(t, c))
	for _, want := range []string{"candidate 1", "candidate 3", "MSE 2.5×10−6", "MSE 0",
		"MSE 0.045", "MSE 0.0049", "mean of 3",
		"std. dev. 0–0.2", "observation x", "sharp: y", "blurred: Π*y", "0.3", "−0.3"} {
		if !slices.Contains(texts, want) {
			t.Errorf("the figure lacks %q; it has %q", want, texts)
		}
	}
	for _, no := range []string{"truth", "PSF Π", "candidate 4"} {
		if slices.Contains(texts, no) {
			t.Errorf("the figure has %q, which wasn't given", no)
		}
	}

	c.Truth, c.PSF, c.Shown, c.PixelScale, c.Title = images(1, 0.1), []float32{1}, 1, 0.5, "one"
	texts = written(t, mustDraw(t, c))
	for _, want := range []string{"truth", "PSF Π", "one", "mean of 3", "0.2″"} {
		if !slices.Contains(texts, want) {
			t.Errorf("the figure lacks %q; it has %q", want, texts)
		}
	}
	if slices.Contains(texts, "candidate 2") {
		t.Error("2 candidates are drawn, want 1")
	}
}

func TestCandidatesOfOneSampleAndInColor(t *testing.T) {
	c := observation(1)
	c.Samples, c.Reblurred = c.Samples.Select(0), c.Reblurred.Select(0)
	for _, text := range written(t, mustDraw(t, c)) {
		if strings.Contains(text, "mean of 1") || strings.Contains(text, "std. dev.") {
			t.Errorf("the figure has %q, but one sample has no spread", text)
		}
	}
	f := mustDraw(t, observation(3))
	if _, err := f.PNG(); err != nil {
		t.Error(err)
	}
}

func TestIdenticalCandidates(t *testing.T) {
	c := observation(1)
	c.Samples, c.Reblurred = c.Observation.Select(0, 0), c.Observation.Select(0, 0)
	if _, err := mustDraw(t, c).PNG(); err != nil { // Residuals and deviations are 0: empty ranges.
		t.Error(err)
	}
}

func TestPSFOnStamp(t *testing.T) {
	// The center (k/2, k/2) of an even PSF falls on the center of the stamp, and the values are
	// relative to the peak.
	got := psfOnStamp([]float32{0, 0.25, 0.25, 0.5}, 4, 4)
	want := []float64{0, 0, 0, 0, 0, 0, 0.5, 0, 0, 0.5, 1, 0, 0, 0, 0, 0}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	got = psfOnStamp([]float32{0, 0, 0, 0, 1, 0.5, 0, 0, 0}, 1, 1)
	if !slices.Equal(got, []float64{1}) {
		t.Errorf("cropped to its center: %v, want [1]", got)
	}
}

func TestCandidatesErrors(t *testing.T) {
	nan := disc(3, 8, 1)
	nan.At(1)[8*2+5] = float32(math.NaN())
	for name, test := range map[string]struct {
		change func(*Candidates)
		want   []string
	}{
		"no observation": {func(c *Candidates) { c.Observation = nil },
			[]string{"Candidates.Observation", "nil"}},
		"two observations": {func(c *Candidates) { c.Observation = disc(2, 8, 1) },
			[]string{"Candidates.Observation", "2 images, but 1"}},
		"no samples": {func(c *Candidates) { c.Samples = galaxy.NewImages(0, 8, 8, 1) },
			[]string{"Candidates.Samples", "[0, 8, 8, 1]"}},
		"other size": {func(c *Candidates) { c.Samples = disc(3, 9, 1) },
			[]string{"Candidates.Samples", "9x9x1", "8x8x1"}},
		"other channels": {func(c *Candidates) { c.Samples = disc(3, 8, 3) }, []string{"8x8x3"}},
		"reblurred missing": {func(c *Candidates) { c.Reblurred = disc(2, 8, 1) },
			[]string{"Candidates.Reblurred", "2 images, but 3"}},
		"NaN": {func(c *Candidates) { c.Samples = nan },
			[]string{"Candidates.Samples", "image 1", "row 2, column 5"}},
		"truth": {func(c *Candidates) { c.Truth = disc(1, 4, 1) },
			[]string{"Candidates.Truth", "4x4x1"}},
		"PSF shape": {func(c *Candidates) { c.PSF = make([]float32, 7) },
			[]string{"Candidates.PSF", "7"}},
		"PSF empty": {func(c *Candidates) { c.PSF = []float32{} },
			[]string{"Candidates.PSF", "0 weights"}},
		"PSF dark": {func(c *Candidates) { c.PSF = make([]float32, 9) },
			[]string{"no positive weight"}},
		"PSF NaN": {func(c *Candidates) { c.PSF = []float32{1, 1, 1, nan.At(1)[21]} },
			[]string{"row 1, column 1"}},
		"residuals": {func(c *Candidates) { c.ResidualLimit = -1 },
			[]string{"ResidualLimit", "-1"}},
		"deviations": {func(c *Candidates) { c.DeviationLimit = math.NaN() },
			[]string{"DeviationLimit"}},
		"shown": {func(c *Candidates) { c.Shown = -1 }, []string{"Shown", "-1"}},
		"pixel scale": {func(c *Candidates) { c.PixelScale = math.NaN() },
			[]string{"PixelScale"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := observation(1)
			test.change(&c)
			_, err := c.Figure()
			wantError(t, err, test.want...)
			_, err = Overview{Galaxies: []Candidates{observation(1), c}}.Figure()
			wantError(t, err, append(test.want, "Galaxies[1]")...)
		})
	}
}

func TestOverview(t *testing.T) {
	a, b := observation(1), observation(1)
	a.Observation.IDs, b.Observation.IDs = []string{"NGC 1\nby A"}, []string{"NGC 2"}
	a.Truth, a.PSF = disc(1, 8, 1), []float32{1}
	// No mean, no truth, no PSF.
	b.Samples, b.Reblurred = b.Samples.Select(0), b.Reblurred.Select(0)
	f := mustDraw(t, Overview{Galaxies: []Candidates{a, b}, Title: "both"})
	texts := written(t, f)
	for _, want := range []string{"both", "NGC 1", "by A", "NGC 2", "truth", "observation x",
		"candidate 3", "mean"} {
		if !slices.Contains(texts, want) {
			t.Errorf("the figure lacks %q; it has %q", want, texts)
		}
	}
	if _, err := f.PNG(); err != nil {
		t.Error(err)
	}
	_, err := Overview{}.Figure()
	wantError(t, err, "empty")
	small := observation(1)
	small.Observation, small.Samples, small.Reblurred = disc(1, 4, 1), disc(1, 4, 1), disc(1, 4, 1)
	_, err = Overview{Galaxies: []Candidates{a, small}}.Figure()
	wantError(t, err, "Galaxies[1]", "4x4x1", "8x8x1")
}

// Figures of one observation that are made alike share their stretch and both ranges, those of the
// brighter and wider one.
func TestSharedScale(t *testing.T) {
	a, b := observation(1), observation(1)
	b.Samples = disc(3, 8, 1)
	for i := range b.Samples.Pixels {
		b.Samples.Pixels[i] *= float32(2 + i%7)
	}
	b.Reblurred = b.Samples
	alike, err := SharedScale(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if a.Stretch != (Stretch{}) || len(alike) != 2 || alike[0].Stretch != alike[1].Stretch ||
		alike[0].Stretch.High < float64(slices.Max(b.Samples.Pixels)) {
		t.Errorf("the stretches are %v and %v", alike[0].Stretch, alike[1].Stretch)
	}
	l, err := b.layout()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range alike {
		residual, deviation := roundUp(l.residualTop()), roundUp(robustTop(l.deviation))
		if c.ResidualLimit != residual || c.DeviationLimit != deviation {
			t.Errorf("the limits are %v and %v, want %v and %v", c.ResidualLimit, c.DeviationLimit,
				residual, deviation)
		}
		want := "std. dev. 0–" + number(deviation)
		if !slices.Contains(written(t, mustDraw(t, c)), want) {
			t.Errorf("the figure lacks %q", want)
		}
	}
	foot := func(rows ...Candidates) string {
		texts := written(t, mustDraw(t, Overview{Galaxies: rows}))
		return texts[len(texts)-1]
	}
	for want, rows := range map[string][]Candidates{
		"asinh stretch": alike, "each galaxy": append(alike, a), "each row": {a, b},
	} {
		if got := foot(rows...); !strings.HasPrefix(got, want) {
			t.Errorf("the foot of the overview is %q, want %q…", got, want)
		}
	}
	_, err = SharedScale(a, Candidates{})
	wantError(t, err, "Observation")
}

func TestInsetCovers3Tenths(t *testing.T) {
	img := mapped(make([]float64, 100), 10, divergingMap(1), shades)
	out := withInset(img, []float32{1})
	if out.Bounds().Size() != image.Pt(10, 10) || rgb(out.At(8, 1)) != [3]int{255, 255, 255} ||
		rgb(out.At(7, 0)) != [3]int{0, 0, 0} {
		t.Errorf("the PSF isn't in the upper right 3x3 pixels: %v at its center, %v at its corner",
			out.At(8, 1), out.At(7, 0))
	}
	if rgb(out.At(6, 0)) != rgb(img.At(6, 0)) || rgb(out.At(7, 3)) != rgb(img.At(7, 3)) {
		t.Error("the image beside the inset is not what it was")
	}
}

// The middle half of 4×6 pixels of two channels is what lies there, of all images alike; an unknown
// truth stays unknown.
func TestZoom(t *testing.T) {
	batch := func(n int) *galaxy.Images {
		im := galaxy.NewImages(n, 4, 6, 2)
		for i := range im.Pixels {
			im.Pixels[i] = float32(i)
		}
		return im
	}
	whole := Candidates{Observation: batch(1), Samples: batch(2), Reblurred: batch(2)}
	whole.PSF = []float32{1}
	m := whole.Zoom()
	if m.Truth != nil || m.PSF != nil || m.Observation.N != 1 || m.Reblurred.N != 2 {
		t.Errorf("the middle is %+v", m)
	}
	// Rows 1 and 2, columns 1 to 3, both channels; the second image begins at 48.
	want := []float32{
		14, 15, 16, 17, 18, 19, 26, 27, 28, 29, 30, 31,
		62, 63, 64, 65, 66, 67, 74, 75, 76, 77, 78, 79,
	}
	if s := m.Samples; s.N != 2 || s.Height != 2 || s.Width != 3 || !slices.Equal(s.Pixels, want) {
		t.Errorf("of the samples remain %d×%d pixels %v, want %v",
			s.Height, s.Width, s.Pixels, want)
	}
}
