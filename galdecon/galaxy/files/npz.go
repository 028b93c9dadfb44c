package files

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/internal/npy"
)

// entry is an array in a NumPy archive.
type entry struct {
	*zip.File
	name  string
	shape []int
	kind  Kind
	err   error // why its header can't be read
}

func byName(a, b *zip.File) int { return cmp.Compare(a.Name, b.Name) }

// openNPZ returns the arrays of an archive, sorted by name.
func openNPZ(r io.Reader, size int64) ([]entry, error) {
	at, ok := r.(io.ReaderAt)
	if !ok {
		data, err := readWhole(r)
		if err != nil {
			return nil, err
		}
		at, size = bytes.NewReader(data), int64(len(data))
	}
	archive, err := zip.NewReader(at, size)
	if err != nil {
		return nil, fmt.Errorf("it isn't a NumPy archive, or truncated: %w", err)
	}
	var entries []entry
	for _, file := range slices.SortedFunc(slices.Values(archive.File), byName) {
		e := entry{File: file, name: strings.TrimSuffix(file.Name, ".npy")}
		var array *npy.Array
		if array, e.err = e.header(); e.err != nil {
			e.err = fmt.Errorf("its array %s: %w", file.Name, e.err)
		} else {
			e.shape = array.Shape
			if e.kind, _ = kindOfName(e.name); e.kind == "" {
				e.kind = KindImage
			}
			if array.Type == boolean && e.kind != KindWeight {
				e.kind = KindMask // but a boolean array named "good" has weights of 0 and 1
			}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (e *entry) header() (*npy.Array, error) {
	contents, err := e.Open()
	if err != nil {
		return nil, err
	}
	defer contents.Close()
	return npy.NewArray(contents)
}

// eachArray is eachStack of a NumPy archive: of the array that was chosen, or else of those that
// are images. An array of fewer than two axes, labels for example, is none, and is passed over.
func (c choice) eachArray(r io.Reader, size int64,
	yield func(within string, s stack) bool) error {
	entries, err := openNPZ(r, size)
	if err != nil {
		return err
	}
	images, _, damaged := sort(entries)
	var marks []entry
	for _, e := range entries {
		if e.err == nil && len(e.shape) > 1 && (e.kind == KindMask || e.kind.TellsNoise()) {
			marks = append(marks, e)
		}
	}
	if c.selector != nil {
		e, err := selectEntry(entries, c.selector)
		if err != nil {
			return err
		}
		images, damaged = []entry{e}, e.err
	}
	for _, e := range images {
		if e.err != nil {
			continue
		}
		more, err := e.yield(c.planes, marks, yield)
		if err != nil {
			damaged = cmp.Or(damaged, fmt.Errorf("its array %s: %w", e.Name, err))
		} else if !more {
			return damaged
		}
	}
	if damaged == nil && len(images) == 0 {
		return errors.New("there is no array of images in the archive" + named(entries))
	}
	return damaged
}

// sort returns the arrays that are images, those that are masks, and what is wrong with the first
// of others.
func sort(entries []entry) (images, masks []entry, damaged error) {
	var others []entry
	var table error
	for _, e := range entries {
		switch {
		case errors.Is(e.err, npy.ErrNoNumbers):
			table = cmp.Or(table, e.err) // a catalog beside images, or names
		case e.err != nil:
			damaged = cmp.Or(damaged, e.err)
		case len(e.shape) < 2:
		case e.kind == KindImage:
			images = append(images, e)
		case e.kind == KindMask:
			masks = append(masks, e)
		default:
			others = append(others, e)
		}
	}
	if len(images)+len(masks) == 0 && len(others) == 1 {
		return others, nil, damaged // there's nothing else that could be meant
	}
	if len(images)+len(masks)+len(others) == 0 {
		damaged = cmp.Or(damaged, table)
	}
	return images, masks, damaged
}

// named lists the arrays of an archive, for errors.
func named(entries []entry) string {
	var names []string
	for _, e := range entries {
		if len(e.shape) > 1 {
			names = append(names, fmt.Sprintf("%s (%s)", e.name, e.kind))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("; there are %s: write a name behind the file's, as in [NAME]",
		strings.Join(names, ", "))
}

// selectEntry returns the array that a selector names.
func selectEntry(entries []entry, s *fits.Selector) (entry, error) {
	names := []string{s.Name}
	if s.Name == "" {
		// numpy.savez names arrays without a name so.
		names = []string{strconv.Itoa(s.Number), "arr_" + strconv.Itoa(s.Number)}
	}
	for _, e := range entries {
		if slices.Contains(names, e.name) && s.Version == 0 && len(s.Plane) == 0 {
			return e, nil
		}
	}
	return entry{}, fmt.Errorf("there is no array %s in the archive%s", s, named(entries))
}

// yield yields the images of an array, with the bad pixels of masks, weights and errors of their
// size.
func (e entry) yield(planes Planes, beside []entry,
	yield func(within string, s stack) bool) (more bool, err error) {
	contents, err := e.Open()
	if err != nil {
		return false, err
	}
	defer contents.Close()
	images, err := openNPY(bufio.NewReader(contents), planes)
	switch {
	case images != nil && images.array.Type == boolean:
		return false, errBoolean
	case err != nil:
		return false, err
	}
	var marks []*Mask
	if e.kind == KindImage {
		for _, other := range beside {
			m, err := other.mask()
			switch {
			case err != nil && other.kind == KindMask:
				return false, err
			case err != nil || other.kind != KindMask && m.Count() == len(m.Bad):
				continue
			case m.Height == images.height && m.Width == images.width &&
				(m.N == 1 || m.N == images.n):
				marks = append(marks, m)
			}
		}
	}
	s := images.stack()
	s.read = func(first, n int) (*galaxy.Images, error) {
		im, err := images.read(n)
		if err != nil {
			return nil, err
		}
		area := im.Height * im.Width
		for _, m := range marks {
			bad := m.Bad
			if m.N > 1 {
				bad = bad[first*area : (first+n)*area]
			}
			if err := im.Mask(bad); err != nil {
				return nil, err
			}
		}
		return im, nil
	}
	return yield("/"+e.name, s), nil
}

// mask reads an array as a mask.
func (e entry) mask() (*Mask, error) {
	contents, err := e.Open()
	if err != nil {
		return nil, err
	}
	defer contents.Close()
	return decodeMask(bufio.NewReader(contents), e.kind)
}

// decodeMask reads a NumPy array, [h, w] or [n, h, w], of a kind as a mask.
func decodeMask(r *bufio.Reader, kind Kind) (*Mask, error) {
	s, err := openNPY(r, PlanesStack)
	if err != nil {
		return nil, err
	}
	if s.channels != 1 {
		return nil, fmt.Errorf("the array has the shape %v; a mask is [h, w] or [n, h, w]",
			s.array.Shape)
	}
	m := &Mask{N: s.n, Height: s.height, Width: s.width, Rule: anyValue}
	values, err := s.values()
	if err != nil {
		return nil, err
	}
	if kind.TellsNoise() {
		m.Bad, m.Rule = withoutData(kind, values)
		return m, nil
	}
	m.Bad, m.Rule = anyFlag(values)
	return m, nil
}

// loadArrayMask is [LoadMask] of a file of NumPy's.
func loadArrayMask(name string, selector *fits.Selector) (*Mask, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errDirectory
	}
	if formatOf(name) == numpyArray {
		if selector != nil {
			return nil, fmt.Errorf("a file of one array has none named %s", selector)
		}
		contents, err := unpacked(f)
		if err != nil {
			return nil, err
		}
		return decodeMask(contents, KindMask)
	}
	entries, err := openNPZ(f, info.Size())
	if err != nil {
		return nil, err
	}
	if selector != nil {
		e, err := selectEntry(entries, selector)
		if err := cmp.Or(err, e.err); err != nil {
			return nil, err
		}
		return e.mask()
	}
	images, masks, _ := sort(entries)
	if len(masks) == 0 && len(images) == 1 {
		masks = images
	}
	if len(masks) != 1 {
		return nil, errors.New("it can't be told which array is the mask" + named(entries))
	}
	return masks[0].mask()
}
