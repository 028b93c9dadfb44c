package classical

import (
	"math"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// Whatever the unit of the pixels, every method gives the same: to the bit where it differs by a
// power of two and the digits fit into float32, and to its rounding at the ends of its range.
func TestAnyUnits(t *testing.T) {
	const size = 16
	p := []psf.PSF{devicetest.Gaussian(t, 7, 1)}
	x := galaxy.NewImages(2, size, size, 1)
	for k := range size * size {
		dy, dx := float64(k/size)-7.6, float64(k%size)-8.2
		x.At(0)[k] = float32(math.Exp(-(dx*dx+dy*dy)/9) + 0.003*math.Sin(float64(7*k*k)))
		x.At(1)[k] = float32(200*math.Exp(-(dx*dx+2*dy*dy)/12) + 0.5*math.Cos(float64(5*k*k)))
	}
	noise := []float64{0.003, 0.5}
	wiener := func(x *galaxy.Images, unit float64) *galaxy.Images {
		o, err := posterior.NewObservations(x, p, []float64{noise[0] * unit, noise[1] * unit})
		if err != nil {
			t.Fatal(err)
		}
		y, err := Wiener(o, 0.03*unit)
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	richardsonLucy := func(x *galaxy.Images, unit float64) *galaxy.Images {
		y, err := RichardsonLucy(x, p, []float64{0.01 * unit, 1.5 * unit}, 10)
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	for name, method := range map[string]func(*galaxy.Images, float64) *galaxy.Images{
		"Wiener": wiener, "Richardson-Lucy": richardsonLucy,
	} {
		want := method(x, 1)
		for _, unit := range []float64{math.Ldexp(1, -90), math.Ldexp(1, 90), 1e-36, 3e-20, 1e20,
			1e36} {
			scaled := x.Clone()
			for k, v := range scaled.Pixels {
				scaled.Pixels[k] = float32(float64(v) * unit)
			}
			y := method(scaled, unit)
			exact := unit == math.Ldexp(1, -90) || unit == math.Ldexp(1, 90)
			for i := range y.N {
				for k, v := range y.At(i) {
					off := math.Abs(float64(v)/unit - float64(want.At(i)[k]))
					if exact && off != 0 || !(off <= 2e-6*[]float64{1, 200}[i]) {
						t.Fatalf("%s, unit %g, image %d: pixel %d is %g of it, want %g", name, unit,
							i, k, float64(v)/unit, want.At(i)[k])
					}
				}
			}
		}
	}
	// Nothing at all stays nothing.
	for k, v := range wiener(galaxy.NewImages(2, size, size, 1), 0.001).Pixels {
		if v != 0 {
			t.Fatalf("pixel %d of a dark image is %g", k, v)
		}
	}
}
