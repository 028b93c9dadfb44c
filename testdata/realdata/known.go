package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/psf"
)

// cosmosPixel is the width of a pixel of the COSMOS images in arcseconds.
const cosmosPixel = 0.03

// cosmosGalaxy is one of the sixty, as its file has it.
type cosmosGalaxy struct {
	*galaxy.Images
	id    string
	index int
	noise grain
}

// cosmosGalaxies returns the sixty, or fewer. Their noise's correlation is the median of those that
// all sixty show, as the same camera and drizzling made them.
func (l *lab) cosmosGalaxies() ([]cosmosGalaxy, error) {
	const number = 60
	var all []cosmosGalaxy
	var images []*galaxy.Images
	for i := range number {
		f, err := files.Read(fmt.Sprintf("%s[%d]", l.real("cosmos_galaxies.fits"), i+1))
		if err != nil {
			return nil, err
		}
		variance, ok := f.Header.Number("NOISEVAR")
		if !ok {
			return nil, fmt.Errorf("galaxy %d has no card NOISEVAR", i)
		}
		g := cosmosGalaxy{Images: f.Images, id: fmt.Sprintf("GAL%d", i), index: i}
		g.noise.sigma = math.Sqrt(variance)
		if skies, err := f.Images.Sky(); err == nil {
			g.noise.sigma = skies[0].Noise
		}
		all, images = append(all, g), append(images, f.Images)
	}
	shared := correlations(images, 0.5)
	for i := range all {
		all[i].noise.size, all[i].noise.values = shared.size, shared.values
	}
	return all[:l.few(number)], nil
}

// scaled returns the galaxy with a peak of 1, and its noise.
func (g cosmosGalaxy) scaled() (*galaxy.Images, grain, error) {
	return unit(g.Images, g.noise)
}

// unit returns an image with a peak of 1 within its central half, and its noise.
func unit(im *galaxy.Images, noise grain) (*galaxy.Images, grain, error) {
	im = im.Clone()
	peaks, err := im.Peaks()
	if err != nil {
		return nil, grain{}, err
	}
	if err := im.Divide(peaks); err != nil {
		return nil, grain{}, err
	}
	im.Scale = nil
	noise.sigma /= peaks[0]
	return im, noise, nil
}

// cosmos blurs the galaxies on their own pixels.
func cosmos(l *lab) error {
	galaxies, err := l.cosmosGalaxies()
	if err != nil {
		return err
	}
	for _, g := range galaxies {
		for _, width := range []float64{2, 3} {
			p, err := gaussian(width)
			if err != nil {
				return err
			}
			truth, noise, err := g.scaled()
			if err != nil {
				return err
			}
			blurred := convolve(float64s(truth.Pixels), truth.Height, truth.Width, p)
			for _, snr := range []float64{20, 50, 100, 200} {
				err := l.do("cosmos", fmt.Sprintf("σ %g, S/N %g", width, snr), g.id,
					func(r *record) error {
						t := trial{truth: truth, grain: noise, psf: p,
							sigma: largest(blurred) / snr, aperture: aperture(truth)}
						rng := rand.New(rand.NewPCG(uint64(l.seed), uint64(g.index)))
						t.seen = like(truth, add(blurred, t.sigma, rng))
						return l.measure(r, t)
					})
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// gaussian returns a Gaussian PSF with all that counts of its light.
func gaussian(sigma float64) (psf.PSF, error) {
	return psf.Gaussian{Sigma: sigma}.Render(2*int(math.Ceil(4*sigma)) + 1)
}

// aperture is the radius in pixels within which the galaxy of a stamp is measured.
func aperture(im *galaxy.Images) float64 { return 0.4 * float64(min(im.Height, im.Width)) }

// like returns an image of the shape of another.
func like(im *galaxy.Images, pixels []float32) *galaxy.Images {
	return &galaxy.Images{N: 1, Height: im.Height, Width: im.Width, Channels: 1, Pixels: pixels,
		IDs: im.IDs}
}

// The image as a ground-based survey sees it.
const (
	seeing07    = 0.7 // FWHM of all that blurs, in arcseconds
	hubbleFWHM  = 0.1 // of what has blurred the image already
	lsstAverage = 7   // pixels of 0.03″ make one of 0.21″
	lsstSide    = 48  // pixels
)

// lsst blurs the galaxies to the seeing and averages them to the pixels of the Rubin Observatory's
// survey, on stamps of 48×48 pixels that are dark beyond the image. The signal-to-noise ratio is
// √(Σ s²)/σ.
func lsst(l *lab) error {
	galaxies, err := l.cosmosGalaxies()
	if err != nil {
		return err
	}
	fwhm := math.Sqrt(seeing07*seeing07 - hubbleFWHM*hubbleFWHM)
	sigma := fwhm / cosmosPixel / (2 * math.Sqrt(2*math.Ln2))
	fine, err := gaussian(sigma)
	if err != nil {
		return err
	}
	coarse, err := gaussian(sigma / lsstAverage)
	if err != nil {
		return err
	}
	for _, g := range galaxies {
		full := galaxy.NewImages(1, lsstSide*lsstAverage, lsstSide*lsstAverage, 1)
		top, left := (full.Height-g.Height)/2, (full.Width-g.Width)/2
		for row := range g.Height {
			copy(full.Pixels[(top+row)*full.Width+left:], g.Pixels[row*g.Width:(row+1)*g.Width])
		}
		full.IDs = []string{g.id}
		truth, err := full.Average(lsstAverage)
		if err != nil {
			return err
		}
		peaks, err := truth.Peaks()
		if err != nil {
			return err
		}
		truth, noise, err := unit(truth, g.noise.averaged(lsstAverage))
		if err != nil {
			return err
		}
		known := make([]bool, len(truth.Pixels))
		for k := range known {
			row, col := k/lsstSide*lsstAverage, k%lsstSide*lsstAverage
			known[k] = row >= top && row+lsstAverage <= top+g.Height &&
				col >= left && col+lsstAverage <= left+g.Width
		}
		seen, err := like(full, add(convolve(float64s(full.Pixels), full.Height, full.Width, fine),
			0, rand.New(rand.NewPCG(0, 0)))).Average(lsstAverage)
		if err != nil {
			return err
		}
		blurred := float64s(seen.Pixels)
		for k := range blurred {
			blurred[k] /= peaks[0]
		}
		for _, snr := range []float64{20, 40, 100, 200} {
			err := l.do("lsst", fmt.Sprintf("S/N %g", snr), g.id, func(r *record) error {
				t := trial{truth: truth, grain: noise, psf: coarse, known: known,
					sigma: math.Sqrt(dot(blurred, blurred)) / snr, aperture: lsstSide / 4}
				rng := rand.New(rand.NewPCG(uint64(l.seed), uint64(g.index)))
				t.seen = like(truth, add(blurred, t.sigma, rng))
				return l.measure(r, t)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// picture is a galaxy of a stack of 8-bit pictures, with a peak of 1, and the noise it has.
type picture struct {
	*galaxy.Images
	noise grain
}

// stack returns the galaxies of a stack of pictures, without their sky.
func (l *lab) stack(folder, stack string) ([]picture, error) {
	images, err := files.Load(filepath.Join(l.data, folder,
		fmt.Sprintf("%s%d.npy.gz", stack, l.size)))
	if err != nil {
		return nil, err
	}
	var all []*galaxy.Images
	for i := range images.N {
		im := images.Select(i)
		level := im.Edges()
		if skies, err := im.Sky(); err == nil {
			level[0] = min(level[0], skies[0].Level)
		}
		if err := im.Subtract(level); err != nil {
			return nil, err
		}
		all = append(all, im)
	}
	shared := correlations(all, 0.25)
	var out []picture
	for _, im := range all[:l.few(len(all))] {
		noise := shared
		if levels, err := im.NoiseLevels(); err == nil {
			noise.sigma = shared.level(levels[0])
		}
		truth, noise, err := unit(im, noise)
		if err != nil {
			return nil, err
		}
		out = append(out, picture{truth, noise})
	}
	return out, nil
}

// pictures blurs galaxies of a stack of pictures.
func pictures(part, folder, stack string) func(*lab) error {
	return func(l *lab) error {
		all, err := l.stack(folder, stack)
		if err != nil {
			return err
		}
		p, err := gaussian(1.5)
		if err != nil {
			return err
		}
		for i, truth := range all {
			blurred := convolve(float64s(truth.Pixels), truth.Height, truth.Width, p)
			for _, sigma := range []float64{0.001, 0.003, 0.01} {
				err := l.do(part, fmt.Sprintf("%d px, %g", l.size, sigma), truth.ID(0),
					func(r *record) error {
						rng := rand.New(rand.NewPCG(uint64(l.seed), uint64(i)))
						return l.measure(r, trial{truth: truth.Images, grain: truth.noise, psf: p,
							sigma: sigma, aperture: aperture(truth.Images),
							seen: like(truth.Images, add(blurred, sigma, rng))})
					})
				if err != nil {
					return err
				}
			}
		}
		return nil
	}
}
