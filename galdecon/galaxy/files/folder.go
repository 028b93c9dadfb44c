package files

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files/fits"
)

// Folder is a [galaxy.Source] of the images in a folder and those below it, sorted by path, and in
// archives there: .tar, .tar.gz, .tgz in the order of the archive, .zip sorted by name. It reads
// the formats of [Load], and passes over files of others and hidden ones. A file that cannot be
// read gives a stamp whose Read says why. Links to files are followed, those to folders only if
// Path itself is one.
//
// The ID of a stamp is the path of its file from the folder on, with the index in a stack:
// "cosmos/17.fits", "stack.npy[3]", "all.npz/images[3]", "survey.tar/cosmos/17.fits". Memory holds
// one image of a NumPy array at a time; files of other formats are held whole.
type Folder struct {
	// Path is that of the folder, of a single archive, or of a single file. What may follow the
	// name of a file for [Load] may follow it too, and counts for all files: "stamps[SCI,2]".
	Path string
	// Objects is a regular expression: what its first group (or, without a group, the whole of it)
	// matches in an ID is the [galaxy.Stamp.Object]. `^(.*)_angle\d+` lets "m51_angle0.png" and
	// "m51_angle1.png" be of the object "m51". Where it's empty or doesn't match, each image is of
	// another object.
	Objects string `json:",omitempty"`
	// Planes says what the third axis of an array or a FITS cube is.
	Planes Planes `json:",omitempty"`
	// Origin is what to cite for the images, and License what may be done with them.
	Origin  string `json:",omitempty"`
	License string `json:"Licence,omitempty"` // as stored sets have it
}

// Describe names the folder with its options.
func (f Folder) Describe() string {
	if absolute, err := filepath.Abs(f.Path); err == nil {
		f.Path = absolute
	}
	text, _ := json.Marshal(f) // strings can always be encoded
	return "folder " + string(text)
}

// Galaxies yields the images in the folder. It is an error if there is no file of a known format.
func (f Folder) Galaxies(ctx context.Context) iter.Seq2[galaxy.Stamp, error] {
	return func(yield func(galaxy.Stamp, error) bool) {
		objects, err := regexp.Compile(f.Objects)
		if err != nil {
			yield(galaxy.Stamp{},
				fmt.Errorf("files: the objects' regular expression is wrong: %w", err))
			return
		}
		if err := f.Planes.validate(); err != nil {
			yield(galaxy.Stamp{}, err)
			return
		}
		c := choice{planes: f.Planes}
		name, selector, chosen, err := fits.ParseName(f.Path)
		if err != nil {
			yield(galaxy.Stamp{}, fmt.Errorf("files: cannot list %s: %w", f.Path, err))
			return
		}
		if f.Path = name; chosen {
			c.selector = &selector
		}
		paths, err := f.list(ctx)
		if err != nil {
			yield(galaxy.Stamp{}, err)
			return
		}
		w := &walk{ctx: ctx, folder: f, objects: objects, yield: yield, files: len(paths),
			choice: c}
		for _, name := range paths {
			if !w.file(name) {
				return
			}
			w.passed++
		}
	}
}

// list returns the paths of all files that may be read, relative to the folder, or "." where Path
// is a file.
func (f Folder) list(ctx context.Context) ([]string, error) {
	root, err := filepath.EvalSymlinks(f.Path) // data often lie behind a link
	if err != nil {
		return nil, fmt.Errorf("files: cannot list %s: %w", f.Path, err)
	}
	var paths []string
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if relative != "." && hidden(relative) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.IsDir() && (formatOf(name) != unknown || isArchive(name)) {
			paths = append(paths, relative)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("files: cannot list %s: %w", f.Path, err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("files: there is no image in %s; give files or archives (.tar, "+
			".tar.gz, .zip) of .png, .jpg, .tif, .fits, .npy or .npz", f.Path)
	}
	return paths, nil
}

// hidden tells files such as .DS_Store, and the ._name that macOS puts into archives.
func hidden(name string) bool {
	return strings.HasPrefix(path.Base(filepath.ToSlash(name)), ".")
}

func isArchive(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{".tar", ".tar.gz", ".tgz", ".zip"},
		func(ending string) bool { return strings.HasSuffix(name, ending) })
}

// walk is one pass through a folder.
type walk struct {
	ctx     context.Context
	folder  Folder
	choice  choice
	objects *regexp.Regexp
	yield   func(galaxy.Stamp, error) bool
	// Of files so many are passed, and a part of the one that's being read.
	passed, files int
	current       *meter
	done          float64
}

// meter tells how far a file has been read.
type meter struct {
	*os.File
	at, size int64
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.File.Read(b)
	m.at += int64(n)
	return n, err
}

func (m *meter) ReadAt(b []byte, offset int64) (int, error) {
	n, err := m.File.ReadAt(b, offset)
	m.at = offset + int64(n)
	return n, err
}

// progress returns the fraction of the folder that is passed. Archives that aren't read from their
// beginning to the end don't make it shrink.
func (w *walk) progress() float64 {
	part := 1.0
	if w.current != nil {
		part = float64(w.current.at) / float64(max(w.current.size, 1))
	}
	w.done = min(1, max(w.done, (float64(w.passed)+part)/float64(w.files)))
	return w.done
}

// stamp yields one image; more is false where there's to be no other.
func (w *walk) stamp(id, version string, read func() (*galaxy.Images, error)) (more bool) {
	if err := w.ctx.Err(); err != nil {
		w.yield(galaxy.Stamp{}, err)
		return false
	}
	s := galaxy.Stamp{ID: id, Version: version, Origin: w.folder.Origin, License: w.folder.License,
		Done: w.progress(), Read: read}
	if found := w.objects.FindStringSubmatch(id); found != nil {
		s.Object = found[min(1, len(found)-1)]
	}
	return w.yield(s, nil)
}

// unreadable yields a stamp whose Read tells of the error.
func (w *walk) unreadable(id, version string, err error) (more bool) {
	return w.stamp(id, version, func() (*galaxy.Images, error) { return nil, err })
}

// file yields what a file, named relative to the folder, holds.
func (w *walk) file(name string) (more bool) {
	full, id := filepath.Join(w.folder.Path, name), filepath.ToSlash(name)
	if name == "." {
		full, id = w.folder.Path, filepath.Base(w.folder.Path)
	}
	info, err := os.Stat(full)
	if err != nil {
		return w.unreadable(id, "", err)
	}
	version := fmt.Sprintf("%d bytes of %d", info.Size(), info.ModTime().UnixNano())
	if formatOf(full) == picture {
		// Opened when it's needed, which is from another goroutine, or never.
		return w.stamp(id, version, func() (*galaxy.Images, error) {
			im, _, err := w.choice.readAll(full)
			return im, err
		})
	}
	f, err := os.Open(full)
	if err != nil {
		return w.unreadable(id, version, err)
	}
	defer f.Close()
	w.current = &meter{File: f, size: info.Size()}
	defer func() { w.current = nil }()
	if isArchive(full) {
		return w.archive(id, version, w.current)
	}
	return w.images(id, version, w.current, info.Size())
}

// images yields those in one file or entry of an archive.
func (w *walk) images(id, version string, r io.Reader, size int64) (more bool) {
	more = true
	err := w.choice.eachStack(id, r, size, func(within string, s stack) bool {
		for i := range s.n {
			name := id + within
			if s.n > 1 {
				name = fmt.Sprintf("%s[%d]", name, i)
			}
			read := func() (*galaxy.Images, error) { return s.read(i, 1) }
			if s.inOrder {
				im, err := s.read(i, 1)
				if err != nil {
					// What follows in the array is lost as well.
					more = w.unreadable(name, version, err)
					return more
				}
				read = func() (*galaxy.Images, error) { return im, nil }
			}
			if more = w.stamp(name, version, read); !more {
				return false
			}
		}
		return true
	})
	if err != nil && more {
		return w.unreadable(id, version, err)
	}
	return more
}

// archive yields what the files in an archive hold.
func (w *walk) archive(id, version string, f *meter) (more bool) {
	if f.size == 0 {
		return w.unreadable(id, version, errEmptyFile)
	}
	if strings.HasSuffix(strings.ToLower(id), ".zip") {
		return w.zip(id, version, f)
	}
	var r io.Reader = f
	if !strings.HasSuffix(strings.ToLower(id), ".tar") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return w.unreadable(id, version, fmt.Errorf("it cannot be decompressed: %w", err))
		}
		r = z
	}
	entries := tar.NewReader(r)
	for {
		entry, err := entries.Next()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return w.unreadable(id, version,
				fmt.Errorf("the archive is damaged or truncated: %w", err))
		}
		if entry.Typeflag == tar.TypeReg && readable(entry.Name) &&
			!w.entry(id, version, entry.Name, entries, entry.Size) {
			return false
		}
	}
}

func (w *walk) zip(id, version string, f *meter) (more bool) {
	archive, err := zip.NewReader(f, f.size)
	if err != nil {
		return w.unreadable(id, version, fmt.Errorf("the archive is damaged or truncated: %w", err))
	}
	for _, entry := range slices.SortedFunc(slices.Values(archive.File), byName) {
		if entry.FileInfo().IsDir() || !readable(entry.Name) {
			continue
		}
		r, err := entry.Open()
		if err != nil {
			more = w.unreadable(id+"/"+entry.Name, version, err)
		} else {
			more = w.entry(id, version, entry.Name, r,
				int64(min(entry.UncompressedSize64, maxWhole)))
			r.Close()
		}
		if !more {
			return false
		}
	}
	return true
}

// readable tells files in archives that are images.
func readable(name string) bool {
	return formatOf(name) != unknown && !hidden(name)
}

// entry yields the images in one file of an archive.
func (w *walk) entry(archive, version, name string, r io.Reader, size int64) (more bool) {
	id := archive + "/" + strings.TrimPrefix(path.Clean(name), "/")
	if formatOf(name) == numpyArray {
		// The size is what the archive claims: memory grows with what there is.
		return w.images(id, version, r, min(size, 1<<20))
	}
	data, err := readWhole(r)
	if err != nil {
		return w.unreadable(id, version, fmt.Errorf("the archive is damaged or truncated: %w", err))
	}
	return w.images(id, version, bytes.NewReader(data), int64(len(data)))
}
