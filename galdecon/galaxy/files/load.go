package files

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files/fits"
)

// Load reads images from files and stacks them into one batch, [n, h, w, c], in the order of paths:
//
//   - .npy: integers or floats of any size and byte order, in C or Fortran order, [h, w], [n, h, w]
//     or [n, h, w, c];
//   - .npz: all arrays of two to four axes in it, sorted by name, but for those that are something
//     else by their name, such as "psf" or "weight". Booleans are a mask, see [LoadMask]: one of
//     the images' size marks their bad pixels, see [galaxy.Images.Mask];
//   - .fits, .fit, .fts, .fits.fz: an image [h, w], a cube [n, h, w] or [n, c, h, w], of any
//     BITPIX, with BSCALE and BZERO applied, also compressed by tiles. It is the HDU that is named
//     SCI (its EXTNAME), or else the first with an image that isn't weights, errors, a mask or a
//     preview, see [KindOf]. Masks and weights of 0 beside it mark bad pixels. [1, c, h, w] is a
//     cube of c gray images unless [SaveFITS] wrote it; rows stay in the order of the file, the
//     first of which most viewers show at the bottom;
//   - .png, .jpg, .jpeg, .tif, .tiff: of 8 or 16 bits, gray [h, w, 1] or color [h, w, 3], of one
//     page, with values between 0 and 1; what is transparent is composed onto black, as onto dark
//     sky. A file is gray if it stores gray values, or a palette of nothing else.
//
// FITS and .npy files may be packed by gzip or bzip2. A name may say which part of the file is
// meant: "a.fits[WHT]", "a.fits[SCI,2]", "a.fits[3]" and "a.fits[SCI][*,*,5]" as [fits.ParseName]
// understands them, and "a.npz[name]".
//
// IDs are file names without their ending, with the index added for stacks. Values are as in the
// file, but for those beyond the range of float32: these are scaled by a power of two, see
// [galaxy.Images.Scale], image by image. [galaxy.Images.Prepare] crops, averages and scales them.
//
// Pixels that a mask marks as bad are interpolated and stay marked, as [galaxy.Images.Fill] does. A
// file that is missing, truncated, empty, of another shape than the first, that has more than
// [galaxy.MaxBad] of them, or one that no mask covers (NaN, infinite, or BLANK of FITS) is an error
// that names it. [Read] lets bad pixels stand, for [galaxy.Images.Cutout] to fill; [dataset.Write]
// fills those of a [Folder], which is also for archives and more than fits memory.
func Load(paths ...string) (*galaxy.Images, error) {
	if len(paths) == 0 {
		return nil, errors.New(
			"files: Load needs at least one file; give .npy, .fits, .png or .jpg files")
	}
	var out *galaxy.Images
	for _, path := range paths {
		file, err := Read(path)
		if err != nil {
			return nil, err
		}
		im, err := filled(file.Images)
		if err != nil {
			return nil, fmt.Errorf("files: cannot load %s: %w. Read lets bad pixels stand, for "+
				"Images.Cutout to fill; dataset.Write fills those of a Folder", path, err)
		}
		if out == nil {
			out = im
			continue
		}
		if !galaxy.SameShape(im, out) {
			return nil, fmt.Errorf("files: %s has images of %d x %d pixels with %d channels, but "+
				"those of %s have %d x %d with %d; load them one by one and Prepare each to the "+
				"same size",
				path, im.Height, im.Width, im.Channels, paths[0], out.Height, out.Width,
				out.Channels)
		}
		join(out, im)
	}
	return out, nil
}

// filled returns images with a value in each pixel that a mask marks as bad; others must be finite.
func filled(im *galaxy.Images) (*galaxy.Images, error) {
	if im.Bad == nil {
		return im, im.CheckFinite()
	}
	good := im.Clone()
	for k := range good.Pixels {
		if im.Bad[k/im.Channels] {
			good.Pixels[k] = 0
		}
	}
	if err := good.CheckFinite(); err != nil {
		return nil, err
	}
	return im.Fill(galaxy.BadInterpolate, galaxy.MaxBad)
}

// File is the images of a file, and what is known about them.
type File struct {
	// Images may have bad pixels, NaN and infinite ones: see [galaxy.Images.MarkNoData].
	Images *galaxy.Images
	// Header is that of the HDU in which the images are, without what refers to other parts of the
	// file, see [fits.Header.DropLookups]. It's nil if the file isn't FITS.
	Header *fits.Header
	// Chosen says which part of the file was read, such as "[1] SCI (image 512 x 512)"; it's empty
	// for formats with one.
	Chosen string
	// Kind is what the values are, as far as names tell.
	Kind Kind
	// Notes say what a user should know, one sentence each: which other images the file has, which
	// pixels a mask marks, what was changed in the header or left out.
	Notes []string
}

// Read reads the images of one file as [Load] does, but lets bad pixels stand, as NaN where a FITS
// file marks them as BLANK. Of a FITS file it also returns the header.
func Read(path string) (*File, error) {
	f, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("files: cannot load %s: %w", path, err)
	}
	f.Images.IDs = stackIDs(path, f.Images.N)
	if scale := f.Images.Scale; scale != nil {
		f.note("values beyond the range of float32 are in units of %.4g, by Images.Scale",
			slices.MaxFunc(scale, func(a, b float64) int {
				return cmp.Compare(distance(a), distance(b))
			}))
	}
	return f, f.Images.CheckShape()
}

// distance returns how far a scale is from 1.
func distance(scale float64) float64 { return max(scale, 1/scale) }

func (f *File) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}

func read(path string) (*File, error) {
	c := choice{planes: PlanesStack}
	name, selector, chosen, err := fits.ParseName(path)
	if err != nil {
		return nil, err
	}
	if chosen {
		c.selector = &selector
	}
	if formatOf(name) == fitsFile {
		return c.readFITS(name)
	}
	if chosen && formatOf(name) != numpyArchive {
		return nil, fmt.Errorf("a file of this format has no parts to choose from with %s",
			selector)
	}
	out := &File{Kind: KindImage}
	out.Images, out.Chosen, err = c.readAll(name)
	if kind, _ := kindOfName(out.Chosen); chosen && kind != "" {
		out.Kind = kind
	}
	if err == nil && out.Images.Bad != nil {
		n := (&Mask{Bad: out.Images.Bad}).Count()
		out.note("%d of %d pixels are bad by a mask of the file", n, len(out.Images.Bad))
	}
	return out, err
}

// openFITS is [fits.Open], whose errors name the file, as ours do.
func openFITS(name string) (*fits.File, error) {
	f, err := fits.Open(name)
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	return f, err
}

func (c choice) readFITS(name string) (*File, error) {
	file, err := openFITS(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p, err := choosePlane(file, c.selector, c.planes)
	if err != nil {
		return nil, err
	}
	out := &File{Header: p.hdu.Header.Copy(), Chosen: p.hdu.String(), Kind: p.kind}
	if out.Images, err = readPlane(file, p); err != nil {
		return nil, err
	}
	out.Notes = slices.Concat(file.Notes, p.notes, out.Header.DropLookups())
	return out, nil
}

// readAll reads all images of a file, and returns the name of the array they are from, if that was
// chosen.
func (c choice) readAll(name string) (*galaxy.Images, string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, "", err
	}
	if info.IsDir() {
		return nil, "", errDirectory
	}
	var out *galaxy.Images
	var chosen []string
	var failed error
	err = c.eachStack(name, f, info.Size(), func(within string, s stack) bool {
		im, err := s.read(0, s.n)
		switch {
		case err != nil:
			failed = err
		case out == nil:
			out = im
		case !galaxy.SameShape(im, out):
			failed = fmt.Errorf("its array %s has images of %d x %d pixels with %d channels, but "+
				"the first has %d x %d with %d; write the name of one behind the file's, as in "+
				"%s[%s]",
				within, im.Height, im.Width, im.Channels, out.Height, out.Width, out.Channels,
				name, strings.TrimPrefix(within, "/"))
		default:
			join(out, im)
		}
		if within != "" {
			chosen = append(chosen, strings.TrimPrefix(within, "/"))
		}
		return failed == nil
	})
	if err := cmp.Or(failed, err); err != nil {
		return nil, "", err
	}
	return out, strings.Join(chosen, ", "), nil
}

// join appends to im more images of the same shape.
func join(im, more *galaxy.Images) {
	area := im.Height * im.Width
	if im.Bad != nil || more.Bad != nil {
		im.Bad = append(im.Bad, make([]bool, im.N*area-len(im.Bad))...)
		im.Bad = append(im.Bad, more.Bad...)
		im.Bad = append(im.Bad, make([]bool, (im.N+more.N)*area-len(im.Bad))...)
	}
	if im.Scale != nil || more.Scale != nil {
		ones := func(s []float64, n int) []float64 {
			return append(s, slices.Repeat([]float64{1}, n-len(s))...)
		}
		im.Scale = ones(append(ones(im.Scale, im.N), more.Scale...), im.N+more.N)
	}
	im.N += more.N
	im.Pixels = append(im.Pixels, more.Pixels...)
	im.IDs = append(im.IDs, more.IDs...)
}

// stackIDs names the n images of a file.
func stackIDs(path string, n int) []string {
	name, selector, chosen, _ := fits.ParseName(path)
	name = filepath.Base(name)
	name = strings.TrimSuffix(name, fileEnding(name))
	if chosen {
		name += selector.String()
	}
	if n == 1 {
		return []string{name}
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s[%d]", name, i)
	}
	return ids
}
