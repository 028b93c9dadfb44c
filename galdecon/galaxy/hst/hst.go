// Package hst holds ten galaxies that the Hubble Space Telescope saw in the surveys AEGIS and
// COSMOS: Advanced Camera for Surveys, filter F814W, 128×128 pixels, with the telescope's PSF and
// noise.
//
// They are public archive data, to be credited to Koekemoer et al. (2007, ApJS 172, 196), Leauthaud
// et al. (2007, ApJS 172, 219), Scoville et al. (2007, ApJS 172, 1) and Davis et al. (2007, ApJ
// 660, L1). The file data/CREDITS says where the stamps come from and what was done to them;
// [Records] says it of each.
package hst

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/npy"
)

//go:embed data/hst128.npy
var hstPixels []byte

//go:embed data/hst.json
var hstRecords []byte

// Record says where one of the shipped Hubble galaxies comes from.
type Record struct {
	// ID is the survey and the number in its catalog.
	ID string `json:"id"`
	// Instrument is the telescope, camera and filter.
	Instrument string `json:"instrument"`
	// PixelScale is in arcseconds a pixel of the 128 x 128 image; at size s it is PixelScale*128/s.
	PixelScale float64 `json:"pixel_scale_arcsec"`
	// PaddedFraction is the share of pixels that lie outside the original stamp and hold noise like
	// its sky.
	PaddedFraction float64 `json:"padded_fraction"`
	// Credit is whom to cite.
	Credit string `json:"credit"`
}

// Records returns the origin of the galaxies of [Galaxies], in the same order.
func Records() ([]Record, error) {
	var records []Record
	if err := json.Unmarshal(hstRecords, &records); err != nil {
		return nil, fmt.Errorf("hst: the shipped data/hst.json cannot be read: %w", err)
	}
	return records, nil
}

// Galaxies returns the ten shipped galaxies of the Hubble surveys AEGIS and COSMOS, [10, size,
// size, 1], in the filter F814W. Size is 128, as shipped, 64 or 32, averaged down over area. The
// largest value within the central half is 1, and what is brighter outside is clipped to 1. They
// are noisy, as the telescope saw them.
//
// HST public archive data; credit Koekemoer et al. 2007, Leauthaud et al. 2007 and Davis et al.
// 2007 (see data/CREDITS).
func Galaxies(size int) (*galaxy.Images, error) {
	if size != 128 && size != 64 && size != 32 {
		return nil, fmt.Errorf("hst: HST images come at sizes 128, 64 and 32, not %d", size)
	}
	full, err := shipped()
	if err != nil {
		return nil, fmt.Errorf("hst: the shipped data/hst128.npy cannot be read: %w", err)
	}
	records, err := Records()
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		full.IDs = append(full.IDs, r.ID)
	}
	return full.Prepare(size)
}

// shipped reads the shipped pixels, [10, 128, 128, 1].
func shipped() (*galaxy.Images, error) {
	array, err := npy.NewArray(bytes.NewReader(hstPixels))
	if err != nil {
		return nil, err
	}
	if len(array.Shape) != 3 {
		return nil, fmt.Errorf("its array has the shape %v", array.Shape)
	}
	im := galaxy.NewImages(array.Shape[0], array.Shape[1], array.Shape[2], 1)
	return im, array.Read(im.Pixels)
}
