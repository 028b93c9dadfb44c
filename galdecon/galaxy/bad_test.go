package galaxy

import (
	"math"
	"slices"
	"testing"
)

func TestMask(t *testing.T) {
	im := ramp(2, 2, 3, 2)
	if err := im.Mask(make([]bool, 5)); err == nil {
		t.Error("a mask of 5 values was taken")
	}
	if err := im.Mask(make([]bool, 12)); err != nil || im.Bad != nil {
		t.Errorf("a mask of nothing: %v, error %v", im.Bad, err)
	}
	one := []bool{false, true, false, false, false, false}
	if err := im.Mask(one); err != nil {
		t.Fatal(err)
	}
	more := make([]bool, 12)
	more[11] = true
	if err := im.Mask(more); err != nil {
		t.Fatal(err)
	}
	want := slices.Concat(one, one)
	want[11] = true
	if !slices.Equal(im.Bad, want) || !slices.Equal(im.BadAt(1), want[6:]) {
		t.Errorf("bad are %v", im.Bad)
	}
	if err := im.Validate(); err != nil {
		t.Error(err)
	}
	im.Bad = im.Bad[:6]
	if err := im.Validate(); err == nil {
		t.Error("a plane that is too short is valid")
	}
}

// What is made of images knows of their bad pixels.
func TestBadPixelsStayKnown(t *testing.T) {
	im := ramp(2, 6, 8, 3)
	bad := 6*8 + 2*8 + 5 // of the second image: row 2, column 5
	im.mark(bad)
	at := func(name string, out *Images, wanted ...int) {
		t.Helper()
		var got []int
		for k, b := range out.Bad {
			if b {
				got = append(got, k)
			}
		}
		if !slices.Equal(got, wanted) || out.CheckShape() != nil {
			t.Errorf("%s: bad are %v, want %v; error %v", name, got, wanted, out.CheckShape())
		}
	}
	clone := im.Clone()
	clone.Bad[0] = true
	at("of a clone", im, bad)
	at("Select", im.Select(1, 0, 1), bad-48, bad+48)
	at("Select others", im.Select(0))
	at("Gray", im.Gray(), bad)
	colored, err := im.Gray().WithChannels(3)
	if err != nil {
		t.Fatal(err)
	}
	at("WithChannels", colored, bad)
	joined, err := Join(ramp(1, 6, 8, 3), im, ramp(1, 6, 8, 3))
	if err != nil {
		t.Fatal(err)
	}
	at("Join", joined, bad+48)
	averaged, err := im.Average(2)
	if err != nil {
		t.Fatal(err)
	}
	at("Average", averaged, 12+1*4+2)
	crop, left, top := im.Crop(4, 1, 4)
	if left != 4 || top != 1 {
		t.Errorf("cropped at %d, %d", left, top)
	}
	at("Crop", crop, 16+1*4+1)
	filled, err := im.Fill(BadInterpolate, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	at("Fill", filled, bad)
	again, err := filled.Fill(BadInterpolate, 0.1)
	if err != nil || !slices.Equal(again.Pixels, filled.Pixels) {
		t.Errorf("filled again it differs, error %v", err)
	}
	for range 3 { // a ramp's value is the mean of its neighbors
		if k := bad * 3; filled.Pixels[k] != im.Pixels[k] {
			t.Errorf("filled by %g, want %g", filled.Pixels[k], im.Pixels[k])
		}
	}
	first, rest, err := im.Split(1, 3)
	if err != nil || (first.Bad == nil) == (rest.Bad == nil) {
		t.Errorf("split into %v and %v, error %v", first.Bad, rest.Bad, err)
	}
}

// A masked pixel's value, whatever it is, has no part in what is computed.
func TestBadPixelsHaveNoPart(t *testing.T) {
	clean := exposure(64, 64, [2]float64{31, 32})
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, v := range map[string]float32{"hot": 1e6, "NaN": nan, "Inf": inf} {
		im := clean.Clone()
		var zero [2]*Images
		for i, w := range []float32{v, 0} {
			zero[i] = im.Clone()
			for _, k := range []int{33*64 + 40, 5*64 + 5, 20*64 + 24} {
				zero[i].Pixels[k] = w
				zero[i].mark(k)
			}
		}
		for what, f := range map[string]func(im *Images) (any, error){
			"Sky": func(im *Images) (any, error) { s, err := im.Sky(); return s[0], err },
			"NoiseLevels": func(im *Images) (any, error) {
				s, err := im.NoiseLevels()
				return s[0], err
			},
			"NoiseCorrelation": func(im *Images) (any, error) {
				s, err := im.NoiseCorrelation()
				return s[0], err
			},
			"Edges": func(im *Images) (any, error) { return im.Edges()[0], nil },
			"Prepare": func(im *Images) (any, error) {
				out, err := im.Prepare(16)
				return out.Scale[0], err
			},
			"Cutout": func(im *Images) (any, error) {
				c, err := im.Cutout(31, 32, 32)
				return [3]float64{c.Column, c.Row, float64(c.Bad)}, err
			},
		} {
			a, err := f(zero[0])
			if err != nil {
				t.Fatal(name, what, err)
			}
			if b, err := f(zero[1]); err != nil || a != b {
				t.Errorf("%s, %s: %v, with 0 instead %v, error %v", name, what, a, b, err)
			}
		}
		if name == "hot" {
			if peaks, err := zero[0].Peaks(); err != nil || peaks[0] > 400 {
				t.Errorf("peaks %v, error %v", peaks, err)
			}
		}
		if out, err := zero[0].Prepare(16); err != nil || !out.Bad[8*16+10] || out.Bad[8*16+9] {
			t.Errorf("%s, Prepare: bad pixels aren't marked, error %v", name, err)
		}
	}
}
