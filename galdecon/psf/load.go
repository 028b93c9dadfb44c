package psf

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
)

// File is the PSFs of a file, on the pixels of the detector.
type File struct {
	// PSFs are on square grids of odd size, whose middle is the center of those in the file.
	PSFs []PSF
	// Samples are the PSFs as they are in the file, before they were brought to pixels; nil unless
	// Oversampling is above 1.
	Samples []PSF
	// Oversampling is how many samples the file has along the side of a pixel, at least 1.
	Oversampling int
	// PixelScale is the width of a pixel, not of a sample, in arcseconds; 0 if the file doesn't
	// say.
	PixelScale float64
	// Field has the PSF at a place on the detector: the same everywhere if the file has one. It's
	// nil if the file has several without their places, or those of several detectors.
	Field Field
	// Detectors are those that the PSFs are of, if they are more than one.
	Detectors []Detector
	// Notes say what was done, and what [PSF.Inspect] finds in the PSFs, in the order of the file.
	Notes []*Problem
}

// Load returns the PSFs of a file on the pixels of the detector, see [Read].
func Load(path string) ([]PSF, error) {
	f, err := Read(path)
	if err != nil {
		return nil, err
	}
	return f.PSFs, nil
}

// Read reads PSFs from a file of the formats that [files.Load] knows, such as FITS and NPY: an
// image [h, w] or a stack [n, h, w]. Each is scaled to sum 1. Its center is taken to be the pixel
// (h/2, w/2); if the light is elsewhere, as in even grids with the source amid four pixels, see
// [PSF.Recenter]. Rectangular and even grids are filled with zeros around it to odd squares.
//
// A file of PSFEx has a model of a PSF that changes over the image ([PSFEx]), one of STPSF's or
// STDPSF's grids PSFs at places ([Grid]): [File.Field] has the PSF at a place. Of PSFEx's model
// PSFs has the one amid the stars.
//
// In FITS, path[NAME], path[3] and so on choose the HDU as [fits.ParseName] says. Else it is, of
// several, DET_DIST, DET_SAMP, OVERDIST or OVERSAMP, the first that is there of these names of
// STPSF and POPPY, or PSF, or SCI, or the first image that isn't weights, errors or a mask. Of a
// NumPy archive it is the array that the name chooses, or psf, or psfs. The
// cards OVERSAMP, or OVERSMPL and the like, and DET_SAMP are the oversampling, as there. The center
// of oversampled PSFs is the middle of their grid, for an even one amid four samples, unless the
// light says that it is (k/2, k/2). PSFs with places, and others whose sum is nearer to the square
// of the oversampling than to 1, are effective ones, as photutils has them (Anderson & King 2000,
// PASP 112, 1360): the pixel is included, each sample is the light of a whole pixel, and they are
// taken at the pixels' centers. Others, as optics have them, lack the pixel: samples are parts of
// the light, and are summed.
//
// Pixels without data, NaN, infinite, or far below 0 as −9999 is, are dark where the light around
// them is below 1 % of the peak, as in corners. Elsewhere they are a [Problem], and so is an image
// that is no PSF (see [New]).
func Read(path string) (*File, error) {
	name, selector, chosen, err := fits.ParseName(path)
	if err != nil {
		return nil, fmt.Errorf("psf: no PSF can be read: %w", err)
	}
	if isFITS(name) {
		return readFITS(name, selector, chosen)
	}
	if !chosen {
		path = namedPSF(path)
	}
	s, err := readImages(path)
	if err != nil {
		return nil, err
	}
	return s.file()
}

// namedPSF returns the array of a NumPy archive that is a PSF by its name, or else the archive.
func namedPSF(path string) string {
	if strings.EqualFold(filepath.Ext(path), ".npz") {
		for _, name := range []string{"psf", "psfs", "PSF"} {
			part := path + "[" + name + "]"
			if _, err := files.Read(part); err == nil {
				return part
			}
		}
	}
	return path
}

// stamps are PSFs as they stand in a file.
type stamps struct {
	source        string
	height, width int
	planes        [][]float64 // [height, width] each
	oversampling  int
	light         light
	scale         float64 // of a sample in arcseconds, or 0
	groups        []group // of PSFs whose places are known
	notes         []*Problem
}

// light is what a sample is.
type light int

const (
	unknown   light = iota
	ofSamples       // the light that falls on it
	ofPixels        // that on a whole pixel around it
)

func readImages(path string) (*stamps, error) {
	file, err := files.Read(path)
	if err != nil {
		return nil, fmt.Errorf("psf: no PSF can be read: %w", err)
	}
	images := file.Images
	if images.Channels != 1 {
		return nil, fmt.Errorf("psf: the PSF in %s has %d channels; give one of them, or their "+
			"mean, as a gray image [k, k]",
			path, images.Channels)
	}
	s := &stamps{source: filepath.Base(path), oversampling: 1,
		height: images.Height, width: images.Width}
	for i := range images.N {
		plane := make([]float64, images.Height*images.Width)
		bad := images.BadAt(i)
		for k, v := range images.At(i) {
			plane[k] = float64(v)
			if bad != nil && bad[k] {
				plane[k] = math.NaN()
			}
		}
		s.planes = append(s.planes, plane)
	}
	return s, nil
}

// note adds a note on all PSFs.
func (s *stamps) note(kind Kind, value float64, what, done string) {
	n := everywhere(kind, value, 0, what, done)
	n.Source = s.source
	s.notes = append(s.notes, n)
}

// of names PSF i.
func (s *stamps) of(i int) string {
	if len(s.planes) == 1 {
		return s.source
	}
	return fmt.Sprintf("%s, PSF %d", s.source, i)
}

func (s *stamps) file() (*File, error) {
	f := &File{Oversampling: s.oversampling, PixelScale: s.scale * float64(s.oversampling)}
	if s.isPadded() {
		s.notePadding()
	}
	var samples []PSF
	var fluxes []float64
	for i, plane := range s.planes {
		sampled, flux, err := s.sampled(i, plane)
		if err != nil {
			return nil, named(err, s.of(i))
		}
		pixels, err := s.onPixels(i, sampled, flux)
		if err != nil {
			return nil, named(err, s.of(i))
		}
		f.PSFs, samples, fluxes = append(f.PSFs, pixels), append(samples, sampled),
			append(fluxes, flux)
	}
	all := f.PSFs
	if s.oversampling > 1 {
		f.Samples, all = samples, samples
	}
	for _, g := range s.groups {
		grid := &Grid{Places: g.places, Oversampling: s.oversampling}
		for _, i := range g.planes {
			grid.PSFs, grid.Fluxes = append(grid.PSFs, all[i]), append(grid.Fluxes, fluxes[i])
		}
		f.Detectors = append(f.Detectors, Detector{g.detector, grid})
	}
	if s.groups != nil {
		s.note(Planes, float64(len(f.PSFs)), fmt.Sprintf("the file has the PSFs of %d places on "+
			"%d detector(s)", len(f.PSFs), len(s.groups)), "Field.At has that of a place")
	}
	if s.groups == nil && len(f.PSFs) == 1 {
		f.Field = &Grid{Places: []Position{{}}, PSFs: f.PSFs}
	}
	f.setField()
	for i, psf := range f.PSFs {
		for _, problem := range psf.Inspect() {
			problem.Source = s.of(i)
			s.notes = append(s.notes, problem)
		}
	}
	f.Notes = s.notes
	return f, nil
}

// setField takes the field of the only detector as the file's.
func (f *File) setField() {
	if len(f.Detectors) == 1 {
		f.Field, f.Detectors = f.Detectors[0].Field, nil
	}
}

// named says which PSF a problem is about, unless it does already.
func named(err error, source string) error {
	if p, ok := err.(*Problem); ok && p.Source == "" {
		p.Source = source
	}
	return err
}

// isPadded reports whether even grids are taken to be centered on a pixel, and filled up.
func (s *stamps) isPadded() bool { return s.oversampling == 1 && s.groups == nil }

// notePadding says what becomes of grids that aren't odd squares.
func (s *stamps) notePadding() {
	size := max(s.height, s.width) | 1
	done := fmt.Sprintf("filled with zeros to %d×%d around pixel (%d, "+
		"%d)", size, size, s.height/2, s.width/2)
	switch {
	case s.height != s.width:
		s.note(Rectangular, float64(s.height)/float64(s.width),
			fmt.Sprintf("the grid has %d rows and %d columns", s.height, s.width), done)
	case s.height%2 == 0:
		s.note(EvenGrid, float64(s.height),
			fmt.Sprintf("the grid has %d×%d pixels, none in the middle", s.height, s.width), done)
	}
}

// sampled returns PSF i as it is sampled, and the sum that it has in the file.
func (s *stamps) sampled(i int, plane []float64) (p PSF, flux float64, err error) {
	if err := s.fillDark(i, plane); err != nil {
		return PSF{}, 0, err
	}
	// An even grid of samples stays one: its middle is amid four of them.
	size := max(s.height, s.width)
	if s.isPadded() || (s.height-s.width)%2 != 0 {
		size |= 1
	}
	if err := validSize(size); err != nil {
		return PSF{}, 0, err
	}
	for _, v := range plane {
		flux += v
	}
	p, err = normalized(size, placed(plane, s.height, s.width, size))
	return p, flux, err
}

// onPixels brings PSF i from samples, of a sum in the file, to pixels.
func (s *stamps) onPixels(i int, p PSF, sum float64) (PSF, error) {
	n := s.oversampling
	if s.isPadded() {
		for n := 2.0; n <= 5 && i == 0; n++ {
			if math.Abs(sum/(n*n)-1) < 0.02 {
				s.note(Oversampled, sum, fmt.Sprintf("the weights sum to %.4g, as those of PSFs "+
					"with %g samples along a pixel do, but no card OVERSAMP says so", sum, n),
					"taken as pixels")
			}
		}
		return p, nil
	}
	at := p.middle()
	if at != 0 && s.groups == nil {
		const near = 0.2
		row, col, err := p.centroid()
		if err == nil && math.Abs(row) < near && math.Abs(col) < near {
			at = 0
		}
	}
	var done string
	var err error
	if s.light == ofPixels || s.light == unknown && sum > float64(n) {
		p, err = p.onSpline(n, at)
		done = fmt.Sprintf("taken at the pixels' centers, every %d samples", n)
	} else {
		// Samples beside the center.
		beside := max(float64(p.Size/2)+at, float64(p.Size-1-p.Size/2)-at)
		beside = math.Ceil((beside+0.5)/float64(n) - 0.5 - 1e-9)
		p, err = p.rebin(2*max(0, int(beside))+1, n, at)
		done = fmt.Sprintf("summed over %d×%d samples", n, n)
	}
	if i == 0 && n > 1 {
		s.note(Oversampled, float64(n),
			fmt.Sprintf("%d samples to a pixel, which sum to %.4g", n, sum), done)
	}
	return p, err
}

// fillDark sets pixels without data to 0 where it is dark around them.
func (s *stamps) fillDark(i int, plane []float64) error {
	const limit, reach = 0.01, 2
	peak := 0.0
	for _, v := range plane {
		if isFinite(v) {
			peak = max(peak, v)
		}
	}
	// A few pixels so far below 0 stand for none; many are too much sky that was subtracted.
	below := 0
	isNone := func(v float64) bool { return v < -peak/4 }
	for _, v := range plane {
		if isNone(v) {
			below++
		}
	}
	var places []int
	for k, v := range plane {
		if !isFinite(v) || isNone(v) && 4*below < len(plane) {
			places = append(places, k)
		}
	}
	if len(places) == 0 || peak == 0 {
		return nil // of nothing else normalized says enough
	}
	filled := slices.Clone(plane)
	for _, k := range places {
		row, col := k/s.width, k%s.width
		around := 0.0
		for r := max(row-reach, 0); r <= min(row+reach, s.height-1); r++ {
			for c := max(col-reach, 0); c <= min(col+reach, s.width-1); c++ {
				if v := plane[r*s.width+c]; isFinite(v) && !isNone(v) {
					around = max(around, v/peak)
				}
			}
		}
		if around > limit {
			return &Problem{Kind: NoData, Row: row, Col: col, Value: around, Limit: limit,
				What: fmt.Sprintf("the pixel at row %d, column %d is %g, where the light is %.2g "+
					"of the peak, at most %g is dark",
					row, col, plane[k], around, limit),
				Hint: "replace it by what is around it, or on the other side"}
		}
		filled[k] = 0
	}
	copy(plane, filled)
	first := places[0]
	s.notes = append(s.notes, &Problem{Kind: NoData, Source: s.of(i),
		Row: first / s.width, Col: first % s.width, Value: float64(len(places)),
		What: fmt.Sprintf("%d pixels have no data, where it is dark", len(places)),
		Hint: "set to 0"})
	return nil
}

// isFITS reports whether the name of a file says that it is FITS.
func isFITS(name string) bool {
	name = strings.ToLower(name)
	for _, packed := range []string{".gz", ".bz2", ".fz"} {
		name = strings.TrimSuffix(name, packed)
	}
	return slices.Contains([]string{".fits", ".fit", ".fts", ".psf"}, filepath.Ext(name))
}
