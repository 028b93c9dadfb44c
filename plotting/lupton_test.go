package plotting

import (
	"encoding/json"
	"image/color"
	"math"
	"os"
	"testing"

	"galdecon/galdecon/galaxy"
)

// Colors are those of astropy's make_lupton_rgb, in numbers and in what is drawn.
func TestLuptonAgainstAstropy(t *testing.T) {
	data, err := os.ReadFile("testdata/lupton/lupton.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Height, Width int
		Bands         []float32
		Cases         []struct {
			Minimum    [3]float64
			Stretch, Q float64
			Float      []float64
			Bytes      []int
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	im := galaxy.NewImages(1, golden.Height, golden.Width, 3)
	area := golden.Height * golden.Width
	for k := range area {
		for c := range 3 {
			im.Pixels[3*k+c] = golden.Bands[c*area+k]
		}
	}
	for _, g := range golden.Cases {
		l := Lupton{g.Minimum, g.Stretch, g.Q}
		out, err := l.Pictures(im)
		if err != nil {
			t.Fatal(err)
		}
		var worst float64
		for k, v := range out.Pixels {
			worst = max(worst, math.Abs(float64(v)-g.Float[k]))
		}
		if !(worst < 1e-6) {
			t.Errorf("%+v is off astropy's by %g of white", l, worst)
		}
		// Drawn, each is rounded; astropy cuts its decimals off.
		drawn := picture(out.At(0), golden.Width, 3, colorStretch)
		stretched := picture(im.At(0), golden.Width, 3, l.AsStretch())
		for k := range area {
			c := color.NRGBAModel.Convert(drawn.At(k%golden.Width, k/golden.Width)).(color.NRGBA)
			same := stretched.At(k%golden.Width, k/golden.Width).(color.NRGBA)
			if g.Minimum == [3]float64{} && !near(c, same, 1) {
				t.Errorf("%+v: pixel %d is drawn as %v, by its stretch as %v", l, k, c, same)
			}
			for i, v := range []uint8{c.R, c.G, c.B} {
				if d := int(v) - g.Bytes[3*k+i]; d != 0 && d != 1 {
					t.Fatalf("%+v: pixel %d is drawn as %v, astropy has %v", l, k, c,
						g.Bytes[3*k:3*k+3])
				}
			}
		}
	}
}

// The brightest pixel is white, wherever the units put it, and the hue stays.
func TestAutoLupton(t *testing.T) {
	for _, unit := range []float32{1, 1e-18, 1e6} {
		im := noisy(galaxy.NewImages(1, 32, 32, 3), 0.01, 3)
		copy(im.Pixels[3*(16*32+16):], []float32{2, 1, 0.6})
		copy(im.Pixels[3*(16*32+20):], []float32{0.2, 0.1, 0.06})
		for k := range im.Pixels {
			im.Pixels[k] *= unit
		}
		out, err := Lupton{}.Pictures(im)
		if err != nil {
			t.Fatal(err)
		}
		bright, faint := out.Pixels[3*(16*32+16):][:3], out.Pixels[3*(16*32+20):][:3]
		if math.Abs(float64(bright[0]-1)) > 1e-6 || math.Abs(float64(bright[1]-0.5)) > 1e-6 {
			t.Errorf("in units of %g the brightest pixel is %v", unit, bright)
		}
		if math.Abs(float64(faint[1]/faint[0]-0.5)) > 1e-5 || faint[0] < 0.3 {
			t.Errorf("in units of %g a tenth of it is %v", unit, faint)
		}
		l, err := AutoLupton(im)
		if err != nil || math.Abs(l.Stretch/l.Q/float64(unit)-0.03*math.Sqrt(1.0/3)) > 0.003 {
			t.Errorf("in units of %g the scale turns at %g (%v)", unit, l.Stretch/l.Q, err)
		}
	}
	dark, err := Lupton{}.Pictures(galaxy.NewImages(1, 4, 4, 3))
	if err != nil || dark.Pixels[0] != 0 {
		t.Errorf("a dark image is %v (%v)", dark, err)
	}
}

func TestLuptonErrors(t *testing.T) {
	_, err := AutoLupton()
	wantError(t, err, "at least one")
	_, err = Lupton{}.Pictures(disc(1, 4, 1))
	wantError(t, err, "3 bands")
	_, err = Lupton{}.Pictures(nil)
	wantError(t, err, "nil")
	for _, l := range []Lupton{{Stretch: 1}, {Q: 1}, {Stretch: -1, Q: 8},
		{Stretch: math.NaN(), Q: 8}, {Stretch: 1, Q: math.Inf(1)},
		{Stretch: 1, Q: 1, Minimum: [3]float64{math.NaN()}}} {
		_, err := l.Pictures(disc(1, 4, 3))
		wantError(t, err, "Stretch > 0")
	}
}
