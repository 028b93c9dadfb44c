package files

import (
	"archive/zip"
	"math"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy/files/fits"
)

func TestNarrow(t *testing.T) {
	ramp := func(unit float64) []float64 {
		out := make([]float64, 101)
		for i := range out {
			out[i] = (float64(i) - 20) / 81 * unit
		}
		return out
	}
	for _, unit := range []float64{1, 1e30, 3e38, 1e39, 2.9e40, 1e300, math.MaxFloat64, 1e-29,
		1e-31,
		1e-40, 1e-300, 5e-320} {
		values := ramp(unit)
		pixels, scale := narrow(values)
		if inRange := unit >= 1e-30 && unit <= math.MaxFloat32; inRange != (scale == 1) {
			t.Errorf("values up to %g have the scale %g", unit, scale)
		}
		if fraction, _ := math.Frexp(scale); fraction != 0.5 {
			t.Errorf("values up to %g have the scale %g, which is no power of two", unit, scale)
		}
		for k, v := range values {
			if scale == 1 {
				if pixels[k] != float32(v) {
					t.Errorf("%g became %g", v, pixels[k])
				}
				continue
			}
			// Exact but for float32's rounding, which is half a step of 2⁻²³.
			if back := float64(pixels[k]) * scale; math.Abs(back-v) > math.Abs(v)*0x1p-24 {
				t.Errorf("%g became %g in units of %g, %g", v, pixels[k], scale, back)
			}
		}
		if largest := slices.Max(pixels); scale != 1 && unit > 1e-300 && (largest < 0.5 ||
			largest > 2) {
			t.Errorf("values up to %g became up to %g", unit, largest)
		}
	}
	for name, values := range map[string][]float64{"dark": {0, 0}, "nothing": nil,
		"not finite": {math.NaN(), math.Inf(1), 0, 1}} {
		if _, scale := narrow(values); scale != 1 {
			t.Errorf("%s: scale %g", name, scale)
		}
	}
}

// Values that stand for none don't make the others vanish.
func TestNarrowWithValuesForNone(t *testing.T) {
	for none, unit := range map[float64]float64{-math.MaxFloat64: 1, 1e300: 1e5,
		math.MaxFloat64: 1e40} {
		values := []float64{1 * unit, none, -2 * unit, 3 * unit, 0}
		pixels, scale := narrow(values)
		for _, k := range []int{0, 2, 3, 4} {
			if back := float64(pixels[k]) * scale; math.Abs(back-values[k]) > 1e-7*math.Abs(values[k]) {
				t.Errorf("beside %g: %g became %g in units of %g", none, values[k], pixels[k],
					scale)
			}
		}
		if !math.IsInf(float64(pixels[1]), int(math.Copysign(1, none))) {
			t.Errorf("%g became %g", none, pixels[1])
		}
	}
}

// Each image of a file has its own scale.
func TestScalesOfFiles(t *testing.T) {
	stack := numpy("<f8", "2, 1, 2", []float64{1, 2, 1e40, 3e40})
	cube := fits.NewImage{Bitpix: -64, Shape: []int{2, 1, 2},
		Pixel: func(i int) float64 { return []float64{1, 2, 1e40, 3e40}[i] }}
	for name, path := range map[string]string{"npy": write(t, "a.npy", stack),
		"fits": writeFITS(t, cube),
		"npz":  write(t, "a.npz", npz(t, zip.Store, map[string][]byte{"y.npy": stack}))} {
		f, err := Read(path)
		if err != nil || len(f.Images.Scale) != 2 || f.Images.Scale[0] != 1 {
			t.Fatalf("%s: %+v, %v", name, f, err)
		}
		for i, want := range []float64{2, 3e40} {
			if got := float64(f.Images.At(i)[1]) * f.Images.Scale[i]; math.Abs(got-want) > 1e-7*want {
				t.Errorf("%s: %g, want %g", name, got, want)
			}
		}
		if notes := strings.Join(f.Notes, "\n"); !strings.Contains(notes, "Images.Scale") {
			t.Errorf("%s: notes %q", name, notes)
		}
		// Beside others that have none.
		im, err := Load(write(t, "b.npy", numpy("<f4", "1, 2", []float32{1, 2})), path, path)
		if err != nil || !slices.Equal(im.Scale, []float64{1, 1, f.Images.Scale[1], 1,
			f.Images.Scale[1]}) {
			t.Errorf("%s: scales %v, %v", name, im.Scale, err)
		}
		n := 0
		for stamp, err := range (Folder{Path: path}).Galaxies(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			one, err := stamp.Read()
			if err != nil || float64(one.Pixels[1])*max(1, append(one.Scale,
				1)[0]) < []float64{1.9, 2.9e40}[n] {
				t.Errorf("%s: %+v, %v", stamp.ID, one, err)
			}
			n++
		}
	}
}
