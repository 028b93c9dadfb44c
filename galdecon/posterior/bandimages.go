package posterior

import (
	"errors"
	"fmt"

	"galdecon/galdecon/galaxy"
)

// Images returns the candidates in several bands as images with a channel for each, in the order
// that is asked for: [candidates, height, width, len(bands)]. Values are fluxes of the source, in
// the unit that all bands' images must share for colors to mean something. With three bands, the
// reddest first, they are what plotting.Lupton makes pictures of: each is a galaxy that the
// observation allows, and how their colors differ is how uncertain these are. It is a [*BandError]
// if a band isn't there, and an error if no band is asked for or they weren't drawn together.
func (b Bands) Images(bands ...string) (*galaxy.Images, error) {
	if len(bands) == 0 {
		return nil, errors.New("posterior: images in bands need the name of one at least")
	}
	var out *galaxy.Images
	for c, name := range bands {
		p, err := b.In(name)
		if err != nil {
			return nil, err
		}
		s := p.Samples
		if s == nil || s.N == 0 || s.Channels != 1 {
			return nil, fmt.Errorf("posterior: the band %s has no candidates of one channel", name)
		}
		if out == nil {
			out = galaxy.NewImages(s.N, s.Height, s.Width, len(bands))
		}
		if s.N != out.N || s.Height != out.Height || s.Width != out.Width {
			return nil, fmt.Errorf("posterior: the bands %s and %s weren't drawn together: %d "+
				"candidates of %d×%d pixels, and %d of %d×%d", bands[0], name, out.N, out.Height,
				out.Width, s.N, s.Height, s.Width)
		}
		scale := p.scale()
		for k, v := range s.Pixels {
			out.Pixels[k*len(bands)+c] = float32(float64(v) * scale)
		}
	}
	return out, nil
}
