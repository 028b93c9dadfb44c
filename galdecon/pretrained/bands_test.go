package pretrained_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/psf"
)

// seenInBands is a galaxy of 32×32 pixels in g, r and i, each with a PSF and noise of its own.
func seenInBands(t *testing.T) observe.Observation {
	t.Helper()
	y, err := synthetic.Galaxies(synthetic.Config{N: 1, Size: 32, Channels: 3, Spectra: true,
		Seed: 31})
	if err != nil {
		t.Fatal(err)
	}
	var o observe.Observation
	for band, name := range []string{"g", "r", "i"} {
		k, err := psf.Gaussian{Sigma: []float64{1.5, 1, 1.2}[band]}.Render(15)
		if err != nil {
			t.Fatal(err)
		}
		plane := *y
		plane.Channels, plane.Pixels = 1, make([]float32, 32*32)
		for p := range plane.Pixels {
			plane.Pixels[p] = y.Pixels[3*p+band]
		}
		noise := []float64{0.01, 0.004, 0.006}[band] * float64(slices.Max(plane.Pixels))
		x, err := galdecon.Observe(&plane, []psf.PSF{k}, noise, int64(band))
		if err != nil {
			t.Fatal(err)
		}
		o.Exposures = append(o.Exposures, observe.Exposure{Band: name, Image: x.Images(),
			PSFs: []psf.PSF{k}, InvVar: slices.Repeat([]float64{1 / noise / noise}, 32*32)})
	}
	return o
}

// The shipped exchange between bands is that of the shipped weights: it draws a galaxy in three
// bands together, exported too. A single band it leaves as it is, to the bit.
func TestShippedExchange(t *testing.T) {
	dir, err := pretrained.Folder("galaxy")
	if err != nil {
		t.Fatal(err)
	}
	m, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	bare := t.TempDir()
	if err := os.CopyFS(bare, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(bare, galdecon.BandsFile)); err != nil {
		t.Fatal(err)
	}
	without, err := galdecon.Load(bare)
	if err != nil {
		t.Fatal(err)
	}
	const n = 2
	o := seenInBands(t)
	three, err := m.SampleBands(t.Context(), []observe.Observation{o}, n, 3)
	if err != nil {
		t.Fatal(err)
	}
	images, err := three[0].Images("i", "r", "g")
	if err != nil {
		t.Fatal(err)
	}
	if err := images.Validate(); err != nil || images.N != n || images.Channels != 3 {
		t.Errorf("candidates in three bands are [%d, %d, %d, %d], error %v", images.N,
			images.Height, images.Width, images.Channels, err)
	}
	exported := filepath.Join(t.TempDir(), "exported")
	if err := galdecon.Export(dir, exported); err != nil {
		t.Fatal(err)
	}
	copied, err := galdecon.Load(exported)
	if err != nil {
		t.Fatal(err)
	}
	again, err := copied.SampleBands(t.Context(), []observe.Observation{o}, n, 3)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again[0].Posteriors[0].Samples.Pixels, three[0].Posteriors[0].Samples.Pixels) {
		t.Error("an exported model draws other galaxies in three bands")
	}
	one := []observe.Observation{o.In("r")}
	with, err := m.SampleBands(t.Context(), one, n, 3)
	if err != nil {
		t.Fatal(err)
	}
	before, err := without.SampleLooks(t.Context(), one, n, 3)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(with[0].Posteriors[0].Samples.Pixels, before[0].Samples.Pixels) {
		t.Error("the exchange changes what is drawn of a single band")
	}
	if apart, err := three[0].In("r"); err != nil ||
		slices.Equal(apart.Samples.Pixels, before[0].Samples.Pixels) {
		t.Errorf("what other bands show makes no difference to r, error %v", err)
	}
}
