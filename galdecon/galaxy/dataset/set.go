package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/edsrzf/mmap-go"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/npy"
)

const (
	formatName    = "galdecon set of galaxies"
	formatVersion = 1
)

// manifest is the file set.json: what the set is, and the names of its other files.
type manifest struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Source  string `json:"source"`
	Config  Config `json:"config"`
	Summary
	Shape     [4]int   `json:"shape"`
	Images    string   `json:"images"`
	Index     string   `json:"index"`
	IndexHash string   `json:"index_sha256"`
	List      string   `json:"rejected_list"`
	Origins   []origin `json:"origins"`
}

// origin is whom to cite for an image, and what may be done with it.
type origin struct {
	Origin  string `json:"origin"`
	License string `json:"licence"`
}

// indexFields are the columns of the index, whose lines are in the order of the images.
var indexFields = []string{"id", "object", "part", "scale", "zoom", "origin", "sha256"}

var rejectedFields = []string{"id", "reason", "detail"}

// Set is a prepared set of galaxies that [Write] has stored in a folder:
//
//   - set.json: the format's version, source, configuration, counts, whom to cite, and the names of
//     the other files;
//   - images-*.npy: a NumPy array of float32, [n, h, w, c], the images to train on first, then
//     those for the validation, then the test;
//   - index-*.csv: for each image its ID, object, part, scale, zoom (pixels of the stamp along a
//     side of one of the image), the number of its origin in set.json, and the SHA-256 of its
//     pixels;
//   - rejected-*.csv: ID, reason and detail of each stamp that was left out.
//
// The images aren't read but mapped into memory: opening a set takes milliseconds whatever its
// size.
type Set struct {
	// Summary counts what is in the set.
	Summary
	// Source describes where the galaxies came from, and Config how they were prepared.
	Source string
	Config Config

	dir     string
	m       manifest
	file    *os.File
	mapped  mmap.MMap
	images  *galaxy.Images
	hashes  []string
	zooms   []float64
	origins []int
}

// Open opens the set in the folder dir. What is damaged is an error, but pixels are only looked at
// by [Set.Verify]. Close it after use.
func Open(dir string) (*Set, error) {
	s := &Set{dir: dir}
	if err := s.open(); err != nil {
		s.Close()
		return nil, fmt.Errorf("dataset: cannot open the set in %s: %w", dir, err)
	}
	return s, nil
}

func (s *Set) open() error {
	text, err := os.ReadFile(filepath.Join(s.dir, manifestFile))
	if err != nil {
		return fmt.Errorf("%w; prepare one there with Write", err)
	}
	if err := json.Unmarshal(text, &s.m); err != nil {
		return fmt.Errorf("%s is damaged: %w", manifestFile, err)
	}
	if s.m.Format != formatName || s.m.Version != formatVersion {
		return fmt.Errorf("%s is of the format %q in version %d, not %q in version %d; prepare "+
			"the set anew", manifestFile, s.m.Format, s.m.Version, formatName, formatVersion)
	}
	shape, size := s.m.Shape, 4.0
	for _, d := range shape {
		if size *= float64(d); d < 1 || d > 1<<30 || size > math.MaxInt/2 {
			return fmt.Errorf("%s is damaged: the images would have the shape %v", manifestFile,
				shape)
		}
	}
	if min(s.m.Parts[Training], s.m.Parts[Validation], s.m.Parts[Testing]) < 0 ||
		s.m.Parts[Training]+s.m.Parts[Validation]+s.m.Parts[Testing] != shape[0] {
		return fmt.Errorf("%s is damaged: its parts %v don't make %d images", manifestFile,
			s.m.Parts, shape[0])
	}
	s.Summary, s.Source, s.Config = s.m.Summary, s.m.Source, s.m.Config
	if err := s.readIndex(); err != nil {
		return err
	}
	// It stays open for Verify: a new set may replace it meanwhile.
	if s.file, err = os.Open(filepath.Join(s.dir, filepath.Base(s.m.Images))); err != nil {
		return err
	}
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	count := shape[0] * shape[1] * shape[2] * shape[3]
	if want := pixelsAt + 4*int64(count); info.Size() != want {
		return fmt.Errorf("%s has %d bytes, not %d: it is truncated or damaged; prepare the set "+
			"anew", s.m.Images, info.Size(), want)
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return errors.New("the images are little-endian, which this processor isn't: they can't " +
			"be mapped")
	}
	if s.mapped, err = mmap.Map(s.file, mmap.COPY, 0); err != nil {
		return fmt.Errorf("%s cannot be mapped into memory: %w", s.m.Images, err)
	}
	if !bytes.Equal(s.mapped[:pixelsAt], npy.Header(shape[:]...)) {
		return fmt.Errorf("%s is damaged: its header isn't that of an array of shape %v; prepare "+
			"the set anew", s.m.Images, shape)
	}
	s.images.Pixels = unsafe.Slice((*float32)(unsafe.Pointer(&s.mapped[pixelsAt])), count)
	return nil
}

func (s *Set) readIndex() error {
	damaged := func(err error) error {
		return fmt.Errorf("%s is damaged (%w); prepare the set anew", s.m.Index, err)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, filepath.Base(s.m.Index)))
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != s.m.IndexHash {
		return damaged(errors.New("its hash is another"))
	}
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return damaged(err)
	}
	if len(lines) == 0 || !slices.Equal(lines[0], indexFields) || len(lines)-1 != s.m.Shape[0] {
		return damaged(fmt.Errorf("it should have the columns %v and %d lines", indexFields,
			s.m.Shape[0]))
	}
	lines = lines[1:]
	n := len(lines)
	s.images = &galaxy.Images{N: n, Height: s.m.Shape[1], Width: s.m.Shape[2],
		Channels: s.m.Shape[3],
		IDs:      make([]string, n), Objects: make([]string, n), Scale: make([]float64, n)}
	s.hashes, s.zooms, s.origins = make([]string, n), make([]float64, n), make([]int, n)
	for i, f := range lines {
		s.images.IDs[i], s.images.Objects[i], s.hashes[i] = f[0], f[1], f[6]
		var errs [3]error
		s.images.Scale[i], errs[0] = strconv.ParseFloat(f[3], 64)
		s.zooms[i], errs[1] = strconv.ParseFloat(f[4], 64)
		s.origins[i], errs[2] = strconv.Atoi(f[5])
		if err := errors.Join(errs[:]...); err != nil {
			return damaged(err)
		}
		if s.origins[i] < 0 || s.origins[i] >= len(s.m.Origins) {
			return damaged(fmt.Errorf("%s has the origin %d of %d", f[0], s.origins[i],
				len(s.m.Origins)))
		}
	}
	return nil
}

// usable returns an error if the images of the set aren't mapped.
func (s *Set) usable() error {
	switch {
	case s == nil:
		return errors.New("dataset: there is no set; did Open fail?")
	case s.mapped == nil:
		return fmt.Errorf("dataset: the set in %q is closed; open it again", s.dir)
	}
	return nil
}

// Images returns all images, [n, h, w, c], with their IDs, objects and scales. Their pixels are the
// mapped file. What is written to them, by Subtract or Divide, say, is seen in all images of the
// set that is open, but never reaches the file. Their use after [Set.Close] ends the program;
// Select or Split copy them.
func (s *Set) Images() *galaxy.Images { return s.images }

// Subset returns the images of a part, which are mapped like those of [Set.Images]. It's an error
// if there are none.
func (s *Set) Subset(part Subset) (*galaxy.Images, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	at := slices.Index(subsets, part)
	if at < 0 || s.Parts[part] == 0 {
		return nil, fmt.Errorf("dataset: the set in %s has no %s galaxies, only %v; prepare it "+
			"with a Split that leaves some to it", s.dir, part, s.Parts)
	}
	first := 0
	for _, before := range subsets[:at] {
		first += s.Parts[before]
	}
	end := first + s.Parts[part]
	all := s.images
	k := all.Height * all.Width * all.Channels
	return &galaxy.Images{N: end - first, Height: all.Height, Width: all.Width,
		Channels: all.Channels, Pixels: all.Pixels[first*k : end*k : end*k],
		IDs: all.IDs[first:end:end], Objects: all.Objects[first:end:end],
		Scale: all.Scale[first:end:end]}, nil
}

// Origin returns whom to cite for image i of [Set.Images], and what may be done with it. Like a
// slice it panics where i is not within [0, N).
func (s *Set) Origin(i int) (origin, license string) {
	o := s.m.Origins[s.origins[i]]
	return o.Origin, o.License
}

// Zoom returns how many pixels of the stamp lie along a side of one of image i. Pixels are means
// over area: the flux of a region, in units of the source, is the sum of its pixels times Scale
// times the square of Zoom. Like a slice it panics where i is not within [0, N).
func (s *Set) Zoom(i int) float64 { return s.zooms[i] }

// Identity returns a hash of all that determines the images and their parts: it is another where
// any pixel, ID, scale or part is.
func (s *Set) Identity() string { return s.m.IndexHash }

// Rejection is a stamp that isn't in the set.
type Rejection struct {
	ID string
	// Reason is one of [Unreadable], [TooSmall] and so on, and Detail says more.
	Reason, Detail string
}

// Rejected returns the stamps that were left out, in the order of the source.
func (s *Set) Rejected() ([]Rejection, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	failed := func(err error) error {
		return fmt.Errorf("dataset: cannot read which stamps the set in %s left out: %w", s.dir,
			err)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, filepath.Base(s.m.List)))
	if err != nil {
		return nil, failed(err)
	}
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, failed(err)
	}
	if len(lines) == 0 || !slices.Equal(lines[0], rejectedFields) {
		return nil, failed(fmt.Errorf("%s has no columns %v", s.m.List, rejectedFields))
	}
	var all []Rejection
	for _, f := range lines[1:] {
		all = append(all, Rejection{f[0], f[1], f[2]})
	}
	return all, nil
}

// Verify reads all pixels from the file and compares them with their hashes. It returns an error if
// images have changed there since they were written.
func (s *Set) Verify(ctx context.Context) error {
	if err := s.usable(); err != nil {
		return err
	}
	image := make([]byte, 4*len(s.images.At(0)))
	var wrong []string
	for i := range s.images.N {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("dataset: the verification of %s was interrupted: %w", s.dir, err)
		}
		if _, err := s.file.ReadAt(image, pixelsAt+int64(i)*int64(len(image))); err != nil {
			return fmt.Errorf("dataset: cannot read the images of the set in %s: %w", s.dir, err)
		}
		if sum := sha256.Sum256(image); hex.EncodeToString(sum[:]) != s.hashes[i] {
			wrong = append(wrong, s.images.IDs[i])
		}
	}
	if len(wrong) > 0 {
		some := wrong[:min(len(wrong), 3)]
		return fmt.Errorf("dataset: the set in %s is damaged: the pixels of %d images, %s first, "+
			"have changed; prepare it anew", s.dir, len(wrong), strings.Join(some, ", "))
	}
	return nil
}

// Close ends the mapping. The images of the set must not be used any more.
func (s *Set) Close() error {
	if s == nil || s.file == nil {
		return nil
	}
	var err error
	if s.mapped != nil {
		s.images.Pixels = nil
		err = s.mapped.Unmap()
	}
	err = errors.Join(err, s.file.Close())
	s.file = nil
	if err != nil {
		return fmt.Errorf("dataset: cannot close the set in %s: %w", s.dir, err)
	}
	return nil
}
