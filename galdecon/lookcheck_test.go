package galdecon

import (
	"errors"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// A PSF may be off its center, and have lobes of its own beside its core, but no other star.
func TestLookPSFs(t *testing.T) {
	c, err := Preset("galaxy")
	if err != nil {
		t.Fatal(err)
	}
	core, err := psf.Moffat{FWHM: 3.3, Beta: 4}.Render(41)
	if err != nil {
		t.Fatal(err)
	}
	// with returns a second maximum at so many columns from the center.
	with := func(columns int, share float32) psf.PSF {
		weights := append([]float32(nil), core.Pixels...)
		weights[20*41+20+columns] += share * core.Pixels[20*41+20]
		p, err := psf.New(41, weights)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	moved := psf.PSF{Size: 41, Pixels: make([]float32, 41*41)}
	for k := range moved.Pixels {
		moved.Pixels[k] = core.Pixels[k] * 0.4
		if k%41 > 0 {
			moved.Pixels[k] += core.Pixels[k-1] * 0.6
		}
	}
	image := galaxy.NewImages(1, 32, 32, 1)
	invVar := make([]float64, 32*32)
	for k := range invVar {
		invVar[k] = 1e4
	}
	image.Pixels[16*32+16] = 1
	for name, x := range map[string]struct {
		p       psf.PSF
		refused bool
	}{
		"a core":       {core, false},
		"off center":   {moved, false},
		"a lobe":       {with(5, 0.14), false},
		"another star": {with(12, 0.14), true},
	} {
		_, err := c.prepareLook(0, observe.Observation{Exposures: []observe.Exposure{{
			Image: image, PSFs: []psf.PSF{x.p}, InvVar: invVar}}})
		var r *Refusal
		switch {
		case !x.refused && err != nil:
			t.Errorf("%s: %v", name, err)
		case x.refused && (!errors.As(err, &r) || r.Reason != posterior.RefusedPSF):
			t.Errorf("%s isn't refused for its PSF: %v", name, err)
		}
	}
}
