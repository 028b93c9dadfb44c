// Command data makes the example of 07_my_galaxy.ipynb: an exposure as a researcher may have it,
// with the PSF, and the galaxies as they are.
//
//	go run ./notebooks/data [FOLDER]
package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"gonum.org/v1/gonum/stat/distuv"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/galaxy/hst"
	"galdecon/galdecon/moments"
	"galdecon/galdecon/psf"
)

// The field is of width×height pixels of pixelScale arcseconds: Hubble's galaxies at 32 pixels a
// side, each 4 of Hubble's wide.
const (
	width, height = 96, 72
	size          = 32
	pixelScale    = 0.12
	gain          = 20   // electrons to a count
	sky           = 2000 // counts, so that their noise is nearly the same everywhere
	fwhm, beta    = 3.2, 5
	seed          = 7
)

// The galaxies, of those that hst.Galaxies returns: which, where the corner of its stamp is, and
// how bright its sharp peak, in counts.
var objects = []struct {
	index, left, top int
	peak             float64
}{
	{2, 11, 22, 1600},
	{9, 58, 25, 700},
}

// A star beside the first galaxy.
const starX, starY, starFlux = 18, 47, 1600

var shear = moments.Ellipse(0.85, 2)

func main() {
	folder := filepath.Join("notebooks", "data")
	if len(os.Args) > 1 {
		folder = os.Args[1]
	}
	if err := write(folder); err != nil {
		fmt.Fprintln(os.Stderr, "data:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	hubble, err := hst.Galaxies(size)
	if err != nil {
		return err
	}
	field, truth := galaxy.NewImages(1, height, width, 1), galaxy.NewImages(0, size, size, 1)
	for _, o := range objects {
		stamp := hubble.Select(o.index)
		if err := stamp.Divide([]float64{1 / o.peak}); err != nil {
			return err
		}
		for row := range size {
			copy(field.Pixels[(o.top+row)*width+o.left:], stamp.Pixels[row*size:(row+1)*size])
		}
		truth.N++
		truth.Pixels = append(truth.Pixels, stamp.Pixels...)
	}
	field.Pixels[starY*width+starX] += starFlux

	telescope, err := psf.Moffat{FWHM: fwhm, Beta: beta, Shear: shear}.Render(25)
	if err != nil {
		return err
	}
	exposure := galaxy.NewImages(1, height, width, 1)
	for k, v := range blurred(field, telescope) {
		photons := distuv.Poisson{Lambda: gain * (v + sky), Src: rand.NewPCG(seed, uint64(k))}
		exposure.Pixels[k] = float32(math.Round(photons.Rand() / gain))
	}
	measured, err := fine()
	if err != nil {
		return err
	}
	if err := files.SaveFITS(filepath.Join(folder, "exposure.fits"), exposure,
		header()); err != nil {
		return err
	}
	if err := files.SaveFITS(filepath.Join(folder, "psf.fits"), measured,
		fits.NewHeader("COMMENT Pixels of 0.06 arcseconds, half of those of "+
			"exposure.fits.")); err != nil {
		return err
	}
	return files.SaveFITS(filepath.Join(folder, "truth.fits"), truth,
		fits.NewHeader("COMMENT The galaxies of exposure.fits as Hubble saw them, left to right."))
}

// blurred is Π*y in float64, which is the same on every machine.
func blurred(y *galaxy.Images, kernel psf.PSF) []float64 {
	out := make([]float64, len(y.Pixels))
	for row := range y.Height {
		for col := range y.Width {
			for i, w := range kernel.Pixels {
				r, c := row-(i/kernel.Size-kernel.Size/2), col-(i%kernel.Size-kernel.Size/2)
				if r >= 0 && c >= 0 && r < y.Height && c < y.Width {
					out[row*y.Width+col] += float64(w) * float64(y.Pixels[r*y.Width+c])
				}
			}
		}
	}
	return out
}

// fine is the telescope's PSF on pixels half as wide, one of them off the center, as measured PSFs
// often are.
func fine() (*galaxy.Images, error) {
	const side = 40
	k, err := psf.Moffat{FWHM: 2 * fwhm, Beta: beta, Shear: shear}.Render(side + 2)
	if err != nil {
		return nil, err
	}
	out := galaxy.NewImages(1, side, side, 1)
	for row := range side {
		copy(out.Pixels[row*side:(row+1)*side], k.Pixels[(row+2)*k.Size+1:])
	}
	return out, nil
}

// header puts the field somewhere on the sky, turned by 20° (Greisen & Calabretta 2002).
func header() *fits.Header {
	sin, cos := math.Sincos(20 * math.Pi / 180)
	number := func(key string, value float64, comment string) fits.Card {
		return fits.Card(fmt.Sprintf("%-8s= %20.13G / %s", key, value, comment))
	}
	const scale = pixelScale / 3600
	return fits.NewHeader(
		"OBJECT  = 'Two galaxies'       / AEGIS-24216 and COSMOS-29162 of galdecon",
		"BUNIT   = 'count   '",
		number("GAIN", gain, "electrons to a count"),
		"CTYPE1  = 'RA---TAN'",
		"CTYPE2  = 'DEC--TAN'",
		"CUNIT1  = 'deg     '",
		"CUNIT2  = 'deg     '",
		"RADESYS = 'ICRS    '",
		number("CRVAL1", 214.8051, "right ascension of the reference pixel"),
		number("CRVAL2", 52.7432, "declination of the reference pixel"),
		number("CRPIX1", 48.5, "column of the reference pixel, from 1"),
		number("CRPIX2", 36.5, "row of the reference pixel, from 1"),
		number("CD1_1", -scale*cos, "degrees to a pixel"),
		number("CD1_2", scale*sin, "degrees to a pixel"),
		number("CD2_1", scale*sin, "degrees to a pixel"),
		number("CD2_2", scale*cos, "degrees to a pixel"),
		"COMMENT Made by notebooks/data/main.go of two galaxies of the Hubble Space",
		"COMMENT Telescope, blurred, on a made-up sky: HST public archive data; credit",
		"COMMENT Davis et al. 2007, Koekemoer et al. 2007, Leauthaud et al. 2007.",
	)
}
