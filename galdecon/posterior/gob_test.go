package posterior_test

import (
	"bytes"
	"encoding/gob"
	"slices"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// Observations are sent, and received, alone as within other things.
func TestObservationsAreSent(t *testing.T) {
	p, err := psf.Gaussian{Sigma: 1}.Render(5)
	if err != nil {
		t.Fatal(err)
	}
	images := galaxy.NewImages(2, 8, 8, 1)
	images.Pixels[3] = 7
	o, err := posterior.NewObservations(images, []psf.PSF{p}, []float64{0.5})
	if err != nil {
		t.Fatal(err)
	}
	same := func(what string, got *posterior.Observations) {
		t.Helper()
		if got == nil || got.Validate() != nil || got.N() != 2 ||
			!slices.Equal(got.Images().Pixels, images.Pixels) ||
			!slices.Equal(got.Noise(), o.Noise()) || !slices.Equal(got.PSFs()[0].Pixels, p.Pixels) {
			t.Errorf("%s they are %+v", what, got)
		}
	}
	send := func(from, to any) {
		t.Helper()
		var b bytes.Buffer
		if err := gob.NewEncoder(&b).Encode(from); err != nil {
			t.Fatal(err)
		}
		if err := gob.NewDecoder(&b).Decode(to); err != nil {
			t.Fatal(err)
		}
	}
	var alone posterior.Observations
	send(o, &alone)
	same("alone", &alone)
	var pointer *posterior.Observations // as a session answers
	send(&o, &pointer)
	same("by a pointer", pointer)
	type request struct{ Observations *posterior.Observations }
	var within request
	send(request{o}, &within)
	same("in a request", within.Observations)
}
