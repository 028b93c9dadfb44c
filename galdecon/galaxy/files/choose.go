package files

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"galdecon/galdecon/galaxy/files/fits"
)

// plane is the HDU of a FITS file that is read as images.
type plane struct {
	layout
	hdu *fits.HDU
	// only is the plane of a cube that was chosen, or -1 for all.
	only int
	kind Kind
	// named: the file's name said which.
	named bool
	notes []string
}

// choosePlane returns the HDU that a selector names, or else the one that is SCI, or the first that
// is an image: not weights, errors, a mask or a preview. It has two to four axes, [h, w], [n, h, w]
// or [n, c, h, w]; a third is read as planes says.
func choosePlane(f *fits.File, selector *fits.Selector, planes Planes) (*plane, error) {
	if selector != nil {
		h, err := f.Select(*selector)
		if err != nil {
			return nil, err
		}
		p := &plane{hdu: h, only: -1, kind: KindOf(h), named: true}
		if err := h.Check(); err != nil {
			return nil, err
		}
		if h.Planes() == 0 {
			return nil, fmt.Errorf("%s is no image; there are %s", h, list(f.HDUs))
		}
		if len(selector.Plane) > 0 {
			if p.only, err = h.PlaneIndex(*selector); err != nil {
				return nil, err
			}
		}
		return p, p.setLayout(planes)
	}
	var all, images []*fits.HDU // with pixels, and those that are images of the sky
	var broken error
	for _, h := range f.HDUs {
		science := isScience(h)
		if err := h.Check(); err != nil && (science || len(images) == 0 && broken == nil) {
			broken = err
		}
		if h.Check() != nil && science && !slices.ContainsFunc(images, isScience) {
			return nil, h.Check()
		}
		if h.Planes() == 0 || len(axes(h)) > 4 {
			continue
		}
		all = append(all, h)
		if KindOf(h) == KindImage {
			images = append(images, h)
		}
	}
	p := &plane{only: -1}
	switch {
	case len(all) == 0:
		return nil, cmp.Or(broken, f.Rest, errors.New(
			"there is no HDU with an image of two to four axes; is it a FITS image, and complete?"))
	case len(images) > 0:
		p.hdu, p.notes = first(images)
	case len(all) > 1:
		return nil, fmt.Errorf("no plane is an image by its name, of %s; to read one of them as "+
			"it is, write its name behind the file's, as in [%s]", list(all), all[0].Name())
	default:
		p.hdu = all[0]
	}
	p.kind = KindOf(p.hdu)
	switch {
	case p.kind == KindMask:
		return nil, fmt.Errorf("%s is a mask, no image; LoadMask reads it", p.hdu)
	case p.kind != KindImage:
		p.notes = append(p.notes, fmt.Sprintf("%s has %s by its name", p.hdu, p.kind))
	case len(images) == 1 && len(all) > 1 && all[0] != p.hdu:
		p.notes = append(p.notes, fmt.Sprintf("%s is read; the other planes are %s",
			p.hdu, list(without(all, p.hdu))))
	}
	if f.Rest != nil {
		p.notes = append(p.notes, fmt.Sprintf("the end of the file can't be read: %v", f.Rest))
	}
	return p, p.setLayout(planes)
}

// first returns the first of images that is SCI, or else is no preview, and a note if there are
// others that could have been meant.
func first(images []*fits.HDU) (*fits.HDU, []string) {
	found := slices.IndexFunc(images, isScience)
	if found < 0 && len(images) > 1 {
		found = slices.IndexFunc(images, func(h *fits.HDU) bool {
			return !isDoubtful(h) && !isConstant(h)
		})
	}
	if found < 0 && len(images) > 1 {
		found = slices.IndexFunc(images, func(h *fits.HDU) bool { return !isDoubtful(h) })
	}
	h := images[max(found, 0)]
	if len(images) == 1 {
		return h, nil
	}
	others := without(images, h)
	last := others[len(others)-1]
	name := last.Name()
	if v := last.Version(); v != 1 {
		name += fmt.Sprintf(",%d", v)
	}
	if name == "" {
		name = fmt.Sprint(last.Index)
	}
	return h, []string{fmt.Sprintf("%s is read; to read another, of %s, write its name behind the "+
		"file's, as in [%s]", h, list(others), name)}
}

func without(all []*fits.HDU, h *fits.HDU) []*fits.HDU {
	return slices.DeleteFunc(slices.Clone(all), func(o *fits.HDU) bool { return o == h })
}

func isScience(h *fits.HDU) bool {
	return h.Kind == fits.Image && strings.EqualFold(h.Name(), "SCI")
}

// list names HDUs, of many the first.
func list(hdus []*fits.HDU) string {
	const most = 8
	var names []string
	for _, h := range hdus[:min(len(hdus), most)] {
		names = append(names, h.String())
	}
	if n := len(hdus) - most; n > 0 {
		names = append(names, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(names, ", ")
}

// axes returns the lengths of an image's axes but for those of length 1 before the last two, which
// carry nothing: radio astronomers write [1, 1, h, w]. Those of our files with channels do.
func axes(h *fits.HDU) []int {
	shape := h.Shape
	for len(shape) > 2 && shape[0] == 1 && !h.Header.Has(colorsKey) {
		shape = shape[1:]
	}
	return shape
}

func (p *plane) setLayout(planes Planes) (err error) {
	shape := axes(p.hdu)
	if p.only >= 0 {
		shape = shape[len(shape)-2:]
	}
	if len(shape) > 4 {
		return fmt.Errorf("%s has %d axes; name one plane, as in [%s][*,*,1%s]", p.hdu, len(shape),
			p.hdu.Name(), strings.Repeat(",1", len(p.hdu.Shape)-3))
	}
	if len(shape) == 4 {
		planes = ChannelsFirst
	}
	p.layout, err = planes.layout(shape)
	return err
}
