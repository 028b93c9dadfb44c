package files

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"galdecon/galdecon/galaxy"
)

// Load reads images from files and stacks them into one batch, [n, h, w, c], in the order of paths:
//
//   - .npy, .npy.gz: booleans, integers or floats of any size and byte order, [h, w], [n, h, w] or [n, h, w, c];
//   - .npz: all arrays of two to four axes in it, sorted by name;
//   - .fits, .fit, .fts, also with .gz: the first HDU with an image that is named SCI (its EXTNAME), or else the first with any, [h, w], a cube [n, h, w] or [n, c, h, w], of any BITPIX, with
//     BSCALE and BZERO applied; [1, c, h, w] is a cube of c grey images unless [SaveFITS] wrote it; rows stay in the order of the
//     file, the first of which most viewers show at the bottom;
//   - .png, .jpg, .jpeg, .tif, .tiff: of 8 or 16 bits, grey [h, w, 1] or colour [h, w, 3], of one page, with values between 0 and 1; what is
//     transparent is composed onto black, as onto dark sky. A file is grey if it stores grey values, or a palette of nothing else.
//
// IDs are file names without their ending, with the index added for stacks. Values are as in the file:
// [galaxy.Images.Prepare] crops, averages and scales them. A file that is missing, truncated, empty, of another shape than
// the first, or that has a bad pixel (NaN, infinite, or BLANK of FITS) is an error that names it. [LoadFITS] lets bad pixels stand, for
// [galaxy.Images.Cutout] to fill; [dataset.Write] fills those of a [Folder], which is also for archives and more than fits memory.
func Load(paths ...string) (*galaxy.Images, error) {
	if len(paths) == 0 {
		return nil, errors.New("files: Load needs at least one file; give .npy, .fits, .png or .jpg files")
	}
	var out *galaxy.Images
	for _, path := range paths {
		im, err := loadFile(path)
		if err != nil {
			return nil, fmt.Errorf("files: cannot load %s: %w", path, err)
		}
		im.IDs = stackIDs(path, im.N)
		if err := im.CheckShape(); err != nil {
			return nil, fmt.Errorf("files: cannot load %s: %w", path, err)
		}
		if err := im.CheckFinite(); err != nil {
			return nil, fmt.Errorf("files: cannot load %s: %w. LoadFITS lets bad pixels stand, for Images.Cutout to fill; dataset.Write fills those of a Folder", path, err)
		}
		if out == nil {
			out = im
			continue
		}
		if !galaxy.SameShape(im, out) {
			return nil, fmt.Errorf("files: %s has images of %d x %d pixels with %d channels, but those of %s have %d x %d with %d; load them one by one and Prepare each to the same size",
				path, im.Height, im.Width, im.Channels, paths[0], out.Height, out.Width, out.Channels)
		}
		join(out, im)
	}
	return out, nil
}

// join appends to im more images of the same shape.
func join(im, more *galaxy.Images) {
	im.N += more.N
	im.Pixels = append(im.Pixels, more.Pixels...)
	im.IDs = append(im.IDs, more.IDs...)
}

// stackIDs names the n images of a file.
func stackIDs(path string, n int) []string {
	name := filepath.Base(path)
	name = strings.TrimSuffix(name, fileEnding(name))
	if n == 1 {
		return []string{name}
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s[%d]", name, i)
	}
	return ids
}

// fileEnding is the part of the name that says what the file is: its last ending, with .gz the last two.
func fileEnding(name string) string {
	ext := filepath.Ext(name)
	if strings.EqualFold(ext, ".gz") {
		ext = filepath.Ext(strings.TrimSuffix(name, ext)) + ext
	}
	return ext
}

// format is what the ending of a file's name says that it is.
type format int

const (
	unknown format = iota
	numpyArray
	numpyArchive
	fitsFile
	packedFITS
	picture
)

// formatOf returns the format of a file, and whether it is compressed by gzip.
func formatOf(name string) (f format, zipped bool) {
	ending, zipped := strings.CutSuffix(strings.ToLower(fileEnding(name)), ".gz")
	switch ending {
	case ".npy":
		return numpyArray, zipped
	case ".fits", ".fit", ".fts":
		return fitsFile, zipped
	}
	if zipped {
		return unknown, zipped
	}
	switch ending {
	case ".npz":
		return numpyArchive, false
	case ".fz":
		return packedFITS, false
	case ".png", ".jpg", ".jpeg", ".tif", ".tiff":
		return picture, false
	}
	return unknown, false
}

var errEmptyFile = errors.New("the file is empty; fetch or write it again")

func loadFile(path string) (*galaxy.Images, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory; give the files in it, or see Folder")
	}
	var out *galaxy.Images
	var failed error
	err = eachStack(path, f, info.Size(), PlanesStack, func(within string, s stack) bool {
		im, err := s.read(0, s.n)
		switch {
		case err != nil:
			failed = err
		case out == nil:
			out = im
		case !galaxy.SameShape(im, out):
			failed = fmt.Errorf("its array %s has images of %d x %d pixels with %d channels, but the first has %d x %d with %d; save them in files of their own",
				within, im.Height, im.Width, im.Channels, out.Height, out.Width, out.Channels)
		default:
			join(out, im)
		}
		return failed == nil
	})
	if err := cmp.Or(failed, err); err != nil {
		return nil, err
	}
	return out, nil
}

// maxWhole is the largest file, of those that are decoded from memory.
const maxWhole = 1 << 31

func readWhole(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxWhole+1))
	if err == nil && len(data) > maxWhole {
		err = fmt.Errorf("the file has more than %d bytes; cut out the galaxies first", maxWhole)
	}
	return data, err
}

// stack is images of one shape, in a file.
type stack struct {
	n int
	// read returns n images from the first on.
	read func(first, n int) (*galaxy.Images, error)
	// inOrder: they must be read one after another, and before the file is closed.
	inOrder bool
}

// eachStack calls yield for the stack of images in a file of the given name and size, or for each of those in a NumPy archive with its
// name within. It ends where yield returns false.
func eachStack(name string, r io.Reader, size int64, planes Planes, yield func(within string, s stack) bool) error {
	kind, zipped := formatOf(name)
	if size == 0 {
		return errEmptyFile
	}
	if kind == unknown {
		return fmt.Errorf("the ending %q is not one of .npy, .npy.gz, .npz, .fits, .fits.gz, .png, .jpg, .tif; convert it to one of them", strings.ToLower(fileEnding(name)))
	}
	if kind == packedFITS {
		return errors.New("the image is compressed; uncompress it, for example with funpack")
	}
	if kind == numpyArchive {
		return eachArray(r, size, planes, yield)
	}
	buffered := bufio.NewReader(r)
	if zipped {
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return fmt.Errorf("it cannot be decompressed: %w", err)
		}
		buffered = bufio.NewReader(z)
	}
	if kind == numpyArray {
		_, err := eachImage("", buffered, size, planes, yield)
		return err
	}
	data, err := readWhole(buffered)
	if err != nil {
		return err
	}
	if kind == picture {
		yield("", stack{n: 1, read: func(int, int) (*galaxy.Images, error) { return decodePicture(data) }})
		return nil
	}
	found, err := findFITSImage(data, planes)
	if err != nil {
		return err
	}
	all := sync.OnceValues(found.read) // when the first of them are asked for
	yield("", stack{n: found.n, read: func(first, n int) (*galaxy.Images, error) {
		im, err := all()
		if err != nil || n == im.N {
			return im, err
		}
		k := im.Height * im.Width * im.Channels
		return &galaxy.Images{N: n, Height: im.Height, Width: im.Width, Channels: im.Channels, Pixels: im.Pixels[first*k : (first+n)*k]}, nil
	}})
	return nil
}

// eachImage is eachStack of one NumPy array, whose name is within; more is what yield returned. An array of fewer than two axes within an archive,
// labels for example, is no image and is passed over.
func eachImage(within string, r *bufio.Reader, size int64, planes Planes, yield func(within string, s stack) bool) (more bool, err error) {
	images, err := openNPY(r, size, planes)
	if images != nil && within != "" && len(images.array.Shape) < 2 {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return yield(within, stack{n: images.n, inOrder: true, read: func(_, n int) (*galaxy.Images, error) { return images.read(n) }}), nil
}

// eachArray is eachStack of a NumPy archive.
func eachArray(r io.Reader, size int64, planes Planes, yield func(within string, s stack) bool) error {
	at, ok := r.(io.ReaderAt)
	if !ok {
		data, err := readWhole(r)
		if err != nil {
			return err
		}
		at, size = bytes.NewReader(data), int64(len(data))
	}
	archive, err := zip.NewReader(at, size)
	if err != nil {
		return fmt.Errorf("it isn't a NumPy archive, or truncated: %w", err)
	}
	found := false
	var damaged error
	for _, entry := range slices.SortedFunc(slices.Values(archive.File), byName) {
		more, err := func() (bool, error) {
			contents, err := entry.Open()
			if err != nil {
				return false, err
			}
			defer contents.Close()
			return eachImage("/"+strings.TrimSuffix(entry.Name, ".npy"), bufio.NewReader(contents), size, planes, func(within string, s stack) bool {
				found = true
				return yield(within, s)
			})
		}()
		if err != nil {
			damaged = errors.Join(damaged, fmt.Errorf("its array %s: %w", entry.Name, err))
		} else if !more {
			return damaged
		}
	}
	if damaged == nil && !found {
		return errors.New("there is no array of images in the archive")
	}
	return damaged
}

func byName(a, b *zip.File) int { return cmp.Compare(a.Name, b.Name) }
