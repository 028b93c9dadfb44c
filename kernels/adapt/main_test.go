package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/psf"
	"galdecon/kernels/internal/helptest"
)

func execute(t testing.TB, args ...string) (string, error) {
	t.Helper()
	return helptest.Execute(t.Context(), command(), args...)
}

// TestHelp checks that the help that the galdecon command has of this program is its own. -update
// writes it.
func TestHelp(t *testing.T) {
	helptest.Check(t, command(), "./kernels/adapt")
}

// TestAdapt adapts a model that has hardly been trained to stamps in files, one of which can't be
// read.
func TestAdapt(t *testing.T) {
	c, err := galdecon.Preset("galaxy")
	if err != nil {
		t.Fatal(err)
	}
	c.Size, c.Survey.PSFSize, c.Survey.PSFs = 16, 9, 4
	c.Diffusion.Network.Features, c.Diffusion.Network.Embedding = []int{4}, 4
	c.Sampler.Steps, c.Fit.Steps, c.Fit.Batch, c.Fit.WarmUp, c.Fit.HoldOut = 3, 2, 4, 1, 0
	clean, err := synthetic.Galaxies(c.SyntheticGalaxies(4, 1))
	if err != nil {
		t.Fatal(err)
	}
	model := c.Folder(t.TempDir())
	if err := galdecon.Train(t.Context(), c, clean, model, nil); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	p, err := psf.Gaussian{Sigma: 1}.Render(9)
	if err != nil {
		t.Fatal(err)
	}
	kernel := galaxy.NewImages(1, 9, 9, 1)
	copy(kernel.Pixels, p.Pixels)
	psfs := filepath.Join(folder, "psf.fits")
	if err := files.SaveFITS(psfs, kernel, nil); err != nil {
		t.Fatal(err)
	}
	const n = 14
	galaxies, err := synthetic.Galaxies(synthetic.Config{N: n, Size: 24, Channels: 1,
		Noiseless: true, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	seen, err := galdecon.Observe(galaxies, []psf.PSF{p}, 0.02, 1)
	if err != nil {
		t.Fatal(err)
	}
	var args []string
	for i := range n {
		path := filepath.Join(folder, fmt.Sprintf("%02d.fits", i))
		if err := files.SaveFITS(path, seen.Images().Select(i), nil); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	args = append(args, filepath.Join(folder, "none.fits"), "--psf", psfs, "--model", model,
		"--out", filepath.Join(folder, "out"), "--rounds", "1", "--steps", "4", "--candidates", "2")
	out, err := execute(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"11 observations fitted to, 3 left out", "round 0:", "round 1:"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}

	_, err = execute(t, args[0], args[1], "--psf", psfs, "--model", model, "--out",
		filepath.Join(folder, "few"))
	var few *galdecon.FewError
	if !errors.As(err, &few) || few.Got != 2 {
		t.Errorf("two stamps: error %v", err)
	}
	_, err = execute(t, args[0], args[1], args[2], "--psf", psfs, "--psf", psfs)
	if err == nil || !strings.Contains(err.Error(), "2 PSFs for 3 stamps") {
		t.Errorf("two PSFs for three stamps: error %v", err)
	}
}
