package galaxy

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// pair is noise of 1 on 96×96 pixels with two round Gaussians of σ = 2 at row 48: at column 48 one
// with a peak of 30, and one at a distance with a peak of 120.
func pair(distance float64, seed uint64) *Images {
	r := rand.New(rand.NewPCG(seed, 2))
	im := NewImages(1, 96, 96, 1)
	for k := range im.Pixels {
		dx, dy := float64(k%96)-48, float64(k/96)-48
		v := 30*math.Exp(-(dx*dx+dy*dy)/8) + 120*math.Exp(-((dx-distance)*(dx-distance)+dy*dy)/8)
		im.Pixels[k] = float32(v + r.NormFloat64())
	}
	return im
}

// The galaxy that is named is the one that is cut out, whether its light makes a peak (7 pixels and
// more) or not, and that the other is there is said.
func TestCutoutBesideABrighterNeighbor(t *testing.T) {
	for _, distance := range []float64{6, 7, 8, 10} {
		for seed := range uint64(5) {
			im := pair(distance, seed)
			for _, at := range [][2]int{{48, 48}, {47, 49}, {46, 47}} {
				c, err := im.Cutout(at[0], at[1], 32)
				if err != nil {
					t.Fatal(err)
				}
				if math.Hypot(c.Column-48, c.Row-48) > 1 {
					t.Errorf("distance %g, named %v: %s", distance, at, c)
				}
				if !c.Blended() || math.Abs(float64(c.Neighbors[0].Column)-48-distance) > 1 ||
					math.Abs(float64(c.Neighbors[0].Row)-48) > 1 {
					t.Errorf("distance %g, named %v: neighbors %v", distance, at, c.Neighbors)
				}
			}
			// The bright one is found from its other side, too.
			c, err := im.Cutout(48+int(distance)+2, 49, 32)
			if err != nil {
				t.Fatal(err)
			}
			if math.Hypot(c.Column-48-distance, c.Row-48) > 0.5 {
				t.Errorf("distance %g, the bright one named: %s", distance, c)
			}
		}
	}
}

// A companion that makes no peak of its own is seen as light on one side; an even galaxy has none,
// however it lies between pixels.
func TestCutoutSeesLightOnOneSide(t *testing.T) {
	for seed := range uint64(10) {
		for _, share := range []float64{0, 0.15, 0.2, 0.5} {
			im := whiteNoise(96, 0, seed)
			r := rand.New(rand.NewPCG(seed, 9))
			y0, x0, turn := 48+r.Float64(), 48+r.Float64(), 2*math.Pi*r.Float64()
			for k := range im.Pixels {
				dx, dy := float64(k%96)-x0, float64(k/96)-y0
				u, v := dx-5*math.Cos(turn), dy-5*math.Sin(turn)
				im.Pixels[k] += float32(100*math.Exp(-(dx*dx+2*dy*dy)/18) +
					100*share*math.Exp(-(u*u+v*v)/8))
			}
			c, err := im.Cutout(48, 48, 32)
			if err != nil {
				t.Fatal(err)
			}
			if c.Blended() != (share > 0) {
				t.Errorf("seed %d, a companion of %g: %s", seed, share, c)
				continue
			}
			if c.Blended() {
				p := c.Neighbors[0]
				far := math.Hypot(float64(p.Column)-x0-5*math.Cos(turn),
					float64(p.Row)-y0-5*math.Sin(turn))
				if far > 2.5 {
					t.Errorf("seed %d, a companion of %g: seen %.1f pixels from it, %s", seed,
						share, far, c)
				}
			}
		}
	}
}

// Noise makes no neighbors, and no peaks on the way up.
func TestCutoutOfOneGalaxyInNoise(t *testing.T) {
	for seed := range uint64(40) {
		im := whiteNoise(64, 0, seed)
		for k := range im.Pixels {
			dx, dy := float64(k%64)-31.4, float64(k/64)-32.2
			im.Pixels[k] += float32(12 * math.Exp(-(dx*dx+dy*dy)/(2*16)))
		}
		for _, at := range [][2]int{{31, 32}, {28, 35}, {36, 30}} {
			c, err := im.Cutout(at[0], at[1], 32)
			if err != nil {
				t.Fatal(err)
			}
			if c.Blended() || math.Hypot(c.Column-31.4, c.Row-32.2) > 1.2 {
				t.Errorf("seed %d, named %v: %s", seed, at, c)
			}
		}
	}
}

func TestCutoutRefusesByName(t *testing.T) {
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		do     func(im *Images)
		x, y   int
		reason Reason
	}{
		"NaN at the peak": {func(im *Images) { im.Pixels[48*96+56] = nan }, 56, 48,
			NoDataAtPeak},
		"masked, beside it":  {func(im *Images) { im.mark(49*96 + 57) }, 56, 48, NoDataAtPeak},
		"a hole of 5×5":      {func(im *Images) { hole(im, 56, 48, 2) }, 56, 48, NoDataAtPeak},
		"a hole of 11×11":    {func(im *Images) { hole(im, 56, 48, 5) }, 56, 48, TooMuchBad},
		"far from the peak":  {func(*Images) {}, 64, 54, FarPeak},
		"noise":              {func(*Images) {}, 20, 20, NoGalaxy},
		"no light":           {func(im *Images) { im.Subtract([]float64{500}) }, 56, 48, NoGalaxy},
		"good but for a few": {func(im *Images) { im.Pixels[40*96+62] = nan }, 56, 48, ""},
	} {
		im := pair(8, 1)
		im.IDs = []string{"field"}
		c.do(im)
		cut, err := im.Cutout(c.x, c.y, 32)
		var r *Refusal
		switch {
		case c.reason == "":
			if err != nil || cut.Bad != 1 {
				t.Errorf("%s: %v, error %v", name, cut, err)
			}
		case !errors.As(err, &r) || r.Reason != c.reason || r.ID != "field" || r.Hint == "":
			t.Errorf("%s: error %v, want %q", name, err, c.reason)
		case c.reason == NoDataAtPeak && (r.Place == nil ||
			math.Hypot(float64(r.Place.Column-56), float64(r.Place.Row-48)) > 3):
			t.Errorf("%s: at %+v", name, r.Place)
		}
	}
}

// hole makes the pixels up to so far along rows and columns NaN.
func hole(im *Images, x, y, far int) {
	for i := y - far; i <= y+far; i++ {
		for j := x - far; j <= x+far; j++ {
			im.Pixels[i*im.Width+j] = float32(math.NaN())
		}
	}
}

// Peaks are found where they are, also beside a gap, and noise has none.
func TestFindPeaks(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	im := NewImages(1, 60, 80, 1)
	places := [][2]int{{20, 20}, {60, 40}, {40, 50}} // column and row, brightest first
	for k := range im.Pixels {
		v := rng.NormFloat64()
		for i, p := range places {
			dy, dx := float64(k/80-p[1]), float64(k%80-p[0])
			v += float64(100-30*i) * math.Exp(-(dy*dy+dx*dx)/8)
		}
		im.Pixels[k] = float32(v)
	}
	bad := make([]bool, len(im.Pixels))
	for row := range 60 {
		bad[row*80+24], im.Pixels[row*80+24] = true, float32(math.NaN())
	}
	if err := im.Mask(bad); err != nil {
		t.Fatal(err)
	}
	peaks, err := im.FindPeaks()
	if err != nil {
		t.Fatal(err)
	}
	if len(peaks) != len(places) {
		t.Fatalf("%d peaks, want %d: %+v", len(peaks), len(places), peaks)
	}
	for i, p := range peaks {
		if math.Hypot(float64(p.Column-places[i][0]), float64(p.Row-places[i][1])) > 1.5 {
			t.Errorf("peak %d is at column %d, row %d, want %v", i, p.Column, p.Row, places[i])
		}
	}
	if _, err := NewImages(2, 9, 9, 1).FindPeaks(); err == nil {
		t.Error("two images at a time are no error")
	}
}
