// Package atomicfile writes files that appear when they are complete: one that was there before
// stays if writing fails.
package atomicfile

import (
	"bufio"
	"io"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Write writes what content writes to a file beside path, ".name" with digits behind it, and
// gives it the name when it is complete and on the disk.
func Write(path string, content func(w io.Writer) error) error {
	// Beside the file, where a rename always works.
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)),
		renameio.WithPermissions(0o666))
	if err != nil {
		return err
	}
	defer f.Cleanup() // does nothing once the file has its name
	w := bufio.NewWriter(f)
	if err := content(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// WriteFile writes contents in memory as [Write] does.
func WriteFile(path string, data []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
