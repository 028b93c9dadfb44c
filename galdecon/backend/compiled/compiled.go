// Package compiled keeps compiled programs in a directory, so that another process loads in
// milliseconds what one has compiled in seconds.
//
// An entry is a file of its own, named after its [Key], with a checksum. What is damaged, cut off
// or another program's is no entry: [Cache.Load] doesn't find it, and the next [Cache.Store]
// replaces it. Files are written to a temporary name and renamed, so processes share a directory
// without locks. It can be deleted at any time.
package compiled

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// Limit is the size that a cache of galdecon's may have, in bytes.
const Limit int64 = 1 << 30

// abandoned is the age from which on an unfinished file belongs to a process that died.
const abandoned = time.Hour

// magic begins an entry's file. A number counts the forms of the file.
const magic = "galdecon compiled program 1\n"

// header is the length of what comes before the program: magic, key and checksum, in bytes.
const header = len(magic) + 2*sha256.Size

// Key says what a program was compiled from, and for what.
type Key [sha256.Size]byte

// NewKey returns the key of all that decides what a compiler makes. Different parts, in number,
// content or order, give different keys.
func NewKey(parts ...[]byte) Key {
	all := sha256.New()
	for _, part := range parts {
		sum := sha256.Sum256(part)
		all.Write(sum[:])
	}
	return Key(all.Sum(nil))
}

// Cache is a directory of compiled programs, which needn't exist yet.
type Cache struct {
	Dir string
	// Limit is the most that the entries take, in bytes. Those unused for longest go first.
	Limit int64
}

// Load returns the program of a key; false where there is none.
func (c Cache) Load(key Key) (program []byte, ok bool) {
	path := c.path(key)
	data, err := os.ReadFile(path)
	if err != nil || len(data) < header || !bytes.Equal(data[:header], head(key, data[header:])) {
		return nil, false
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // a directory that can't be written serves as well
	return data[header:], true
}

// Store keeps a program, in place of an earlier one of the key, and removes those unused for
// longest where the cache grows beyond its limit.
func (c Cache) Store(key Key, program []byte) error {
	if err := c.write(key, program); err != nil {
		return fmt.Errorf("compiled: writing to %s: %w", c.Dir, err)
	}
	if err := c.trim(); err != nil {
		return fmt.Errorf("compiled: making room in %s: %w", c.Dir, err)
	}
	return nil
}

// Usage counts the programs and what they take, in bytes. A directory that doesn't exist has none.
func (c Cache) Usage() (programs int, bytes int64, err error) {
	files, err := c.files()
	if err != nil {
		return 0, 0, fmt.Errorf("compiled: %w", err)
	}
	for _, f := range files {
		bytes += f.size
		if !f.unfinished() {
			programs++
		}
	}
	return programs, bytes, nil
}

// Clear deletes the directory.
func (c Cache) Clear() error {
	if err := os.RemoveAll(c.Dir); err != nil {
		return fmt.Errorf("compiled: %w", err)
	}
	return nil
}

func (c Cache) path(key Key) string { return filepath.Join(c.Dir, hex.EncodeToString(key[:])) }

// head returns what comes before the program in an entry's file.
func head(key Key, program []byte) []byte {
	sum := sha256.Sum256(program)
	return slices.Concat([]byte(magic), key[:], sum[:])
}

// write writes an entry's file. Programs run with the user's rights: nobody else may write them.
func (c Cache) write(key Key, program []byte) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(c.path(key), renameio.WithTempDir(c.Dir),
		renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer f.Cleanup() // does nothing after the renaming
	for _, data := range [][]byte{head(key, program), program} {
		if _, err := f.Write(data); err != nil {
			return err
		}
	}
	return f.CloseAtomicallyReplace()
}

// trim removes what dead processes left unfinished, then the entries unused for longest until the
// rest is within the limit.
func (c Cache) trim() error {
	files, err := c.files()
	if err != nil {
		return err
	}
	var total int64
	for _, f := range files {
		total += f.size
	}
	slices.SortFunc(files, func(a, b file) int {
		return cmp.Or(a.used.Compare(b.used), strings.Compare(a.path, b.path))
	})
	for _, f := range files {
		dead := f.unfinished() && time.Since(f.used) > abandoned
		if !dead && (f.unfinished() || total <= c.Limit) {
			continue
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		total -= f.size
	}
	return nil
}

// file is a file of the cache.
type file struct {
	path string
	size int64
	used time.Time // when it was last stored or loaded
}

// unfinished tells whether the file is still to be renamed.
func (f file) unfinished() bool { return strings.HasPrefix(filepath.Base(f.path), ".") }

// files lists the cache's files.
func (c Cache) files() ([]file, error) {
	entries, err := os.ReadDir(c.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []file
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process removed or renamed it
		}
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			all = append(all, file{filepath.Join(c.Dir, e.Name()), info.Size(), info.ModTime()})
		}
	}
	return all, nil
}
