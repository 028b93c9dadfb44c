package galdecon_test

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/internal/devicetest"
)

// advised asks for advice, checks that it says what is wanted and not what isn't, which begins
// with "not ", and that its cell is Go.
func advised(t *testing.T, image, psf string, wants ...string) {
	t.Helper()
	a, err := galdecon.Advise(image, psf)
	if err != nil {
		t.Errorf("%s: %v", image, err)
		return
	}
	flat := strings.Join(strings.Fields(a.String()), " ")
	for _, want := range wants {
		if not, ok := strings.CutPrefix(want, "not "); ok == strings.Contains(flat,
			strings.TrimPrefix(want, "not ")) {
			t.Errorf("%s: want %q (%t) in\n%s", image, not, !ok, a)
		}
	}
	imports, body, _ := strings.Cut(a.Cell, "%%")
	source := "package main\n" + imports + "\nfunc main() {" + body + "\n}\n"
	if _, err := parser.ParseFile(token.NewFileSet(), "cell.go", source, 0); err != nil {
		t.Errorf("%s: its cell is no Go: %v\n%s", image, err, a.Cell)
	}
	above, _, _ := strings.Cut(a.String(), "The cell that does it")
	for line := range strings.Lines(above) {
		if n := len([]rune(line)); n > 101 && strings.Contains(strings.TrimSpace(line), " ") &&
			!strings.Contains(line, "/") {
			t.Errorf("a line is %d columns wide: %s", n, line)
		}
	}
}

// The advice for files whose contents are known.
func TestAdvise(t *testing.T) {
	image, psf := writeField(t, func(image []float64) []fits.NewImage {
		return []fits.NewImage{newPlane("SCI", image)}
	})
	advised(t, image, psf, "48 columns and 64 rows", "its unit isn't said", "noise is white",
		"a field: one peak", "At column 20.0, row 30.0", "Cut 32×32", "field.At(20, 30, 32)",
		"adds that of its photons", "The PSF is 2.4 pixels wide", "not wings", "not WARNING",
		"not Beside it")
	data := filepath.Join("..", "notebooks", "data")
	advised(t, filepath.Join(data, "exposure.fits"), filepath.Join(data, "psf.fits"),
		"its unit is count", "0.12 arcsec wide", "[2] ERR", "share their noise, by 0.29",
		"from pixels of 0.06 arcsec", "It has wings", "4 peaks", "1 of them as narrow",
		"the gaps, the noise of each pixel, what neighbors share", "At column 66.0, row 70.0",
		"another peak, 12.0 pixels away", "not noise is white", "not WARNING", "not adds that")

	// A star that is narrower than the PSF tells that this is on finer pixels.
	fine := filepath.Join(t.TempDir(), "fine.fits")
	k := devicetest.Gaussian(t, 41, 5)
	if err := files.SaveFITS(fine, &galaxy.Images{N: 1, Height: 41, Width: 41, Channels: 1,
		Pixels: k.Pixels}, nil); err != nil {
		t.Fatal(err)
	}
	advised(t, image, fine, "WARNING: a peak is only 0.6", "OVERSAMP")

	// Nothing but noise, and no file.
	empty, psf := writeField(t, func(image []float64) []fits.NewImage {
		for k := range image {
			image[k] = float64(k*k%17) + float64(k%5)
		}
		return []fits.NewImage{newPlane("SCI", image)}
	})
	if _, err := galdecon.Advise(empty, psf); err == nil ||
		!strings.Contains(err.Error(), "nothing stands out") {
		t.Errorf("noise alone: %v", err)
	}
	if _, err := galdecon.Advise(image+".none", psf); err == nil {
		t.Error("a file that isn't there is no error")
	}
}

// The advice for observations as surveys have them.
func TestAdviseOnRealData(t *testing.T) {
	data := filepath.Join("..", "..", "shared", "data", "real")
	if _, err := os.Stat(data); err != nil {
		t.Skipf("there are no observations in %s", data)
	}
	in := func(name string) string { return filepath.Join(data, name) }
	// Drizzled, a galaxy that nearly fills its stamp, a PSF off its center in a rectangle.
	advised(t, in("cosmos_galaxies.fits[5]"), in("cosmos_psfs.fits[5]"), "0.03 arcsec wide",
		"share their noise, by 0.4", "a stamp, with a galaxy in its middle", "65 rows and 51 columns",
		"moved there", "Take all of the image", "reaches the border", "well sampled", "not impossible")
	// Bright, without any header.
	for _, name := range []string{"gal1", "gal2"} {
		advised(t, in(name+"_im.npy"), in(name+"_psf.npy"), "121 columns and 121 rows",
			"No header says how wide", "a stamp, with a galaxy in its middle", "such as stars",
			"adds that of its photons", "not impossible", "not would refuse")
	}
	// A PSF that is sampled four times as fine as the image, and doesn't say so.
	advised(t, in("nircam_diff.fits"), in("nircam_psf4.fits"), "its unit is MJy/sr",
		"share their noise, by 0.31", "2 not finite", "impossible")
	advised(t, in("vary_images.npy"), in("vary_psfs.npy"), "The first of 50 PSFs",
		"noise is white", "41 columns and 41 rows", "not PSF 1")
}

// The advice for inputs that are known to go wrong, where Python can make them.
func TestAdviseOnCases(t *testing.T) {
	cases := filepath.Join("..", "..", "shared", "cases")
	if _, err := os.Stat(cases); err != nil {
		t.Skipf("there are no cases in %s", cases)
	}
	if err := exec.Command("python3", "-c", "import astropy, scipy").Run(); err != nil {
		t.Skip("python3 with astropy and scipy isn't there to make the cases")
	}
	dir := t.TempDir()
	lib, err := os.ReadFile(filepath.Join(cases, "lib.py"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lib.py"), lib, 0o666); err != nil {
		t.Fatal(err)
	}
	psf := filepath.Join(dir, "psf.fits")
	k := devicetest.Gaussian(t, 15, 1.5)
	if err := files.SaveFITS(psf, &galaxy.Images{N: 1, Height: 15, Width: 15, Channels: 1,
		Pixels: k.Pixels}, nil); err != nil {
		t.Fatal(err)
	}
	for number, check := range map[string]func(in func(string) string){
		"04": func(in func(string) string) {
			advised(t, in("masked.fits"), psf, "its unit is adu", "standard deviations", "masked",
				"noise is white")
		},
		"13": func(in func(string) string) {
			advised(t, in("d0.fits"), psf, "what neighbors share", "column 48", "not noise is white")
			advised(t, in("w0.fits"), psf, "noise is white", "column 48", "not what neighbors share")
		},
		"14": func(in func(string) string) {
			advised(t, in("c1.5.fits"), psf, "The sky, 1.")
		},
		"15": func(in func(string) string) {
			advised(t, in("n12.fits"), psf, "a stamp", "another peak, 12.0 pixels away")
			advised(t, in("n7.fits"), psf, "a stamp", "At column 48", "another peak, 7.")
		},
	} {
		folder := filepath.Join(dir, number)
		if err := os.CopyFS(folder, os.DirFS(filepath.Join(cases, number))); err != nil {
			t.Fatal(err)
		}
		make := exec.Command("python3", "make.py")
		make.Dir = folder
		if out, err := make.CombinedOutput(); err != nil {
			t.Fatalf("case %s can't be made: %v\n%s", number, err, out)
		}
		check(func(name string) string { return filepath.Join(folder, name) })
	}
}
