package psf

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
)

// preferred are the names of the HDUs that STPSF and POPPY write: with distortion before without,
// on pixels before oversampled.
var preferred = []string{"DET_DIST", "DET_SAMP", "OVERDIST", "OVERSAMP", "PSF", "SCI"}

func readFITS(path string, selector fits.Selector, chosen bool) (*File, error) {
	file, err := fits.Open(path)
	if err != nil {
		return nil, fmt.Errorf("psf: no PSF can be read: %w", err)
	}
	defer file.Close()
	f, err := readHDUs(file, filepath.Base(path), selector, chosen)
	// A problem names the file itself.
	if problem := (*Problem)(nil); err != nil && !errors.As(err, &problem) {
		return nil, fmt.Errorf("psf: no PSF can be read from %s: %w", path, err)
	}
	return f, err
}

func readHDUs(file *fits.File, name string, selector fits.Selector, chosen bool) (*File, error) {
	models := slices.DeleteFunc(slices.Clone(file.HDUs),
		func(h *fits.HDU) bool { return !isPSFEx(h) })
	if chosen && len(models) > 0 {
		hdu, err := file.Select(selector)
		if err != nil {
			return nil, err
		}
		models = slices.DeleteFunc(models, func(h *fits.HDU) bool { return h != hdu })
	}
	if len(models) > 0 {
		return readPSFEx(name, models)
	}
	s, err := selectPSF(file, name, selector, chosen)
	if err != nil {
		return nil, err
	}
	return s.file()
}

func selectPSF(file *fits.File, name string, selector fits.Selector, chosen bool) (*stamps, error) {
	s := &stamps{source: name}
	hdu, err := s.choose(file, selector, chosen)
	if err != nil {
		return nil, err
	}
	if err := hdu.Check(); err != nil {
		return nil, err
	}
	shape := hdu.Shape
	for len(shape) > 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	if len(shape) < 2 || len(shape) > 3 || hdu.Planes() == 0 {
		return nil, fmt.Errorf("%s is no PSF; give an image [k, k] or a stack of them [n, k, "+
			"k]", hdu)
	}
	s.height, s.width = shape[len(shape)-2], shape[len(shape)-1]
	first, end := 0, hdu.Planes()
	if chosen && len(selector.Plane) > 0 {
		if first, err = hdu.PlaneIndex(selector); err != nil {
			return nil, err
		}
		end = first + 1
	}
	for i := first; i < end; i++ {
		plane, err := hdu.Plane(i)
		if err != nil {
			return nil, err
		}
		s.planes = append(s.planes, plane)
	}
	s.readCards(hdu, file.HDUs[0])
	if end-first == hdu.Planes() {
		return s, s.readPlaces(hdu, file.HDUs[0])
	}
	return s, nil
}

// choose returns the HDU to read.
func (s *stamps) choose(file *fits.File, selector fits.Selector, chosen bool) (*fits.HDU, error) {
	if chosen {
		hdu, err := file.Select(selector)
		if err == nil {
			s.source += selector.String()
		}
		return hdu, err
	}
	var images []*fits.HDU
	var have []string
	for _, hdu := range file.HDUs {
		if hdu.Kind == fits.Image && len(hdu.Shape) >= 2 {
			images, have = append(images, hdu), append(have, hdu.Name())
		}
	}
	if len(images) == 0 {
		if file.Rest != nil {
			return nil, file.Rest
		}
		if err := file.HDUs[0].Check(); err != nil {
			return nil, err
		}
		return nil, errors.New("there is no HDU with an image of two or more axes; is it the " +
			"right file?")
	}
	hdu := images[0]
	for _, candidate := range images {
		if kind := files.KindOf(candidate); kind == files.KindImage || kind == files.KindOther {
			hdu = candidate
			break
		}
	}
search:
	for _, name := range preferred {
		for _, candidate := range images {
			if strings.EqualFold(candidate.Name(), name) {
				hdu = candidate
				break search
			}
		}
	}
	if len(images) > 1 {
		s.source += "[" + hdu.Name() + "]"
		s.note(Planes, float64(len(images)), "the file has the images "+strings.Join(have, ", "),
			hdu.Name()+" was read; file.fits[NAME] reads another")
	}
	return hdu, nil
}

// maxOversampling is the largest that is believed.
const maxOversampling = 100

// readCards finds out how finely the PSF is sampled. STPSF's OVERSAMP is that of its Fourier
// transforms, DET_SAMP that of the image, except where OVERSAMP is 1: then DET_SAMP is from before
// the image was rebinned.
func (s *stamps) readCards(hdu, primary *fits.HDU) {
	name := strings.ToUpper(hdu.Name())
	onPixels := strings.HasPrefix(name, "DET_")
	if strings.HasPrefix(name, "OVER") {
		s.light = ofSamples
	}
	s.oversampling = 1
	header := hdu.Header
	if _, ok := oversampling(header); !ok && !onPixels {
		header = primary.Header
	}
	over, ok := oversampling(header)
	if image, is := header.Integer("DET_SAMP"); is && !(ok && over == 1) {
		over, ok = image, true
	}
	if ok && !onPixels && over > 1 && over <= maxOversampling {
		s.oversampling = int(over)
	}
	if scale, ok := hdu.Header.Number("PIXELSCL"); ok && scale > 0 {
		s.scale = scale
	}
}

// oversampling returns the value of the card OVERSAMP, or of one that is abbreviated otherwise.
func oversampling(h *fits.Header) (n int64, ok bool) {
	if n, ok = h.Integer("OVERSAMP"); ok {
		return n, true
	}
	for c := range h.Cards() {
		for _, start := range []string{"OVERSA", "OVERSM", "OVRSA", "OVRSM", "OVSAM"} {
			if strings.HasPrefix(c.Key(), start) {
				return h.Integer(c.Key())
			}
		}
	}
	return 0, false
}
