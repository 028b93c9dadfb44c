package galaxy

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// whiteNoise is an image of n×n pixels with a level and white noise of 1.
func whiteNoise(n int, level float64, seed uint64) *Images {
	r := rand.New(rand.NewPCG(seed, 1))
	im := NewImages(1, n, n, 1)
	for k := range im.Pixels {
		im.Pixels[k] = float32(level + r.NormFloat64())
	}
	return im
}

// poisson is an image of n×n counts of a mean.
func poisson(n int, mean float64, seed uint64) *Images {
	r := rand.New(rand.NewPCG(seed, 1))
	im := NewImages(1, n, n, 1)
	for k := range im.Pixels {
		term, u := math.Exp(-mean), r.Float64()
		for total, c := term, 0.0; u > total && c < 999; total += term {
			c++
			term *= mean / c
			im.Pixels[k] = float32(c)
		}
	}
	return im
}

func TestMarkNoData(t *testing.T) {
	const n = 96
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	rectangle := func(im *Images, v float32, y0, x0, y1, x1 int) {
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				im.Pixels[y*n+x] = v
			}
		}
	}
	for name, c := range map[string]struct {
		im   *Images
		do   func(im *Images)
		want NoData
	}{
		"nothing":     {whiteNoise(n, 5, 1), func(*Images) {}, NoData{}},
		"few counts":  {poisson(n, 0.05, 2), func(*Images) {}, NoData{}},
		"some counts": {poisson(n, 2, 3), func(*Images) {}, NoData{}},
		"many counts": {poisson(n, 30, 4), func(*Images) {}, NoData{}},
		"not finite": {whiteNoise(n, 5, 5),
			func(im *Images) { im.Pixels[7], im.Pixels[70] = nan, inf },
			NoData{NotFinite: 2}},
		"masked": {whiteNoise(n, 5, 5),
			func(im *Images) { im.mark(7); im.Pixels[7] = nan },
			NoData{Masked: 1}},
		"-9999": {whiteNoise(n, 5, 6),
			func(im *Images) { im.Pixels[900] = -9999 },
			NoData{Sentinel: 1}},
		"largest": {whiteNoise(n, 5, 6),
			func(im *Images) { im.Pixels[900] = math.MaxFloat32 },
			NoData{Sentinel: 1}},
		"-99.99, scattered": {whiteNoise(n, 5, 6),
			func(im *Images) {
				for k := range 40 {
					im.Pixels[200*k+17] = -99.99
				}
			},
			NoData{Sentinel: 40}},
		"1e10, three times": {whiteNoise(n, 5, 6),
			func(im *Images) {
				im.Pixels[900], im.Pixels[4000], im.Pixels[7000] = 1e10, 1e10,
					1e10
			},
			NoData{Sentinel: 3}},
		"a star without noise": {whiteNoise(n, 5, 6),
			func(im *Images) {
				for k := range im.Pixels {
					y, x := float64(k/n-50), float64(k%n-40)
					im.Pixels[k] += float32(math.Round(1e4 * math.Exp(-(y*y+x*x)/18)))
				}
			},
			NoData{}},
		"-32768": {poisson(n, 9, 6),
			func(im *Images) { im.Pixels[900] = -32768 },
			NoData{Sentinel: 1}},
		"1e30": {poisson(n, 9, 6),
			func(im *Images) { im.Pixels[900] = 1e30 },
			NoData{Sentinel: 1}},
		"-99 as value": {whiteNoise(n, -99, 6),
			func(im *Images) { im.Pixels[900] = -99 },
			NoData{}},
		"zeros": {whiteNoise(n, 5, 7),
			func(im *Images) { rectangle(im, 0, 0, 0, n, 40) },
			NoData{Flat: 40 * n}},
		"another value": {whiteNoise(n, 5, 7),
			func(im *Images) { rectangle(im, 4.75, 30, 30, 70, 50) },
			NoData{Flat: 800}},
		"a column": {whiteNoise(n, 5, 8),
			func(im *Images) { rectangle(im, 0, 0, 50, n, 51) },
			NoData{Flat: n}},
		"dead pixels": {whiteNoise(n, 5, 9),
			func(im *Images) { sprinkle(im, 0, 0.7) },
			NoData{Flat: -1}},
		"zeros of few": {poisson(n, 0.05, 9),
			func(im *Images) { rectangle(im, 0, 0, 0, n, 50) },
			NoData{Flat: 50 * n}},
		"zeros of 2": {poisson(n, 2, 9),
			func(im *Images) { rectangle(im, 0, 20, 20, 60, 60) },
			NoData{Flat: 1600}},
		"a plateau": {whiteNoise(n, 5, 10),
			func(im *Images) { rectangle(im, 500, 40, 40, 42, 43) },
			NoData{Saturated: 6}},
		"of counts": {poisson(n, 30, 10), func(im *Images) { rectangle(im, 255, 40, 40, 42, 43) },
			NoData{Saturated: 6}},
		"cut off at 0": {whiteNoise(n, 0.2, 11), func(im *Images) {
			for k, v := range im.Pixels {
				im.Pixels[k] = max(v, 0)
			}
		}, NoData{}},
	} {
		c.do(c.im)
		before := slices.Clone(c.im.Pixels)
		got, err := c.im.MarkNoData()
		if err != nil {
			t.Fatal(err)
		}
		want := c.want
		want.Pixels = n * n
		if want.Flat < 0 {
			want.Flat = 0
			for _, v := range c.im.Pixels {
				if v == 0 {
					want.Flat++
				}
			}
		}
		// Some neighbors of an area of counts have its value by chance.
		if strings.HasPrefix(name, "zeros of") {
			if off := got[0].Flat - want.Flat; off < 0 || off > want.Flat/20 {
				t.Errorf("%s: %s, want %d", name, got[0], want.Flat)
			}
		} else if got[0] != want {
			t.Errorf("%s: %s, want %s", name, got[0], want)
		}
		marked := 0
		for _, b := range c.im.Bad {
			if b {
				marked++
			}
		}
		if marked != got[0].Total() {
			t.Errorf("%s: %d marked, %d said", name, marked, got[0].Total())
		}
		if again, err := c.im.MarkNoData(); err != nil ||
			again[0].Total() > got[0].Total()*101/100 {
			t.Errorf("%s: marked again, %s", name, again[0])
		}
		for k, v := range c.im.Pixels {
			if v != before[k] && v == v {
				t.Fatalf("%s: pixel %d has changed", name, k)
			}
		}
	}
	if s := (NoData{Pixels: 200, NotFinite: 3, Flat: 17}).String(); s !=
		"20 of 200 pixels (10.0 %) have no data: 3 not finite, 17 in runs of one value" {
		t.Errorf("it says %q", s)
	}
}

// sprinkle gives a share of the pixels, drawn by chance, the value v.
func sprinkle(im *Images, v float32, share float64) {
	r := rand.New(rand.NewPCG(77, 1))
	for k := range im.Pixels {
		if r.Float64() < share {
			im.Pixels[k] = v
		}
	}
}

// Sky and noise are right with 70 % of no data, in one piece or single pixels, of any kind.
func TestSkyOfLittleData(t *testing.T) {
	for name, v := range map[string]float32{"NaN": float32(math.NaN()), "0": 0, "-9999": -9999} {
		for shape, do := range map[string]func(im *Images){
			"single": func(im *Images) { sprinkle(im, v, 0.7) },
			"half":   func(im *Images) { fillFirst(im, v, 0.7) },
		} {
			im := exposure(96, 96, [2]float64{20, 80}, [2]float64{50, 85})
			do(im)
			skies, err := im.Sky()
			if err != nil {
				t.Fatal(err)
			}
			s := skies[0]
			if math.Abs(s.Level-100) > 4*s.StdErr || math.Abs(s.Noise-5) > 0.4 || s.StdErr > 0.4 {
				t.Errorf("%s, %s: %+v, want 100 and 5", name, shape, s)
			}
			if levels, err := im.NoiseLevels(); err != nil || math.Abs(levels[0]-5) > 0.8 {
				t.Errorf("%s, %s: noise %v, error %v", name, shape, levels, err)
			}
		}
	}
}

// fillFirst gives the first share of the rows the value v.
func fillFirst(im *Images, v float32, share float64) {
	for k := range int(share*float64(im.Height)) * im.Width {
		im.Pixels[k] = v
	}
}

// An image without noise is never taken for one with noise 0, and the others' results come.
func TestNoNoise(t *testing.T) {
	flat := NewImages(1, 32, 32, 1)
	blob := blob(32, 32, 1, 16, 16, 2, 1)
	im, err := Join(whiteNoise(32, 3, 1), flat, blob)
	if err != nil {
		t.Fatal(err)
	}
	var refused *Refusal
	levels, err := im.NoiseLevels()
	if !errors.As(err, &refused) || refused.Reason != NoNoise || refused.Index != 1 ||
		refused.Hint == "" {
		t.Errorf("error %v", err)
	}
	if math.Abs(levels[0]-1) > 0.1 || !math.IsNaN(levels[1]) {
		t.Errorf("levels %v", levels)
	}
	skies, err := im.Sky()
	if !errors.As(err, &refused) || refused.Reason != NoNoise || refused.Index != 1 {
		t.Errorf("error %v", err)
	}
	if math.Abs(skies[0].Level-3) > 0.1 || skies[1] != (Sky{}) {
		t.Errorf("skies %v", skies)
	}
}

// Scaled pixels give results that are scaled alike, to the bit for powers of 2, from 1e-36 to 1e36.
func TestScaleOfUnits(t *testing.T) {
	fields := map[string]*Images{
		"sky":    exposure(64, 64, [2]float64{30.3, 30.7}, [2]float64{50, 12}),
		"counts": poisson(64, 3, 1),
		"masked": exposure(64, 64, [2]float64{30.3, 30.7}),
	}
	fillFirst(fields["masked"], 0, 0.2)
	type results struct {
		Sky
		noise, ratio float64
		cut          [4]float64
		peak         float64
		none         NoData
	}
	all := func(im *Images, unit float64) (r results) {
		t.Helper()
		skies, err := im.Sky()
		if err != nil {
			t.Fatal(err)
		}
		levels, err := im.NoiseLevels()
		if err != nil {
			t.Fatal(err)
		}
		c, err := im.NoiseCorrelation()
		if err != nil {
			t.Fatal(err)
		}
		none, err := im.MarkNoData()
		if err != nil {
			t.Fatal(err)
		}
		r = results{Sky: skies[0], noise: levels[0], ratio: c[0].Ratio(), none: none[0]}
		if err := im.Subtract([]float64{r.Level}); err != nil {
			t.Fatal(err)
		}
		if cut, err := im.Cutout(30, 31, 24); err == nil {
			r.cut = [4]float64{cut.Column, cut.Row, cut.Shift, float64(len(cut.Neighbors))}
			r.peak = cut.Images.centralMax(0)
		}
		r.Level, r.StdErr, r.Noise, r.Step = r.Level/unit, r.StdErr/unit, r.Noise/unit, r.Step/unit
		r.noise, r.peak = r.noise/unit, r.peak/unit
		return r
	}
	for name, field := range fields {
		want := all(field.Clone(), 1)
		for _, power := range []int{-119, -60, -40, 40, 112} {
			im := field.Clone()
			for k, v := range im.Pixels {
				im.Pixels[k] = float32(math.Ldexp(float64(v), power))
			}
			if got := all(im, math.Ldexp(1, power)); got != want {
				t.Errorf("%s, 2^%d: %+v, want %+v", name, power, got, want)
			}
		}
		for _, unit := range []float64{1e-35, 1e-20, 1e-12, 1e12, 1e34} {
			im := field.Clone()
			for k, v := range im.Pixels {
				im.Pixels[k] = float32(float64(v) * unit)
			}
			got := all(im, unit)
			for what, v := range map[string][2]float64{"level": {got.Level, want.Level},
				"error": {got.StdErr, want.StdErr}, "noise": {got.Noise, want.Noise},
				"noise between neighbors": {got.noise, want.noise},
				"ratio":                   {got.ratio, want.ratio},
				"column":                  {got.cut[0], want.cut[0]},
				"peak":                    {got.peak, want.peak}} {
				if math.Abs(v[0]-v[1]) > 2e-4*math.Abs(v[1]) {
					t.Errorf("%s, unit %g: %s %g, want %g", name, unit, what, v[0], v[1])
				}
			}
			if got.none != want.none {
				t.Errorf("%s, unit %g: %s, want %s", name, unit, got.none, want.none)
			}
		}
	}
}

// What an image without noise fades to is its sky.
func TestNoNoiseFades(t *testing.T) {
	for name, cut := range map[string]float64{"to nothing": 0, "to where it is cut off": 0.005} {
		im := blob(96, 96, 1, 50, 40, 3, 10)
		for k, v := range im.Pixels {
			if float64(v) < cut {
				im.Pixels[k] = 0
			}
			im.Pixels[k] += 2
		}
		if none, err := im.MarkNoData(); err != nil || none[0].Total() > 0 {
			t.Errorf("%s: %s, error %v", name, none[0], err)
		}
		var refused *Refusal
		if s, err := im.Sky(); !errors.As(err, &refused) || refused.Reason != NoNoise ||
			s[0] != (Sky{Level: 2}) {
			t.Errorf("%s: %+v, error %v", name, s, err)
		}
		if levels, err := im.NoiseLevels(); !errors.As(err, &refused) || !math.IsNaN(levels[0]) {
			t.Errorf("%s: noise %v, error %v", name, levels, err)
		}
	}
}

// Counts so few that most pixels have none.
func TestSkyOfHardlyAnyCounts(t *testing.T) {
	for _, mean := range []float64{0.005, 0.01, 0.02} {
		for seed := range uint64(3) {
			im := poisson(128, mean, seed)
			s, err := im.Sky()
			if err != nil {
				t.Fatal(err)
			}
			if off := (s[0].Level - mean) / s[0].StdErr; math.Abs(off) > 3.5 {
				t.Errorf("mean %g: %+v", mean, s[0])
			}
			if none, err := im.MarkNoData(); err != nil || none[0].Total() > 0 {
				t.Errorf("mean %g: %s, error %v", mean, none[0], err)
			}
		}
	}
}
