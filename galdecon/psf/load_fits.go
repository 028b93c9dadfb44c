package psf

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
)

// preferred are the names of the HDUs that STPSF and POPPY write: with distortion before without,
// on pixels before oversampled.
var preferred = []string{"DET_DIST", "DET_SAMP", "OVERDIST", "OVERSAMP", "PSF", "SCI"}

func readFITS(path string, selector fits.Selector, chosen bool) (*stamps, error) {
	file, err := fits.Open(path)
	if err != nil {
		return nil, fmt.Errorf("psf: no PSF can be read: %w", err)
	}
	defer file.Close()
	s, err := selectPSF(file, filepath.Base(path), selector, chosen)
	if err != nil {
		return nil, fmt.Errorf("psf: no PSF can be read from %s: %w", path, err)
	}
	return s, nil
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
	s.readPlaces(hdu, file.HDUs[0], first, end)
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
		if slices.ContainsFunc(file.HDUs,
			func(h *fits.HDU) bool { return h.Name() == "PSF_DATA" }) {
			return nil, errors.New("it is PSFEx's model of a PSF that changes over the image, a " +
				"table; let psfex write images of it, by CHECKIMAGE_TYPE SNAPSHOTS")
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
	s.summed = strings.HasPrefix(name, "OVER")
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

// readPlaces reads where on the detector the PSFs from first to end are, by cards such as
// DET_YX0 = '(1023.0, 0.0)', row and column. It reads all or none.
func (s *stamps) readPlaces(hdu, primary *fits.HDU, first, end int) {
	header := hdu.Header
	if !header.Has("DET_YX0") {
		header = primary.Header
	}
	if !header.Has("DET_YX0") {
		return
	}
	var x, y []float64
	for i := first; i < end; i++ {
		text, _ := header.Text("DET_YX" + strconv.Itoa(i))
		row, col, _ := strings.Cut(strings.Trim(text, "() "), ",")
		r, err := strconv.ParseFloat(strings.TrimSpace(row), 64)
		c, other := strconv.ParseFloat(strings.TrimSpace(col), 64)
		if err := errors.Join(err, other); err != nil {
			s.note(Planes, float64(i), fmt.Sprintf("the card DET_YX%d, %q, is no place on the "+
				"detector", i, text),
				"PSFs were read without places")
			return
		}
		x, y = append(x, c), append(y, r)
	}
	s.x, s.y = x, y
}
