package files

import (
	"io"
	"strings"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files/fits"
)

// ofDetector are cards that say which pixels of the detector, or of which values, the old pixels
// were, and those that refer to other parts of the file.
var ofDetector = []string{"DATAMIN", "DATAMAX", "INHERIT", "NEXTEND", colorsKey,
	"DATASEC", "BIASSEC", "TRIMSEC", "CCDSEC", "DETSEC"}

// SaveFITS writes the images as the primary HDU of a FITS file, in float32: [h, w] of one gray
// image, a cube [n, h, w] of several, or [n, c, h, w] of images with channels, which a card COLOURS
// marks. Bad pixels are marked in an extension MASK, [h, w] or [n, h, w], with 1. [Load] reads each
// as it was. header, which may be nil, is that of [Read], or [fits.Header.Window] of it; of its
// cards all are written but those that say how the old pixels were stored and where on the detector
// they were (DATASEC and its like), and those that refer to tables in the old file
// ([fits.Header.DropLookups]). IDs and scales are not in the file. It appears when it is complete.
func SaveFITS(path string, im *galaxy.Images, header *fits.Header) error {
	if err := im.Validate(); err != nil {
		return err
	}
	cards := header.Copy()
	cards.Delete(ofDetector...)
	cards.DropLookups()
	shape := []int{im.Height, im.Width}
	switch {
	case im.Channels > 1:
		shape = []int{im.N, im.Channels, im.Height, im.Width}
		if err := cards.Set(colorsKey, im.Channels, ""); err != nil {
			return err
		}
	case im.N > 1:
		shape = []int{im.N, im.Height, im.Width}
	}
	area := im.Height * im.Width
	images := []fits.NewImage{{Header: cards, Bitpix: -32, Shape: shape,
		Pixel: func(i int) float64 {
			pixel, plane := i%area, i/area
			at := (plane/im.Channels*area+pixel)*im.Channels + plane%im.Channels
			return float64(im.Pixels[at])
		}}}
	if im.Bad != nil {
		images = append(images, maskImage(im, cards))
	}
	return save(path, func(w io.Writer) error { return fits.Write(w, images...) })
}

// maskImage returns the extension with the marks of bad pixels, named so that it belongs to the
// image.
func maskImage(im *galaxy.Images, of *fits.Header) fits.NewImage {
	name := "MASK"
	if own, _ := of.Text("EXTNAME"); own != "" {
		if _, rest := kindOfName(own); rest != "" {
			name = strings.ReplaceAll(rest, " ", "_") + "_MASK"
		}
	}
	header := fits.NewHeader()
	header.Set("EXTNAME", name, "1 marks bad pixels")
	if version, ok := of.Integer("EXTVER"); ok {
		header.Set("EXTVER", version, "")
	}
	shape := []int{im.N, im.Height, im.Width}
	if im.N == 1 {
		shape = shape[1:]
	}
	return fits.NewImage{Header: header, Bitpix: 8, Shape: shape, Pixel: func(i int) float64 {
		if im.Bad[i] {
			return 1
		}
		return 0
	}}
}
