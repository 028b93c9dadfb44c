package fits

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// maxUnpacked is the most bytes that a packed file may have in memory.
const maxUnpacked = 1 << 31

// unpack returns the contents of a file that is packed, as its first bytes tell, and others as
// they are.
func unpack(r io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	start := make([]byte, 6)
	n, err := r.ReadAt(start, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	if n == 0 {
		return nil, 0, &FormatError{0, "the file is empty", "fetch or write it again"}
	}
	begins := func(magic string) bool { return bytes.HasPrefix(start[:n], []byte(magic)) }
	packed := io.NewSectionReader(r, 0, size)
	var contents io.Reader
	switch {
	case begins("\x1f\x8b"): // RFC 1952
		if contents, err = gzip.NewReader(packed); err != nil {
			return nil, 0, fmt.Errorf("it can't be unpacked by gzip: %w", err)
		}
	case begins("BZh"):
		contents = bzip2.NewReader(packed)
	case begins("\x1f\x9d"):
		return nil, 0, packedBy("compress", "uncompress or gunzip")
	case begins("\xfd7zXZ\x00"):
		return nil, 0, packedBy("xz", "unxz")
	case begins("\x28\xb5\x2f\xfd"):
		return nil, 0, packedBy("zstd", "unzstd")
	case begins("PK\x03\x04"):
		return nil, 0, packedBy("zip", "unzip")
	default:
		return r, size, nil
	}
	data, err := io.ReadAll(io.LimitReader(contents, maxUnpacked+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && len(data) > 0:
		// Whatever is whole in a truncated file can be read.
	case err != nil:
		return nil, 0, fmt.Errorf("it can't be unpacked: %w; fetch it again", err)
	case len(data) > maxUnpacked:
		return nil, 0, &FormatError{0, fmt.Sprintf("it has more than %d bytes when unpacked",
			maxUnpacked), "unpack it into a file, by gunzip or bunzip2"}
	}
	return bytes.NewReader(data), int64(len(data)), nil
}

func packedBy(program, remedy string) error {
	return &FormatError{0, "the file is packed by " + program, "unpack it first, with " + remedy}
}
