package files

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg"
	_ "image/png"
	"slices"

	"golang.org/x/image/tiff"

	"galdecon/galdecon/galaxy"
)

// maxPicture is the largest number of pixels of a picture: a header of a few bytes can ask for any
// number.
const maxPicture = 1 << 28

// decodePicture reads a PNG, JPEG or TIFF file, with values between 0 and 1.
func decodePicture(data []byte) (im *galaxy.Images, err error) {
	defer func() {
		// The decoder of TIFF isn't hardened as those of the standard library are.
		if p := recover(); p != nil {
			im, err = nil, fmt.Errorf("the picture is malformed: %v", p)
		}
	}()
	var unsupported tiff.UnsupportedError
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	if errors.As(err, &unsupported) {
		return nil, unreadTIFF(unsupported)
	}
	if err != nil {
		return nil,
			fmt.Errorf("it is not a PNG, JPEG or TIFF picture of integers, or truncated; convert "+
				"it: %w", err)
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxPicture/config.Height {
		return nil, fmt.Errorf("the picture has %d x %d pixels; crop it to between 1 and %d in all",
			config.Height, config.Width, maxPicture)
	}
	if format == "tiff" && hasMorePages(data) {
		return nil, unreadTIFF(errors.New("it has several pages"))
	}
	decoded, _, err := image.Decode(bytes.NewReader(data))
	if errors.As(err, &unsupported) {
		return nil, unreadTIFF(unsupported)
	}
	if err != nil {
		return nil, fmt.Errorf("the picture is damaged or truncated: %w", err)
	}
	picture, ok := decoded.(image.RGBA64Image)
	if !ok {
		return nil, fmt.Errorf("the picture is a %T, whose colors cannot be read; convert it",
			decoded)
	}
	channels := 3
	if isGray(picture, format, data) {
		channels = 1
	}
	b := picture.Bounds()
	im = galaxy.NewImages(1, b.Dy(), b.Dx(), channels)
	pixels := im.Pixels[:0]
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			// The values come multiplied with alpha, which is composition onto black.
			v := picture.RGBA64At(x, y)
			if channels == 1 {
				pixels = append(pixels, float32(v.R)/0xffff)
			} else {
				pixels = append(pixels, float32(v.R)/0xffff, float32(v.G)/0xffff,
					float32(v.B)/0xffff)
			}
		}
	}
	return im, nil
}

func unreadTIFF(err error) error {
	return fmt.Errorf("a TIFF must be of integers of 8 or 16 bits, on one page; convert it, for "+
		"example to FITS or NPY: %w", err)
}

// hasMorePages reports whether a page follows the first of a TIFF, whose directory has 12 bytes for
// each entry and then the place of the next.
func hasMorePages(data []byte) bool {
	var order binary.ByteOrder = binary.LittleEndian
	if data[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(data[4:]))
	at += 2 + 12*int64(order.Uint16(data[at:]))
	return at+4 <= int64(len(data)) && order.Uint32(data[at:]) != 0
}

// isGray tells a file that stores gray values from one that stores colors, whatever these are: one
// picture of many that happens to be gray is still of the others' shape.
func isGray(picture image.Image, format string, data []byte) bool {
	switch p := picture.(type) {
	case *image.Gray, *image.Gray16:
		return true
	case *image.Paletted:
		return !slices.ContainsFunc(p.Palette, func(c color.Color) bool {
			r, g, b, _ := c.RGBA()
			return r != g || g != b
		})
	}
	// The decoder makes a colored picture of a gray PNG with transparency; only the header tells,
	// by a bit of the color type.
	const colorType, hasColor = 25, 2
	return format == "png" && data[colorType]&hasColor == 0
}
