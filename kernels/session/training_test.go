package session

import (
	"reflect"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
)

var _ Config = galdecon.Config{}

// Other values that can be validated aren't taken for a configuration.
func TestConfig(t *testing.T) {
	for _, value := range []any{psf.PSF{}, psf.Instrument{}, galdecon.Config{}.Fit} {
		if _, ok := value.(Config); ok {
			t.Errorf("a %T can be trained", value)
		}
	}
}

// The parts of galaxies that are sent one after the other have the names and scales of their own
// images only.
func TestSlice(t *testing.T) {
	images := galaxy.NewImages(4, 2, 3, 1)
	for i := range images.Pixels {
		images.Pixels[i] = float32(i)
	}
	check := func() {
		t.Helper()
		if got, want := slice(images, 1, 3), images.Select(1, 2); !reflect.DeepEqual(got, want) {
			t.Errorf("the part is %+v, want %+v", got, want)
		}
	}
	check()
	images.IDs, images.Objects, images.Scale = []string{"a0", "a1", "b0", "b1"},
		[]string{"a", "a", "b", "b"}, []float64{1, 2, 3, 4}
	check()
}
