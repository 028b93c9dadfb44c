package galdecon_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/internal/devicetest"
)

// unadvised checks that there is no advice but an error that says what is wanted.
func unadvised(t *testing.T, image, psf, want string) {
	t.Helper()
	if _, err := galdecon.Advise(image, psf); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: want an error with %q, got %v", image, want, err)
	}
}

// The advice for observations as surveys have them.
func TestAdviseOnRealData(t *testing.T) {
	data := filepath.Join("..", "..", "shared", "data", "real")
	if _, err := os.Stat(data); err != nil {
		t.Skipf("there are no observations in %s", data)
	}
	in := func(name string) string { return filepath.Join(data, name) }
	// Drizzled galaxies that nearly fill their stamps, PSFs off their centers in rectangles.
	for _, i := range []string{"[5]", "[17]", "[33]", "[59]"} {
		advised(t, in("cosmos_galaxies.fits"+i), in("cosmos_psfs.fits"+i), "0.03 arcsec wide",
			"share their noise, by 0.4", "a stamp, with a galaxy in its middle: one peak",
			"65 rows and 51 columns", "moved there", "Take all of the image",
			"reaches the border", "well sampled", "It has wings", "not impossible",
			"not WARNING", "not Beside", "not adds that of its photons")
	}
	advised(t, in("cosmos_galaxies.fits"), in("cosmos_psfs.fits"), "[1] GAL0", "write its name",
		"54 columns and 54 rows")
	unadvised(t, in("cosmos_galaxies.fits[0]"), in("cosmos_psfs.fits[1]"), "is no image; there are")
	// Without any header, with a mask and errors beside them.
	for _, name := range []string{"gal1", "gal2"} {
		advised(t, in(name+"_im.npy"), in(name+"_psf.npy"), "121 columns and 121 rows",
			"Beside it lies "+name+"_mask.npy, a mask", name+"_sig.npy, which has standard "+
				"deviations by its name", "No header says how wide", "a stamp, with a galaxy in its "+
				"middle", name+"_sig.npy\"))", "the gaps, the noise of each pixel, what neighbors",
			"not adds that of its photons", "not impossible", "not would refuse", "not WARNING")
		unadvised(t, in(name+"_mask.npy"), in(name+"_psf.npy"), "no sky with noise")
	}
	// Stacks, of which each image has a PSF of its own.
	advised(t, in("vary_images.npy"), in("vary_psfs.npy"), "The first of 50 images",
		"The first of 50 PSFs", "noise is white", "41 columns and 41 rows", "a stamp", "not PSF 1",
		"not WARNING")
	// Five bands with variances, PSFs, a catalog, and flags of which most pixels have one that
	// says that they were detected.
	for _, part := range [][2]string{{"", ""}, {"[images]", "[psfs]"}} {
		advised(t, in("hsc_cosmos_35.npz"+part[0]), in("hsc_cosmos_35.npz"+part[1]),
			"The first of 5 images", "The first of 5 PSFs", "(36.0 %) have no data",
			"array variance, which has variances", "It is a field", "At column 30.9, row 36.0",
			"not WARNING", "not adds that of its photons")
	}
	advised(t, in("six_bands_six_psfs.npz"), in("six_bands_six_psfs.npz"), "first of 6 images",
		"multiples of 1, as counts are", "noise is white", "It is a field: 3 peaks",
		"At column 26.0, row 12.7", "not WARNING")
	// A galaxy that fills its stamp, an even PSF that is astigmatic.
	advised(t, in("lsst_euclid_euclid.npy"), in("lsst_euclid_psf_euclid_vis.npy"),
		"64 columns and 64 rows", "fills the image", "can't be told, without sky",
		"64×64 pixels, none in the middle", "not WARNING")
	for _, name := range []string{"lsst_euclid_noisy_LSST.npy", "lsst_euclid_target_HST.npy"} {
		unadvised(t, in(name), in("lsst_euclid_psf_euclid_vis.npy"), "[h, w, bands]")
	}
	if testing.Short() {
		return
	}
	// A difference image with files beside it, and a PSF that is sampled four times as fine and
	// doesn't say so; without the files its bright star tells, with them the PSF's grid.
	advised(t, in("nircam_diff.fits"), in("nircam_psf4.fits"), "its unit is MJy/sr",
		"a surface brightness", "nircam_diff_error.fits, which has standard deviations",
		"nircam_mask.fits, a mask of 41454 pixels", "share their noise, by 0.30", "2.05 times",
		"wider than the image, 535 pixels", "field.PSF.Rescale", "a width of σ = 5.94")
}

// makeAll runs the scripts of all cases in one process, each in its folder.
const makeAll = `
import glob, os, runpy
for script in sorted(glob.glob("*/*.py"), key=lambda s: (s.split("/")[0], "make" not in s)):
    top = os.getcwd()
    os.chdir(os.path.dirname(script))
    runpy.run_path(os.path.basename(script))
    os.chdir(top)
`

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
	copyFiles(t, filepath.Join(dir, "lib.py"), filepath.Join(cases, "lib.py"))
	saved := func(name string, size int, sigma float64) string {
		path := filepath.Join(dir, name)
		k := devicetest.Gaussian(t, size, sigma)
		if err := files.SaveFITS(path, &galaxy.Images{N: 1, Height: size, Width: size, Channels: 1,
			Pixels: k.Pixels}, nil); err != nil {
			t.Fatal(err)
		}
		return path
	}
	psf := saved("psf.fits", 15, 1.5)
	const stamp, field = "It is a stamp, with a galaxy in its middle: one peak",
		"It is a field: one peak"
	in := func(name string) string { return filepath.Join(dir, name) }
	checks := map[string]func(){
		"01": func() {
			for _, name := range []string{"m30-nosky", "m45-sky", "m55-nosky", "m55-sky"} {
				advised(t, in("01/"+name+".fits"), psf, "have no data", "runs of one value",
					"noise is 0.006", "At column 49.5, row 79.5", field, "the gaps",
					"not Beside it", "not WARNING")
			}
		},
		"02": func() {
			for _, name := range []string{"1e+38", "1e+40", "3e+40", "2e+41"} {
				advised(t, in("02/halpha-"+name+".fits"), psf, "its unit is erg/s", stamp,
					"At column 31.5, row 31.5", "184 times", "not WARNING")
			}
			advised(t, in("02/halpha-3e+40.fits"), psf, "beyond the range of float32")
		},
		"03": func() {
			narrow := saved("narrow.fits", 15, 1.2)
			advised(t, in("03/core3.fits"), narrow, stamp, "9 not finite",
				"core has no data in 9 pixels", "Believe its core and its flux less", "the gaps")
			advised(t, in("03/core5.fits"), narrow, "core has no data in 20 pixels")
			advised(t, in("03/benign.fits"), narrow, stamp, "21 not finite", "the gaps",
				"not core has no data")
		},
		"04": func() {
			advised(t, in("04/masked.fits"), psf, "its unit is adu", "standard deviations",
				"7 masked", "noise is white", stamp, "At column 39.5, row 39.5", "the gaps",
				"not adds that of its photons", "not WARNING")
			advised(t, in("04/nan.fits"), psf, "7 not finite", stamp, "At column 39.5, row 39.5")
			advised(t, in("04/clean.fits"), psf, stamp, "not the gaps")
		},
		"05": func() {
			for name, card := range map[string]string{"latin1": "OBSERVER", "utf8": "PADDING",
				"history": "HISTORY"} {
				advised(t, in("05/"+name+".fits"), psf, "aren't ASCII", card, stamp,
					"0.108 arcsec wide", "not WARNING")
			}
			for name, want := range map[string]string{"nancorners": "212 pixels have no data",
				"halo": "It has wings", "huge": "not wings", "counts": "not wings",
				"lobes": stamp, "noisy": "noise of this PSF is 0.0036", "tiny-units": stamp,
				"cube1": stamp, "flipped": stamp, "trans": stamp,
				"neighbour":    "would refuse it: its PSF: there is another star",
				"pedestal":     "would refuse it: its PSF: sky is left",
				"pedestal-neg": "would refuse it: its PSF: too much sky"} {
				advised(t, in("05/ascii.fits"), in("25/"+name+".fits"), want, stamp)
			}
			unadvised(t, in("05/ascii.fits"), in("25/nanpixel.fits"), "row 15, column 20 is NaN")
		},
		"08": func() {
			for _, name := range []string{"keyless", "unquoted", "nul", "lower", "rare",
				"dupnaxis", "blank"} {
				advised(t, in("08/"+name+".fits"), psf, stamp, "At column 31.5, row 31.5",
					"0.108 arcsec wide", "not WARNING")
			}
		},
		"12": func() {
			advised(t, in("12/img.fits"), in("12/grid.fits"), "4 samples to a pixel",
				"The first of 4 PSFs", "undersampled", stamp, "not impossible")
			for _, name := range []string{"big2", "mid2"} {
				advised(t, in("12/"+name+".fits"), in("12/epsf2.fits"), "2 samples to a pixel",
					"0.04 arcsec are taken", "2.1 pixels wide", stamp, "not WARNING")
			}
		},
		"13": func() {
			advised(t, in("13/d0.fits"), psf, "what neighbors share", "column 48", "2.61 times",
				stamp, "not noise is white", "not WARNING")
			advised(t, in("13/w0.fits"), psf, "noise is white", "column 48", stamp,
				"not what neighbors share", "not WARNING")
		},
		"14": func() {
			for _, counts := range []string{"0.05", "0.3", "0.6", "1.5", "2.4", "5.5", "30.3"} {
				advised(t, in("14/c"+counts+".fits"), psf, "multiples of 1,", "count photons",
					"field.AddPhotons(1)", stamp, "not adds that of its photons", "not WARNING")
				advised(t, in("14/r"+counts+".fits"), psf, "multiples of 0.0008333",
					"field.AddPhotons(1200)", stamp, "not WARNING")
			}
			advised(t, in("14/c1.5.fits"), psf, "The sky, 1.496 ± 0.011", "noise isn't Gaussian")
			advised(t, in("14/c30.3.fits"), psf, "The sky, 30.28 ± 0.05", "not isn't Gaussian")
		},
		"15": func() {
			for _, name := range []string{"g6", "g7", "g8", "n5", "n6"} {
				advised(t, in("15/"+name+".fits"), psf, "a stamp, with a galaxy in its middle",
					"It is blended", "WARNING: its light can't be told", "around column 4",
					"0.036 arcsec")
			}
			for _, name := range []string{"n7", "n9", "n12"} {
				advised(t, in("15/"+name+".fits"), psf, "a stamp, with a galaxy in its middle",
					"Beside it there is another peak", "row 47.", "1 of them as narrow",
					"not WARNING")
			}
			advised(t, in("15/n7.fits"), psf, "Measure it within 5 pixels")
		},
		"16": func() {
			advised(t, in("16/i2d.fits"), saved("wide.fits", 31, 3), "its unit is MJy/sr",
				"surface brightness", "0.0299 arcsec", stamp, "Cut 64×64", "not WARNING")
		},
		"17": func() {
			entries, err := os.ReadDir(in("17"))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if strings.HasSuffix(e.Name(), ".fits") {
					advised(t, in("17/"+e.Name()), psf, "0.36 arcsec wide",
						"At column 59.5, row 69.5", "not WARNING")
				}
			}
			advised(t, in("17/lookup.fits"), psf, "left out of the header (CPDIS1")
		},
		"21": func() {
			for _, name := range []string{"masked.npz", "pair.npz", "trio.npz"} {
				advised(t, in("21/"+name), psf, "1 of 1024 pixels", stamp, "the gaps",
					"Take all of the image", "not WARNING")
			}
			advised(t, in("21/trio.npz"), in("21/trio.npz"), "3.5 pixels wide", "not WARNING")
			for _, name := range []string{"fortran", "big", "half", "slice", "slice-ref"} {
				advised(t, in("21/"+name+".npy"), psf, "32 columns", stamp, "not WARNING")
			}
			for _, name := range []string{"long", "complex", "object", "struct"} {
				unadvised(t, in("21/"+name+".npy"), psf, "no type of number")
			}
			unadvised(t, in("21/five.npy"), psf, "the array has the shape [1 1 32 32 1]")
		},
		"26": func() {
			for _, name := range []string{"0", "-12", "-20", "-30", "-36", "-38", "-40", "-44",
				"20"} {
				advised(t, in("26/u"+name+".fits"), psf, stamp, "At column 39.5, row 39.5",
					"137 times", "radius of 3.7", "not WARNING")
			}
		},
		"31": func() {
			unadvised(t, in("31/mosaic.fits"), psf, "to read another, of [2] CCD2")
			advised(t, in("31/mosaic.fits[CCD3]"), psf, stamp, "not WARNING")
			for _, name := range []string{"weightfirst", "preview", "rice"} {
				advised(t, in("31/"+name+".fits"), psf, stamp, "At column 31.5, row 31.5",
					"not WARNING")
			}
			advised(t, in("31/weightfirst.fits"), psf, "WEIGHT (image 64 x 64), which has weights")
			advised(t, in("31/preview.fits"), psf, "[1] IMAGE (image 64 x 64) is read")
		},
	}
	for _, number := range append(slices.Sorted(maps.Keys(checks)), "25") {
		copyFiles(t, in(number), filepath.Join(cases, number))
	}
	run := exec.Command("python3", "-c", makeAll)
	run.Dir = dir
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("the cases can't be made: %v\n%s", err, out)
	}
	for _, number := range slices.Sorted(maps.Keys(checks)) {
		checks[number]()
	}
}

// copyFiles copies a file or a folder.
func copyFiles(t *testing.T, to, from string) {
	t.Helper()
	info, err := os.Stat(from)
	if err == nil && info.IsDir() {
		err = os.CopyFS(to, os.DirFS(from))
	} else if err == nil {
		var data []byte
		if data, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, data, 0o666)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
