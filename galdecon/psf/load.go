package psf

import (
	"fmt"

	"galdecon/galdecon/galaxy/files"
)

// Load reads measured PSFs from a file, of the formats that [files.Load] knows, such as FITS and NPY: an image [k, k] or a stack
// [n, k, k] of any size, even or odd. Each is scaled to sum 1. Its centre is taken to be the pixel (k/2, k/2) of the package
// documentation; if the light is elsewhere, as in even grids with the source amid four pixels, see [PSF.Recenter]. An image that
// isn't square, has colours, or is no PSF (see [New]) is an error that names it.
func Load(path string) ([]PSF, error) {
	images, err := files.Load(path)
	if err != nil {
		return nil, fmt.Errorf("psf: no PSF can be read: %w", err)
	}
	if images.Height != images.Width {
		return nil, fmt.Errorf("psf: the PSF in %s has %d×%d pixels; cut it to a square around the source, or fill it up with zeros",
			path, images.Height, images.Width)
	}
	if images.Channels != 1 {
		return nil, fmt.Errorf("psf: the PSF in %s has %d channels; give one of them, or their mean, as a grey image [k, k]", path, images.Channels)
	}
	kernels := make([]PSF, images.N)
	for i := range kernels {
		if kernels[i], err = New(images.Height, images.At(i)); err != nil {
			return nil, fmt.Errorf("%w (%s of %s)", err, images.ID(i), path)
		}
	}
	return kernels, nil
}
