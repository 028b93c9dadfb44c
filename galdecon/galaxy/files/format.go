package files

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// fileEnding returns the part of the name that says what the file is: its last ending, the last two
// of a packed file.
func fileEnding(name string) string {
	ext := filepath.Ext(name)
	switch strings.ToLower(ext) {
	case ".gz", ".bz2", ".fz":
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
	picture
)

// formatOf returns the format of a file. Whether it is packed its contents tell.
func formatOf(name string) format {
	ending := strings.ToLower(fileEnding(name))
	if strings.HasSuffix(ending, ".fz") {
		return fitsFile
	}
	plain := strings.TrimSuffix(strings.TrimSuffix(ending, ".gz"), ".bz2")
	switch plain {
	case ".npy":
		return numpyArray
	case ".fits", ".fit", ".fts":
		return fitsFile
	}
	if plain != ending {
		return unknown
	}
	switch ending {
	case ".npz":
		return numpyArchive
	case ".png", ".jpg", ".jpeg", ".tif", ".tiff":
		return picture
	}
	return unknown
}

var (
	errEmptyFile = errors.New("the file is empty; fetch or write it again")
	errDirectory = errors.New("it is a directory; give the files in it, or see Folder")
)

func unknownFormat(name string) error {
	return fmt.Errorf("the ending %q is not one of .npy, .npz, .fits, .png, .jpg, .tif, of .npy "+
		"and .fits also with .gz or .bz2; convert it to one of them",
		strings.ToLower(fileEnding(name)))
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

// unpacked returns the contents of a file that is packed by gzip or bzip2, as its first bytes tell,
// and others as they are.
func unpacked(r io.Reader) (*bufio.Reader, error) {
	buffered := bufio.NewReader(r)
	start, _ := buffered.Peek(3) // what is missing shows when it is read
	switch {
	case strings.HasPrefix(string(start), "\x1f\x8b"):
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("it cannot be decompressed: %w", err)
		}
		return bufio.NewReader(z), nil
	case string(start) == "BZh":
		return bufio.NewReader(bzip2.NewReader(buffered)), nil
	}
	return buffered, nil
}
