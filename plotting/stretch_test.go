package plotting

import (
	"math"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
)

func TestStretchFormula(t *testing.T) {
	s := Stretch{Low: -0.2, High: 3, Softening: 0.1}
	// asinh by its definition, so that the reference isn't the code.
	asinh := func(v float64) float64 { return math.Log(v + math.Sqrt(v*v+1)) }
	for v := -0.2; v <= 3; v += 0.01 {
		want := (asinh(v/0.1) - asinh(-2)) / (asinh(30) - asinh(-2))
		if got := s.At(v); math.Abs(got-want) > 1e-12 {
			t.Errorf("At(%g) = %g, want %g", v, got, want)
		}
	}
	if s.At(-5) != 0 || s.At(5) != 1 {
		t.Errorf("out of range: At(-5) = %g, At(5) = %g, want 0 and 1", s.At(-5), s.At(5))
	}
	if got := (Stretch{Low: -1, High: 3}).At(1); got != 0.5 {
		t.Errorf("linear stretch of the middle of its range = %g, want 0.5", got)
	}
}

func TestAutoStretch(t *testing.T) {
	const sigma = 0.02
	noisy := sky(64, sigma)
	noisy.Pixels[0] = 2
	s, err := AutoStretch(disc(3, 16, 1), noisy)
	if err != nil {
		t.Fatal(err)
	}
	if s.High != 2 {
		t.Errorf("white is %g, want the brightest pixel, 2", s.High)
	}
	if math.Abs(s.Softening/(3*sigma)-1) > 0.1 {
		t.Errorf("softening %g, want 3σ = %g within 10 %%", s.Softening, 3*sigma)
	}
	if got := s.At(0); math.Abs(got-zeroGray) > 1e-12 {
		t.Errorf("the value 0 has the brightness %g, want %g", got, zeroGray)
	}
	if at := s.At(-sigma / 2); at <= 0 || at >= zeroGray {
		t.Errorf("negative noise has the brightness %g, want it between 0 and %g", at, zeroGray)
	}
	last := -1.0
	for v := s.Low; v <= s.High; v += 0.001 {
		if s.At(v) <= last {
			t.Fatalf("not increasing at %g", v)
		}
		last = s.At(v)
	}

	clean, err := AutoStretch(disc(1, 16, 1))
	if err != nil || clean.Softening != 1.0/30 {
		t.Errorf("stretch without noise = %+v, %v; want softening 1/30", clean, err)
	}
	if dark, err := AutoStretch(galaxy.NewImages(1, 4, 4, 1)); err != nil ||
		!(dark.Low < 0 && dark.High > 0) {
		t.Errorf("stretch of a dark image = %+v, %v; want a usable one", dark, err)
	}
	if color, err := AutoStretch(disc(1, 4, 3)); err != nil || color != (Stretch{High: 1}) {
		t.Errorf("stretch of a picture = %+v, %v; want linear 0 to 1", color, err)
	}
	_, err = AutoStretch()
	wantError(t, err, "at least one")
	broken := disc(1, 4, 1)
	broken.Pixels[3] = float32(math.NaN())
	_, err = AutoStretch(disc(1, 4, 3), broken) // the first alone says which stretch
	wantError(t, err, "NaN")
}

func TestStretchErrors(t *testing.T) {
	for _, s := range []Stretch{
		{Low: 1, High: 1}, {Low: 2, High: 1}, {High: math.NaN()}, {High: math.Inf(1)},
		{High: 1, Softening: -1}, {High: 1, Softening: math.NaN()},
	} {
		_, err := Mosaic{Images: disc(1, 4, 1), Stretch: s}.Figure()
		wantError(t, err, "Low < High")
	}
}

// A few pixels that vary most don't set the range of all; what all pixels do is shown uncut.
func TestRobustTop(t *testing.T) {
	faint := make([]float64, 1000)
	for k := range faint {
		faint[k] = 0.01 + 0.01*float64(k)/1000
	}
	if got := robustTop(faint); got != faint[999] {
		t.Errorf("without a star the top is %g, want the largest, %g", got, faint[999])
	}
	star := slices.Clone(faint)
	for k := range 15 {
		star[60*k] = 5
	}
	if got := robustTop(star); got > 0.031 || got < 0.029 {
		t.Errorf("with a star the top is %g, want about 1.5 times 0.02", got)
	}
	lone := make([]float64, 1000)
	lone[7] = 3
	if got := robustTop(lone); got != 3 {
		t.Errorf("where one pixel varies the top is %g, want 3", got)
	}
	if got := robustTop(nil); got != 0 {
		t.Errorf("of nothing the top is %g", got)
	}
}

// The panel of a star that varies most says how much, and shows what varies less.
func TestDeviationOfAStar(t *testing.T) {
	c := observation(1)
	c.Samples, c.Observation = noisy(galaxy.NewImages(3, 32, 32, 1), 0.01, 1), sky(32, 0.01)
	c.Reblurred = c.Samples
	for i := range 3 {
		c.Samples.At(i)[500] = float32(10 * i)
	}
	all := strings.Join(written(t, mustDraw(t, c)), "|")
	if !strings.Contains(all, "up to 10") || !strings.Contains(all, "std. dev. 0–0.03") {
		t.Errorf("the figure says %s", all)
	}
	c.DeviationLimit = 10
	if all := strings.Join(written(t, mustDraw(t, c)), "|"); strings.Contains(all, "up to") {
		t.Errorf("with the limit of the star the figure says %s", all)
	}
}
