package galaxy

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// exposure is a sky of 100 with noise of 5 on h×w pixels, and round Gaussian galaxies of σ = 3
// pixels and a peak of 200 at columns and rows.
func exposure(h, w int, at ...[2]float64) *Images {
	r := rand.New(rand.NewPCG(3, 4))
	im := NewImages(1, h, w, 1)
	for k := range im.Pixels {
		v := 100 + 5*r.NormFloat64()
		for _, p := range at {
			dx, dy := float64(k%w)-p[0], float64(k/w)-p[1]
			v += 200 * math.Exp(-(dx*dx+dy*dy)/18)
		}
		im.Pixels[k] = float32(v)
	}
	return im
}

func TestSky(t *testing.T) {
	for galaxies, im := range map[float64]*Images{
		0: exposure(64, 64),
		3: exposure(64, 80, [2]float64{20, 20}, [2]float64{55, 40}, [2]float64{30, 50}),
	} {
		im.Pixels[7], im.Pixels[900] = float32(math.NaN()), float32(math.Inf(1))
		skies, err := im.Sky()
		if err != nil {
			t.Fatal(err)
		}
		// What others like the galaxies that are found, but fainter, add is part of the error.
		n := float64(len(im.Pixels))
		s, least := skies[0], math.Hypot(5/math.Sqrt(n), 70*5*galaxies/n)
		if s.StdErr < 0.95*least || s.StdErr > 1.4*least || math.Abs(s.Level-100) > 3*s.StdErr ||
			math.Abs(s.Noise-5) > 15/math.Sqrt(n) {
			t.Errorf("%g galaxies: %+v, want 100 and 5", galaxies, s)
		}
	}
	// Correlated noise has a larger error: means over 3×3 pixels, three times that of white noise.
	white := exposure(98, 98)
	smooth := NewImages(1, 96, 96, 1)
	for k := range smooth.Pixels {
		for i := range 9 {
			smooth.Pixels[k] += white.Pixels[(k/96+i/3)*98+k%96+i%3] / 9
		}
	}
	skies, err := smooth.Sky()
	if err != nil {
		t.Fatal(err)
	}
	if s := skies[0]; s.StdErr < 0.8*5.0/98 || s.StdErr > 1.4*5.0/98 ||
		math.Abs(s.Level-100) > 3*s.StdErr {
		t.Errorf("correlated noise: %+v, want 100 and an error of 0.05", s)
	}
	flat := NewImages(1, 16, 16, 1)
	for k := range flat.Pixels {
		flat.Pixels[k] = 3
	}
	flat.Pixels[9] = 70
	var refused *Refusal
	if s, err := flat.Sky(); !errors.As(err, &refused) || refused.Reason != NoNoise ||
		s[0] != (Sky{Level: 3}) {
		t.Errorf("a sky without noise is %+v, error %v", s, err)
	}
	for k := range flat.Pixels {
		flat.Pixels[k] = float32(math.NaN())
	}
	if _, err := flat.Sky(); !errors.As(err, &refused) || refused.Reason != NoPixels {
		t.Errorf("error %v", err)
	}
}

func TestCutout(t *testing.T) {
	im := exposure(64, 80, [2]float64{25.3, 37.8}, [2]float64{60, 20})
	if err := im.Subtract([]float64{100}); err != nil {
		t.Fatal(err)
	}
	im.IDs = []string{"field"}
	im.Pixels[38*80+30] = float32(math.NaN())
	cut, err := im.Cutout(27, 34, 32)
	if err != nil {
		t.Fatal(err)
	}
	stamp, left, top := cut.Images, cut.Left, cut.Top
	if math.Abs(cut.Column-25.3) > 0.2 || math.Abs(cut.Row-37.8) > 0.2 ||
		math.Abs(cut.Shift-math.Hypot(cut.Column-27, cut.Row-34)) > 1e-9 {
		t.Errorf("found %s, want column 25.3, row 37.8", cut)
	}
	if cut.Bad != 1 || !stamp.Bad[(38-22)*32+30-10] || cut.Blended() {
		t.Errorf("%s: %d bad pixels", cut, cut.Bad)
	}
	// The middle of the galaxy, at 25.8 and 38.3 from the corner of the image, is 16 from that of
	// the stamp, to a pixel.
	x, y := 10, 22
	for dy := range 32 {
		for dx := range 32 {
			v := im.Pixels[(y+dy)*80+x+dx]
			if math.IsNaN(float64(v)) {
				if got := stamp.Pixels[dy*32+dx]; math.Abs(float64(got)-59) > 15 {
					t.Errorf("the bad pixel became %g", got)
				}
			} else if stamp.Pixels[dy*32+dx] != v {
				t.Fatalf("pixel %d, %d is %g, want %g", dx, dy, stamp.Pixels[dy*32+dx], v)
			}
		}
	}
	if stamp.ID(0) != "field" || stamp.Scale != nil {
		t.Errorf("IDs %v, scale %v", stamp.IDs, stamp.Scale)
	}
	if left != x || top != y {
		t.Errorf("the stamp begins at column %d, row %d", left, top)
	}
	// At the corner it's moved inwards.
	if cut, err = im.Cutout(60, 20, 48); err != nil {
		t.Fatal(err)
	}
	if cut.Left != 32 || cut.Top != 0 {
		t.Errorf("the stamp begins at column %d, row %d", cut.Left, cut.Top)
	}

	for want, cut := range map[string][3]int{
		"between 4":       {25, 37, 70},
		"80 columns":      {25, 37, 2},
		"only 80 columns": {25, 64, 32},
		"of the edge":     {77, 37, 32},
		"no positive":     {70, 54, 16},
		"are bad or not":  {25, 37, 4},
		"7 pixels of the": {5, 30, 28},
	} {
		bad := im.Select(0)
		switch want {
		case "no positive":
			if err := bad.Subtract([]float64{1000}); err != nil {
				t.Fatal(err)
			}
		case "are bad or not":
			bad.Pixels[37*80+25] = float32(math.NaN())
			bad.Pixels[37*80+26] = float32(math.NaN())
		}
		if _, err := bad.Cutout(cut[0], cut[1], cut[2]); err == nil ||
			!strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "galaxy: ") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := NewImages(2, 32, 32, 1).Cutout(16, 16, 16); err == nil ||
		!strings.Contains(err.Error(), "one image") {
		t.Errorf("error %v", err)
	}
}

func TestAverage(t *testing.T) {
	im := ramp(2, 5, 7, 3)
	im.IDs, im.Scale = []string{"a", "b"}, []float64{2, 3}
	out, err := im.Average(2)
	if err != nil {
		t.Fatal(err)
	}
	if out.N != 2 || out.Height != 2 || out.Width != 3 || out.Channels != 3 || out.ID(1) != "b" ||
		out.Scale[1] != 3 {
		t.Fatalf("%+v", out)
	}
	for i := range 2 {
		for y := range 2 {
			for x := range 3 {
				for c := range 3 {
					// The mean of a ramp is its value in the middle.
					want := float64(i*105) + (2*float64(y)+0.5)*21 + (2*float64(x)+0.5)*3 +
						float64(c)
					if got := out.At(i)[(y*3+x)*3+c]; float64(got) != want {
						t.Errorf("image %d, row %d, column %d, channel %d: %g, want %g", i, y, x, c,
							got, want)
					}
				}
			}
		}
	}
	if same, err := im.Average(1); err != nil || !slices.Equal(same.Pixels, im.Pixels) {
		t.Errorf("1×1 pixels averaged changed them, error %v", err)
	}
	for _, n := range []int{0, 6} {
		if _, err := im.Average(n); err == nil || !strings.HasPrefix(err.Error(), "galaxy: ") {
			t.Errorf("error %v for %d", err, n)
		}
	}
}

func TestJoin(t *testing.T) {
	a, b := ramp(1, 4, 5, 1), ramp(2, 4, 5, 1)
	a.IDs, b.Scale = []string{"a"}, []float64{2, 3}
	out, err := Join(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if out.N != 3 || !slices.Equal(out.Pixels, slices.Concat(a.Pixels, b.Pixels)) ||
		!slices.Equal(out.Scale, []float64{1, 2, 3}) ||
		!slices.Equal(out.IDs, []string{"a", "image 1", "image 2"}) {
		t.Errorf("%+v", out)
	}
	if out, err := Join(a, a); err != nil || out.Scale != nil {
		t.Errorf("scale %v, error %v", out.Scale, err)
	}
	grouped := ramp(2, 4, 5, 1)
	grouped.Objects = []string{"x", "x"}
	if out, err := Join(a, grouped); err != nil ||
		!slices.Equal(out.Objects, []string{"a", "x", "x"}) {
		t.Errorf("objects %v, error %v", out.Objects, err)
	}
	for _, none := range [][]*Images{{}, {nil}, {a, nil}} {
		if _, err := Join(none...); err == nil {
			t.Error("nothing gave no error")
		}
	}
	// Images without names are not one galaxy, and what was one galaxy stays on one side of a
	// split.
	all, err := Join(ramp(1, 4, 5, 1), grouped, ramp(1, 4, 5, 1), grouped)
	if err != nil ||
		!slices.Equal(all.Objects, []string{"image 0", "x", "x", "image 3", "x", "x"}) {
		t.Fatalf("objects %v, error %v", all.Objects, err)
	}
	for seed := range int64(10) {
		first, rest, err := all.Split(4, seed)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(first.Objects, "x") && slices.Contains(rest.Objects, "x") {
			t.Errorf("seed %d parts a galaxy: %v and %v", seed, first.Objects, rest.Objects)
		}
	}
	if _, err := Join(a, ramp(1, 5, 4, 1)); err == nil || !strings.Contains(err.Error(), "5×4") {
		t.Errorf("error %v", err)
	}
}
