package score

import (
	"fmt"
	"math"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/moments"
)

// Profile is how the light of a galaxy falls off with the distance from a place.
type Profile struct {
	// Radius [n] are the outer edges of rings of even width around the place, in pixels; the first
	// ring is a disc.
	Radius []float64
	// Brightness [n] is the mean of the pixels in a ring.
	Brightness []float64
	// Growth [n] is the light within the outer edge of a ring, the sum of the pixels there. Out of
	// the image it is dark.
	Growth []float64
}

// RadialProfile measures an image [1, height, width, channels], of which the mean of the channels
// is taken, in rings around the column x and the row y, counted from 0 in the middle of the first
// pixel, of a width and up to a radius in pixels. Light is even within each pixel.
//
// It is an error if the place lies outside the image, if a ring has no room for a pixel's eighth,
// or if the radius is larger than half the shorter side.
func RadialProfile(image *galaxy.Images, x, y, width, radius float64) (Profile, error) {
	if err := valid("image", image); err != nil {
		return Profile{}, err
	}
	if image.N != 1 {
		return Profile{}, fmt.Errorf("score: a profile is that of one image, got %d; see "+
			"galaxy.Images.Select", image.N)
	}
	if !(x >= 0 && x <= float64(image.Width-1) && y >= 0 && y <= float64(image.Height-1)) {
		return Profile{}, fmt.Errorf("score: a profile around column %g and row %g, which lies "+
			"outside the image of %d columns and %d rows", x, y, image.Width, image.Height)
	}
	if half := float64(min(image.Height, image.Width)) / 2; !(radius >= width && radius <= half) {
		return Profile{}, fmt.Errorf("score: the radius of a profile must be within the width of "+
			"a ring, %g, and half the shorter side, %g pixels; got %g", width, half, radius)
	}
	if !(width >= 1.0/subpixels) {
		return Profile{}, fmt.Errorf("score: the rings of a profile are at least %g pixels wide, "+
			"got %g", 1.0/subpixels, width)
	}
	n := int(radius/width + 1e-9)
	p := Profile{Radius: make([]float64, n), Brightness: make([]float64, n),
		Growth: make([]float64, n)}
	parts := make([]float64, n)
	eachSubpixel(onePlane(image), x, y, func(r, light float64) {
		if ring := int(r / width); ring < n {
			p.Growth[ring] += light
			parts[ring]++
		}
	})
	sum := 0.0
	for ring := range n {
		p.Radius[ring] = float64(ring+1) * width
		p.Brightness[ring] = p.Growth[ring] / parts[ring] * (subpixels * subpixels)
		sum += p.Growth[ring]
		p.Growth[ring] = sum
	}
	return p, nil
}

// onePlane returns the mean of the channels.
func onePlane(image *galaxy.Images) moments.Image {
	s := moments.Image{Height: image.Height, Width: image.Width,
		Pixels: make([]float64, image.Height*image.Width)}
	for i, v := range image.Pixels {
		s.Pixels[i/image.Channels] += float64(v) / float64(image.Channels)
	}
	return s
}

// eachSubpixel calls visit with the distance of each subpixel's middle from (x, y), and with its
// light.
func eachSubpixel(s moments.Image, x, y float64, visit func(r, light float64)) {
	for row := range s.Height {
		for col := range s.Width {
			value := s.Pixels[row*s.Width+col] / (subpixels * subpixels)
			for i := range subpixels {
				dy := float64(row) + (float64(i)+0.5)/subpixels - 0.5 - y
				for j := range subpixels {
					dx := float64(col) + (float64(j)+0.5)/subpixels - 0.5 - x
					visit(math.Sqrt(dx*dx+dy*dy), value)
				}
			}
		}
	}
}
