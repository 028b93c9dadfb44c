package files

import (
	"fmt"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files/fits"
)

// colorsKey is the number of channels in files of ours that hold images with several, [n, c, h, w].
// Without it [1, c, h, w] would pass for c gray images, as in files of others.
const colorsKey = "COLOURS"

// readPlane returns the images of a plane, with the bad pixels that other planes of the file mark.
func readPlane(f *fits.File, p *plane) (*galaxy.Images, error) {
	out := galaxy.NewImages(0, p.height, p.width, p.channels)
	out.Pixels = make([]float32, 0, p.n*p.height*p.width*p.channels)
	for i := range p.n {
		values := make([]float64, 0, p.channels*p.height*p.width)
		for c := range p.planesEach() {
			at := i*p.planesEach() + c
			if p.only >= 0 {
				at = p.only
			}
			plane, err := p.hdu.Plane(at)
			if err != nil {
				return nil, err
			}
			values = append(values, plane...)
		}
		p.append(out, values)
	}
	if p.kind != KindImage {
		return out, nil
	}
	return out, p.mark(f, out)
}

// planesEach returns how many planes of the file make an image.
func (p *plane) planesEach() int {
	if !p.channelsFirst && p.channels > 1 {
		// [h, w, c]: its planes are rows.
		return p.height
	}
	return p.channels
}

// mark marks the pixels that are bad by masks, weights or errors beside the image.
func (p *plane) mark(f *fits.File, im *galaxy.Images) error {
	for _, h := range f.HDUs {
		if h == p.hdu || h.Planes() == 0 || !p.isBeside(f, h) {
			continue
		}
		n := len(h.Shape)
		if h.Shape[n-2] != p.height || h.Shape[n-1] != p.width {
			p.note("%s isn't used: the image has %d x %d pixels", h, p.width, p.height)
			continue
		}
		m, err := readMask(f, h)
		switch {
		case err != nil:
			p.note("%s isn't used: %v", h, err)
			continue
		case KindOf(h) != KindMask && m.Count() == len(m.Bad):
			p.note("%s isn't used: by it no pixel has data (%s)", h, m.Rule)
			continue
		}
		bad, ok := p.fit(m)
		if !ok {
			p.note("%s isn't used: it has %d planes, the image %d", h, m.N, p.n)
			continue
		}
		if err := im.Mask(bad); err != nil {
			return err
		}
		if n := (&Mask{Bad: bad}).Count(); n > 0 {
			doubt := ""
			if 2*n > len(bad) && m.Rule == anyValue {
				doubt = ": if values other than 0 mark good pixels there, turn Images.Bad around"
			}
			p.note("%d of %d pixels are bad by %s (%s)%s", n, len(bad), h, m.Rule, doubt)
		}
	}
	return nil
}

func (p *plane) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// isBeside reports whether a plane says which pixels of the image are bad: masks, weights and
// errors of its name and version, and masks and weights where there's no other image.
func (p *plane) isBeside(f *fits.File, h *fits.HDU) bool {
	kind := KindOf(h)
	if kind != KindMask && !kind.TellsNoise() {
		return false
	}
	_, mine := kindOfName(p.hdu.Name())
	_, its := kindOfName(h.Name())
	if mine == its && p.hdu.Version() == h.Version() {
		return true
	}
	if kind == KindError || kind == KindVariance {
		return false // some are of one cause of noise
	}
	images := 0
	for _, h := range f.HDUs {
		if h.Planes() > 0 && KindOf(h) == KindImage {
			images++
		}
	}
	return images == 1
}

// fit returns a mask for the images of the plane, or false if it has another number of planes.
func (p *plane) fit(m *Mask) (bad []bool, ok bool) {
	area := p.height * p.width
	switch {
	case m.N == 1:
		return m.Bad, true
	case p.only >= 0 && m.N == p.hdu.Planes():
		return m.Bad[p.only*area : (p.only+1)*area], true
	case p.only >= 0:
		return nil, false
	case m.N == p.n:
		return m.Bad, true
	case m.N != p.n*p.channels:
		return nil, false
	}
	// A pixel is bad if one of its channels is.
	bad = make([]bool, p.n*area)
	for k, b := range m.Bad {
		if b {
			bad[k/(area*p.channels)*area+k%area] = true
		}
	}
	return bad, true
}
