package plotting

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

func gaussian(t *testing.T, size int, sigma float64) psf.PSF {
	t.Helper()
	k, err := psf.Gaussian{Sigma: sigma}.Render(size)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// strokes are the paths that a figure draws in a color.
func strokes(f *Figure, want [4]uint32) []vg.Path {
	var c recorder.Canvas
	f.draw(draw.NewCanvas(&c, vg.Length(f.Width)*css, vg.Length(f.Height)*css))
	var out []vg.Path
	var color [4]uint32
	for _, a := range c.Actions {
		switch a := a.(type) {
		case *recorder.SetColor:
			r, g, b, alpha := a.Color.RGBA()
			color = [4]uint32{r, g, b, alpha}
		case *recorder.Stroke:
			if color == want {
				out = append(out, a.Path)
			}
		}
	}
	return out
}

func rgba(k int) [4]uint32 {
	r, g, b, a := curveColors[k].RGBA()
	return [4]uint32{r, g, b, a}
}

// longest is the path of most points: the curve, not its legend or its glyphs.
func longest(paths []vg.Path) vg.Path {
	return slices.MaxFunc(paths, func(a, b vg.Path) int { return len(a) - len(b) })
}

// The spectrum of white noise lies on the line of its power, and that of noise ten times as strong
// two decades higher.
func TestSpectraLieWhereTheyShould(t *testing.T) {
	spectrum := func(sigma float64) score.Spectrum {
		s, err := score.PowerSpectrum(sky(256, sigma))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := Spectra{
		Title: "noise", Noise: 0.1,
		Curves: []SpectrumCurve{{"faint", spectrum(0.1)}, {"strong", spectrum(1)}},
	}
	f := mustDraw(t, s)
	height := func(k int) float64 {
		path := longest(strokes(f, rgba(k)))
		if len(path) != 128 { // rings 1 to 128 of 256 pixels
			t.Errorf("curve %d has %d points, want those up to the Nyquist frequency", k, len(path))
		}
		var sum float64
		for _, c := range path[64:] { // where rings have many modes
			sum += float64(c.Pos.Y) / 64
		}
		return sum
	}
	var line float64
	for _, path := range strokes(f, [4]uint32{0x6666, 0x6666, 0x6666, 0xffff}) {
		if path[len(path)-1].Pos.X-path[0].Pos.X > 400*css {
			line = float64(path[0].Pos.Y)
		}
	}
	decades := (height(1) - height(0)) / 2
	if line == 0 || decades < 20 || math.Abs(height(0)-line) > 0.03*decades {
		t.Errorf("the curves lie at %g and %g, the line of the noise at %g", height(0), height(1),
			line)
	}
	texts := strings.Join(written(t, f), "|")
	for _, want := range []string{"noise", "faint", "strong", "white noise of σ = 0.1",
		"cycles per pixel", "power"} {
		if !strings.Contains(texts, want) {
			t.Errorf("the figure lacks %q; it has %q", want, texts)
		}
	}

	_, err := Spectra{}.Figure()
	wantError(t, err, "1 to 6", "got 0")
	_, err = Spectra{Curves: s.Curves, Noise: math.NaN()}.Figure()
	wantError(t, err, "Noise")
	one := func(name string, power ...float64) Spectra {
		s := score.Spectrum{Frequency: []float64{0, 0.5}, Power: power}
		return Spectra{Curves: []SpectrumCurve{{name, s}}}
	}
	_, err = one("black", 1, 0).Figure()
	wantError(t, err, `"black"`, "0 rings")
	_, err = one("odd", 1, math.NaN()).Figure()
	wantError(t, err, `"odd"`, "NaN", "ring 1")
	_, err = one("short").Figure()
	wantError(t, err, `"short"`, "score.PowerSpectrum")
}

func TestShares(t *testing.T) {
	// 80 bins of width 1/80: 0 is in the first, 0.5 in bin 40, and 1, the upper end, in the last.
	got := shares([]float32{0, 0, 0.5, 1}, 0, 1)
	for i, v := range got {
		want := map[int]float64{0: 0.5, 40: 0.25, 79: 0.25}[i]
		if v != want {
			t.Errorf("bin %d has the share %g, want %g", i, v, want)
		}
	}
}

func TestPixelHistogram(t *testing.T) {
	clean := disc(2, 8, 3)
	h := PixelHistogram{
		Title:  "values",
		Curves: []PixelCurve{{"clean", clean}, {"noise", sky(16, 0.1)}},
	}
	f := mustDraw(t, h)
	texts := strings.Join(written(t, f), "|")
	for _, want := range []string{"values", "clean", "noise", "pixel value", "share of pixels",
		"|0|"} {
		if !strings.Contains(texts, want) {
			t.Errorf("the figure lacks %q; it has %q", want, texts)
		}
	}
	if path := longest(strokes(f, rgba(0))); len(path) != 2*histogramBins {
		t.Errorf("the outline has %d corners, want two for each of %d bins", len(path),
			histogramBins)
	}
	// a single value has no range
	mustDraw(t, PixelHistogram{Curves: []PixelCurve{{"black", galaxy.NewImages(1, 4, 4, 1)}}})

	_, err := PixelHistogram{}.Figure()
	wantError(t, err, "1 to 6", "got 0")
	_, err = PixelHistogram{Curves: []PixelCurve{{"none", nil}}}.Figure()
	wantError(t, err, `"none"`, "nil")
	clean.Pixels[5] = float32(math.NaN())
	_, err = h.Figure()
	wantError(t, err, `"clean"`)
}

func TestPSFsFigure(t *testing.T) {
	p := PSFs{
		Title: "grid", Names: []string{"narrow", "wide"},
		PSFs: []psf.PSF{gaussian(t, 10, 1), gaussian(t, 15, 2)},
	}
	texts := written(t, mustDraw(t, p))
	for _, want := range []string{"grid", "narrow", "wide", "FWHM 2.4", "FWHM 4.7"} { // 2.355 σ
		if !slices.Contains(texts, want) {
			t.Errorf("the figure lacks %q; it has %q", want, texts)
		}
	}
	_, err := PSFs{}.Figure()
	wantError(t, err, "1 to 60", "got 0")
	_, err = PSFs{PSFs: p.PSFs, Names: p.Names[:1]}.Figure()
	wantError(t, err, "1 names", "2 PSFs")
	_, err = PSFs{PSFs: []psf.PSF{p.PSFs[0], {}}}.Figure()
	wantError(t, err, "PSFs[1]")
}

func TestPairsFigure(t *testing.T) {
	for _, channels := range []int{1, 3} {
		y := disc(7, 8, channels)
		p := Pairs{
			Title: "pairs", Clean: y, Observed: y,
			PSFs: []psf.PSF{gaussian(t, 9, 1)}, Noise: []float64{0.01},
		}
		texts := written(t, mustDraw(t, p))
		for _, want := range []string{"pairs", "clean y", "observed x", "image 6", "FWHM 2.4"} {
			if !slices.Contains(texts, want) {
				t.Errorf("the figure lacks %q; it has %q", want, texts)
			}
		}
		if all := strings.Join(texts, "|"); !strings.Contains(all, "noise 0.01") {
			t.Errorf("the figure lacks the noise; it has %q", all)
		}
	}
	y := disc(2, 8, 1)
	k := gaussian(t, 9, 1)
	_, err := Pairs{}.Figure()
	wantError(t, err, "Pairs.Clean", "nil")
	_, err = Pairs{Clean: y, Observed: y.Select(0), PSFs: []psf.PSF{k}}.Figure()
	wantError(t, err, "Pairs.Observed", "2 are needed")
	_, err = Pairs{Clean: y, Observed: y}.Figure()
	wantError(t, err, "0 PSFs", "2 galaxies")
	_, err = Pairs{Clean: y, Observed: y, PSFs: []psf.PSF{{}}}.Figure()
	wantError(t, err, "the PSF of image 0")
	_, err = Pairs{Clean: y, Observed: y, PSFs: []psf.PSF{k}, Noise: make([]float64, 3)}.Figure()
	wantError(t, err, "3 noise levels")
	many := disc(33, 4, 1)
	_, err = Pairs{Clean: many, Observed: many, PSFs: []psf.PSF{k}}.Figure()
	wantError(t, err, "up to 32", "33")
}

// Lines keep their distance, the last one is always shown, and what an interrupted run had done
// doesn't count for the time left.
func TestProgress(t *testing.T) {
	var lines []string
	now := time.Unix(1000, 0)
	p := &Progress{
		period: time.Second, now: func() time.Time { return now },
		show: func(_ float64, line string) { lines = append(lines, line) },
	}
	for _, step := range []struct {
		wait time.Duration
		done float64
	}{
		{0, 0.5}, {100 * time.Millisecond, 0.55},
		{9900 * time.Millisecond, 0.6}, {100 * time.Millisecond, 1},
	} {
		now = now.Add(step.wait)
		p.Update(step.done, "work")
	}
	if want := []string{"work", "work, 40s left", "work, in 10.1 s"}; !slices.Equal(lines, want) {
		t.Errorf("the lines are %q, want %q", lines, want)
	}
}
