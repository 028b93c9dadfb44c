package plotting

import (
	"image"
	"image/color"
	"testing"
)

func rgb(c color.Color) [3]int {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return [3]int{int(n.R), int(n.G), int(n.B)}
}

func TestResidualColors(t *testing.T) {
	img := mapped([]float64{-0.5, -0.25, 0, 0.25, 0.5, -9, 9}, 7, divergingMap(0.5), shades)
	at := func(x int) [3]int { return rgb(img.At(x, 0)) }
	// Moreland (2009), Table of the smooth cool-warm map: its middle is (221, 221, 221), its ends
	// are (59, 76, 192) and (180, 4, 38).
	for x, want := range map[int][3]int{0: {59, 76, 192}, 2: {221, 221, 221}, 4: {180, 4, 38}} {
		for c := range 3 {
			if d := at(x)[c] - want[c]; d < -2 || d > 2 {
				t.Errorf("color %d is %v, want %v", x, at(x), want)
				break
			}
		}
	}
	if at(5) != at(0) || at(6) != at(4) {
		t.Errorf("values out of range are %v and %v, want the ends %v and %v", at(5), at(6), at(0),
			at(4))
	}
	if at(1)[2] <= at(1)[0] || at(3)[0] <= at(3)[2] {
		t.Errorf("negative %v must be blue, positive %v red", at(1), at(3))
	}
}

func TestGraysAndPalette(t *testing.T) {
	img := mapped([]float64{0, 0.5, 1}, 3, grayMap(), grayShades)
	// L* = 50 is the sRGB gray 119.
	for x, want := range []int{0, 119, 255} {
		if got := rgb(img.At(x, 0)); got[0] < want-1 || got[0] > want+1 || got[1] != got[0] ||
			got[2] != got[0] {
			t.Errorf("gray of lightness %g is %v, want %d", float64(x)/2, got, want)
		}
	}
	for name, p := range map[string]color.Palette{"maps": mapPalette(), "curve": curvePalette()} {
		if len(p) > 256 {
			t.Errorf("palette of the %s has %d colors, but a PNG holds 256", name, len(p))
		}
	}
}

func TestColorPictureKeepsHue(t *testing.T) {
	// Under a stretch that triples the mean, 2:1:0 stays 2:1:0; where red would exceed 1, all are
	// reduced.
	s := Stretch{High: 1.0 / 3}
	img := picture([]float32{0.2, 0.1, 0, 0.4, 0.2, 0, -1, 0, 0}, 3, 3, s)
	for x, want := range [][3]int{{153, 77, 0}, {255, 128, 0}, {0, 0, 0}} {
		if got := rgb(img.At(x, 0)); got != want {
			t.Errorf("pixel %d is %v, want %v", x, got, want)
		}
	}
}

func TestShrunkAverages(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 3, 2))
	copy(img.Pix, []uint8{10, 20, 100, 30, 40, 200})
	out := shrunk(img, 2)
	if out.Bounds().Size() != image.Pt(2, 1) || rgb(out.At(0, 0))[0] != 25 ||
		rgb(out.At(1, 0))[0] != 150 {
		t.Errorf("got %v: %v, %v; want 2x1: 25, 150", out.Bounds().Size(), out.At(0, 0),
			out.At(1, 0))
	}
}

func TestUpsideDown(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 2, 3))
	copy(img.Pix, []uint8{1, 2, 3, 4, 5, 6})
	out := upsideDown(img)
	for i, want := range []int{5, 6, 3, 4, 1, 2} {
		if got := rgb(out.At(i%2, i/2))[0]; got != want {
			t.Errorf("pixel %d is %d, want %d", i, got, want)
		}
	}
}

// A drawing of lines is small, and no dot of it is off by what an eye would see; a picture in many
// colors is left as it is.
func TestReduced(t *testing.T) {
	lines := image.NewRGBA(image.Rect(0, 0, 64, 64)) // blends of seven colors with white
	for k := range 64 * 64 {
		hue, part := k%7, uint8(k/7%250)
		c := color.RGBA{255, 255, 255, 255}
		if hue&1 == 0 {
			c.R -= part
		}
		if hue&2 == 0 {
			c.G -= part
		}
		if hue&4 == 0 {
			c.B -= part
		}
		lines.SetRGBA(k%64, k/64, c)
	}
	out, ok := reduced(lines)
	if !ok || len(out.Palette) > 256 {
		t.Fatalf("lines are reduced: %t", ok)
	}
	for k := range 64 * 64 {
		x, y := k%64, k/64
		was, is := lines.RGBAAt(x, y), color.RGBAModel.Convert(out.At(x, y)).(color.RGBA)
		if d := apart(was, is); d > blendsLimit {
			t.Fatalf("the dot %d, %d is off by %d of 255: %v instead of %v", x, y, d, is, was)
		}
	}
	for name, blue := range map[string]int{"too many colors": 7, "too far apart": 64} {
		colorful := image.NewRGBA(image.Rect(0, 0, 64, 128))
		for k := range 64 * 128 {
			colorful.SetRGBA(k%64, k/64, color.RGBA{uint8(k % 32 * 8), uint8(k / 32 % 32 * 8),
				uint8(k / 1024 * 255 / 8 / blue * blue), 255})
		}
		if _, ok := reduced(colorful); ok {
			t.Errorf("%s: the picture is reduced", name)
		}
	}
}
