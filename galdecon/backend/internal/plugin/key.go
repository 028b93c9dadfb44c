package plugin

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/klauspost/cpuid/v2"

	"galdecon/galdecon/backend/compiled"
)

// kept is a store with all but the program that decides what the compiler makes.
type kept struct {
	store *Store
	// library is the hash of the plugin's file.
	library []byte
	// flags are XLA's.
	flags []byte
	// devices is what the plugin says of them.
	devices []byte
}

// newKept returns the store for a plugin and the process's flags; nil where nothing can be kept.
func newKept(path string, store *Store) *kept {
	flags := xlaFlags()
	if bytes.Contains(flags, []byte("--xla_dump")) {
		return nil // what it asks for is made while compiling
	}
	library, err := libraryHash(path, store.Cache.Dir)
	if err != nil {
		return nil
	}
	return &kept{store: store, library: library, flags: flags}
}

// key returns the key of a program, given in a format and with serialized options.
func (k *kept) key(format, code, options []byte) compiled.Key {
	return compiled.NewKey(k.library, k.flags, k.devices, []byte(processor()), format, code,
		options)
}

// processor describes the processor. Its model counts beside its features, since it decides how
// wide XLA's vectors are, and so does the number of CPUs, by which XLA divides the work.
func processor() string {
	c := cpuid.CPU
	return fmt.Sprintln(runtime.GOARCH, c.VendorString, c.BrandName, c.Family, c.Model, c.Stepping,
		c.FeatureSet(), runtime.NumCPU())
}

// xlaFlags returns XLA's flags. The variable may also name a file that has them.
func xlaFlags() []byte {
	flags := os.Getenv("XLA_FLAGS")
	if strings.HasPrefix(strings.TrimSpace(flags), "-") {
		return []byte(flags)
	}
	content, _ := os.ReadFile(flags) // XLA itself says what is wrong with it
	return append([]byte(flags+"\n"), content...)
}

// libraryHash returns the hash of a plugin's file. It is remembered in the cache, by the file's
// path, size and time, since a plugin has hundreds of megabytes.
func libraryHash(path, dir string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	known := compiled.Cache{Dir: filepath.Join(dir, "plugins"), Limit: compiled.Limit}
	key := compiled.NewKey([]byte(path), fmt.Append(nil, info.Size(), info.ModTime().UnixNano()))
	if sum, ok := known.Load(key); ok {
		return sum, nil
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return nil, err
	}
	sum := hash.Sum(nil)
	_ = known.Store(key, sum)
	return sum, nil
}
