// Command data makes the example of 07_my_galaxy.ipynb: an exposure as a researcher may have it,
// with its errors and flags, the PSF, and the field as it is.
//
//	go run ./notebooks/data [FOLDER]
package main

import (
	"fmt"
	"io"
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
	"galdecon/internal/atomicfile"
)

// The field is of width×height pixels of pixelScale arcseconds. The light falls on sharper ones,
// fine of them along a pixel, as wide as those of Hubble's galaxies at size pixels a side.
const (
	width, height = 128, 96
	pixelScale    = 0.12
	fine          = 2
	size          = 64
	gain          = 4   // electrons to a count
	sky           = 300 // counts
	fwhm, beta    = 3.2, 2.8
	psfSide       = 64
	seed          = 7
)

// The galaxies, of those that hst.Galaxies returns: which, in which pixel the corner of its stamp
// is, and how bright its sharp peak, in counts.
var objects = []struct {
	index, left, top int
	peak             float64
}{
	{4, 14, 14, 1200}, // with the trail
	{0, 80, 16, 700},  // with the dead column and a cosmic ray
	{9, 50, 54, 250},  // beside the star
}

// A star.
const starX, starY, starFlux = 54, 71, 12000

// What has no data: flags, as DQ has them.
const (
	dead      = 1
	cosmicRay = 2
	satellite = 4

	deadColumn = 101
	// The trail's distance from the first galaxy, its angle, width and brightness.
	trailX, trailY, trailOff, trailAngle = 29.4, 29.3, 5, 0.5
	trailSigma, trailPeak, trailMasked   = 0.8, 500, 2.8
)

// rays are the pixels that the cosmic ray hit: column and row.
var rays = [][2]int{{90, 35}, {91, 35}, {91, 36}, {92, 36}, {93, 37}}

// shared is how much of its noise a pixel gets from those beside it, as where drizzling spreads
// each over several: the weights of [shared 1 shared], along rows and columns.
const shared = 0.15

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
	sharp, err := field()
	if err != nil {
		return err
	}
	truth, err := sharp.Average(fine)
	if err != nil {
		return err
	}
	telescope, err := psf.Moffat{FWHM: fine * fwhm, Beta: beta, Shear: shear}.Render(psfSide + 1)
	if err != nil {
		return err
	}
	seen, err := blurred(sharp, telescope).Average(fine)
	if err != nil {
		return err
	}
	e := expose(seen)
	if err := e.save(filepath.Join(folder, "exposure.fits")); err != nil {
		return err
	}
	measured, err := offCenter()
	if err != nil {
		return err
	}
	if err := files.SaveFITS(filepath.Join(folder, "psf.fits"), measured, fits.NewHeader(
		number("PIXELSCL", pixelScale/fine, "arcseconds to a pixel"))); err != nil {
		return err
	}
	header := world()
	header.Append("BUNIT   = 'count   '",
		"COMMENT The field of exposure.fits as Hubble saw it, and the star a point.")
	return files.SaveFITS(filepath.Join(folder, "truth.fits"), truth, header)
}

// field returns the galaxies and the star on sharp pixels, in counts to one of the exposure's.
func field() (*galaxy.Images, error) {
	hubble, err := hst.Galaxies(size)
	if err != nil {
		return nil, err
	}
	out := galaxy.NewImages(1, fine*height, fine*width, 1)
	for _, o := range objects {
		stamp := hubble.At(o.index)
		for k, v := range stamp {
			row, column := fine*o.top+k/size, fine*o.left+k%size
			out.Pixels[row*out.Width+column] += float32(o.peak) * v
		}
	}
	// A point in the middle of a pixel of the exposure is shared by its sharp ones.
	for k := range fine * fine {
		row, column := fine*starY+k/fine, fine*starX+k%fine
		out.Pixels[row*out.Width+column] += starFlux
	}
	return out, nil
}

// blurred is Π*y in float64, which is the same on every machine.
func blurred(y *galaxy.Images, kernel psf.PSF) *galaxy.Images {
	out := galaxy.NewImages(1, y.Height, y.Width, 1)
	for row := range y.Height {
		for col := range y.Width {
			sum := 0.0
			for i, w := range kernel.Pixels {
				r, c := row-(i/kernel.Size-kernel.Size/2), col-(i%kernel.Size-kernel.Size/2)
				if r >= 0 && c >= 0 && r < y.Height && c < y.Width {
					sum += float64(w) * float64(y.Pixels[r*y.Width+c])
				}
			}
			out.Pixels[row*y.Width+col] = float32(sum)
		}
	}
	return out
}

// exposure is the planes of the file.
type exposure struct{ science, errors, flags []float64 }

// expose adds the sky, the noise of photons, spread as by drizzling, and what spoils pixels.
func expose(seen *galaxy.Images) exposure {
	e := exposure{make([]float64, width*height), make([]float64, width*height),
		make([]float64, width*height)}
	noise, variance := make([]float64, width*height), make([]float64, width*height)
	for k, v := range seen.Pixels {
		electrons := gain * (float64(v) + sky)
		photons := distuv.Poisson{Lambda: electrons, Src: rand.NewPCG(seed, uint64(k))}
		noise[k], variance[k] = (photons.Rand()-electrons)/gain, electrons/(gain*gain)
	}
	weights := [3]float64{shared, 1, shared}
	norm := 1 + 2*shared*shared // of the squares of the weights along one axis
	for k := range noise {
		row, column := k/width, k%width
		n, squares := 0.0, 0.0
		for i := range 9 {
			r, c := min(max(row+i/3-1, 0), height-1), min(max(column+i%3-1, 0), width-1)
			w := weights[i/3] * weights[i%3] / norm
			n, squares = n+w*noise[r*width+c], squares+w*w*variance[r*width+c]
		}
		e.science[k] = float64(seen.Pixels[k]) + sky + n
		e.errors[k] = math.Sqrt(squares)
	}
	e.spoil()
	return e
}

// spoil puts in what has no data, and flags it.
func (e exposure) spoil() {
	sin, cos := math.Sincos(trailAngle)
	for k := range e.science {
		row, column := float64(k/width), float64(k%width)
		d := -(column-trailX)*sin + (row-trailY)*cos - trailOff
		e.science[k] += trailPeak * math.Exp(-d*d/(2*trailSigma*trailSigma))
		if math.Abs(d) <= trailMasked {
			e.flags[k] = satellite
		}
		if k%width == deadColumn {
			e.science[k], e.flags[k] = 0, dead
		}
	}
	for _, r := range rays {
		k := r[1]*width + r[0]
		e.science[k], e.flags[k] = e.science[k]+3000, cosmicRay
	}
}

// save writes the planes as extensions SCI, ERR and DQ.
func (e exposure) save(path string) error {
	plane := func(name string, bitpix int, values []float64, cards ...fits.Card) fits.NewImage {
		h := world()
		h.Append(fits.Card(fmt.Sprintf("EXTNAME = '%-8s'", name)), "EXTVER  =                    1")
		h.Append(cards...)
		return fits.NewImage{Header: h, Bitpix: bitpix, Shape: []int{height, width},
			Pixel: func(i int) float64 { return values[i] }}
	}
	primary := fits.NewHeader(
		"OBJECT  = 'Three galaxies'     / COSMOS-129658, AEGIS-14886, COSMOS-29162",
		number("GAIN", gain, "electrons to a count"),
		"COMMENT Made by notebooks/data/main.go of three galaxies of the Hubble Space",
		"COMMENT Telescope, blurred, on a made-up sky: HST public archive data; credit",
		"COMMENT Davis et al. 2007, Koekemoer et al. 2007, Leauthaud et al. 2007.",
	)
	return atomicfile.Write(path, func(w io.Writer) error {
		return fits.Write(w, fits.NewImage{Header: primary, Bitpix: 8},
			plane("SCI", -32, e.science, "BUNIT   = 'count   '"),
			plane("ERR", -32, e.errors, "BUNIT   = 'count   '"),
			plane("DQ", 16, e.flags, "COMMENT 1 dead column, 2 cosmic ray, 4 satellite trail"))
	})
}

// offCenter is the telescope's PSF on sharp pixels, one of them off the center, as measured PSFs
// often are.
func offCenter() (*galaxy.Images, error) {
	k, err := psf.Moffat{FWHM: fine * fwhm, Beta: beta, Shear: shear}.Render(psfSide + 2)
	if err != nil {
		return nil, err
	}
	out := galaxy.NewImages(1, psfSide, psfSide, 1)
	for row := range psfSide {
		copy(out.Pixels[row*psfSide:(row+1)*psfSide], k.Pixels[(row+2)*k.Size+1:])
	}
	return out, nil
}

// number returns a card with a number.
func number(key string, value float64, comment string) fits.Card {
	return fits.Card(fmt.Sprintf("%-8s= %20.13G / %s", key, value, comment))
}

// world puts the field somewhere on the sky, turned by 20° (Greisen & Calabretta 2002).
func world() *fits.Header {
	sin, cos := math.Sincos(20 * math.Pi / 180)
	const scale = pixelScale / 3600
	return fits.NewHeader(
		"CTYPE1  = 'RA---TAN'",
		"CTYPE2  = 'DEC--TAN'",
		"CUNIT1  = 'deg     '",
		"CUNIT2  = 'deg     '",
		"RADESYS = 'ICRS    '",
		number("CRVAL1", 214.8051, "right ascension of the reference pixel"),
		number("CRVAL2", 52.7432, "declination of the reference pixel"),
		number("CRPIX1", (width+1)/2.0, "column of the reference pixel, from 1"),
		number("CRPIX2", (height+1)/2.0, "row of the reference pixel, from 1"),
		number("CD1_1", -scale*cos, "degrees to a pixel"),
		number("CD1_2", scale*sin, "degrees to a pixel"),
		number("CD2_1", scale*sin, "degrees to a pixel"),
		number("CD2_2", scale*cos, "degrees to a pixel"),
	)
}
