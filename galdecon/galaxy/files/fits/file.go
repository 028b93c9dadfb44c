package fits

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// File is the HDUs of a FITS file. Data are read when they are asked for, by any number of
// goroutines at a time.
type File struct {
	// HDUs has at least the primary one.
	HDUs []*HDU
	// Notes say what was changed in headers, one sentence each: characters that aren't ASCII were
	// replaced.
	Notes []string
	// Rest is why HDUs after the last of these can't be read; nil if the file ends there.
	Rest error

	closer io.Closer
}

// Read finds the HDUs in a file of the given size. A file that is packed by gzip or bzip2 is
// unpacked into memory, others are read as far as they are needed. It's an error if there is no
// primary HDU; what is wrong with others is in their [HDU.Check] and in [File.Rest].
func Read(r io.ReaderAt, size int64) (*File, error) {
	r, size, err := unpack(r, size)
	if err != nil {
		return nil, err
	}
	f := &File{}
	for at := int64(0); at < size || at == 0; {
		hdu, next, note, err := readHDU(r, at, size, len(f.HDUs))
		if hdu == nil && at == 0 {
			return nil, err
		}
		if note != "" {
			f.Notes = append(f.Notes, note)
		}
		if hdu != nil {
			f.HDUs = append(f.HDUs, hdu)
		}
		if err != nil {
			f.Rest = err
			break
		}
		at = next
	}
	return f, nil
}

// Open opens a file, whose name says nothing about its contents: [Read] tells. Close it when all
// pixels are read.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := open(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	f.closer = file
	return f, nil
}

func open(file *os.File) (*File, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory; give a file")
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is a pipe or a device; save it as a file first")
	}
	return Read(file, info.Size())
}

// Close closes the file that [Open] opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}
