package plugin

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"galdecon/galdecon/backend/compiled"
)

// TestKey checks that all that decides what a compiler makes tells keys apart.
func TestKey(t *testing.T) {
	key := func(library, flags, devices, format, code, options string) compiled.Key {
		k := kept{library: []byte(library), flags: []byte(flags), devices: []byte(devices)}
		return k.key([]byte(format), []byte(code), []byte(options))
	}
	want := key("plugin", "--a", "cpu", "mlir", "program", "options")
	if key("plugin", "--a", "cpu", "mlir", "program", "options") != want {
		t.Error("the same has another key")
	}
	for what, k := range map[string]compiled.Key{
		"another plugin":  key("other", "--a", "cpu", "mlir", "program", "options"),
		"other flags":     key("plugin", "", "cpu", "mlir", "program", "options"),
		"another device":  key("plugin", "--a", "gpu", "mlir", "program", "options"),
		"another format":  key("plugin", "--a", "cpu", "hlo", "program", "options"),
		"another program": key("plugin", "--a", "cpu", "mlir", "programs", "options"),
		"other options":   key("plugin", "--a", "cpu", "mlir", "program", ""),
	} {
		if k == want {
			t.Errorf("%s has the same key", what)
		}
	}
	if len(processor()) < 20 {
		t.Errorf("of the processor is known only %q", processor())
	}
}

// TestLibraryHash checks that the hash is that of the file's content, and that it is remembered
// until the file's size or time changes.
func TestLibraryHash(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plugin.so")
	day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	hash := func(content string, at time.Time) []byte {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		sum, err := libraryHash(path, filepath.Join(dir, "cache"))
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	first := hash("one", day)
	for _, c := range []struct {
		content string
		at      time.Time
		same    bool
	}{
		{"two", day, true}, // remembered, not read
		{"two", day.Add(1), false},
		{"one", day.Add(2), true},
		{"four", day, false},
	} {
		if got := hash(c.content, c.at); bytes.Equal(got, first) != c.same {
			t.Errorf("%q of %v: same hash %v, want %v", c.content, c.at, !c.same, c.same)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if sum, err := libraryHash(path, dir); err == nil {
		t.Errorf("the hash of no file is %x", sum)
	}
}

// TestFlags checks that a file of flags counts by its content, and that nothing is kept where flags
// ask for files that are made while compiling.
func TestFlags(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flags")
	write := func(flags string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(flags), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("XLA_FLAGS", path)
	write("--xla_a=1")
	one := xlaFlags()
	write("--xla_a=2")
	if bytes.Equal(one, xlaFlags()) {
		t.Error("another file of flags is the same")
	}
	store := &Store{Cache: compiled.Cache{Dir: t.TempDir(), Limit: compiled.Limit}}
	if newKept(path, store) == nil {
		t.Error("nothing is kept with ordinary flags")
	}
	write("--xla_dump_to=/somewhere")
	if newKept(path, store) != nil {
		t.Error("programs are kept though flags ask for dumps")
	}
}
