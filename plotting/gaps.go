package plotting

import (
	"image"
	"image/color"
)

// hatched returns a picture with stripes over the pixels without data, nil for none.
func hatched(img image.Image, bad []bool, width int) image.Image {
	if bad == nil {
		return img
	}
	const period = 4
	out := image.NewNRGBA(img.Bounds())
	for k := range bad {
		x, y := k%width, k/width
		switch {
		case !bad[k]:
			out.Set(x, y, img.At(x, y))
		case (x+y)%period < period/2:
			out.SetNRGBA(x, y, color.NRGBA{70, 90, 150, 255})
		default:
			out.SetNRGBA(x, y, color.NRGBA{30, 40, 70, 255})
		}
	}
	return out
}
