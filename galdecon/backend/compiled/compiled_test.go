package compiled_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"galdecon/galdecon/backend/compiled"
)

// writerEnv has TestMain write to the directory that it names, instead of testing.
const writerEnv = "GALDECON_TEST_WRITES_TO"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerEnv); dir != "" {
		if err := use(compiled.Cache{Dir: dir, Limit: 40 << 10}); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func key(i int) compiled.Key { return compiled.NewKey(fmt.Append(nil, "program ", i)) }

// program is a program of 4 KiB and a little.
func program(i int) []byte { return bytes.Repeat(fmt.Append(nil, "program", i), 512) }

func entry(c compiled.Cache, key compiled.Key) string {
	return filepath.Join(c.Dir, hex.EncodeToString(key[:]))
}

func store(t *testing.T, c compiled.Cache, i int) {
	t.Helper()
	if err := c.Store(key(i), program(i)); err != nil {
		t.Fatal(err)
	}
}

// TestStore checks that what is stored is found, by its key alone, and that a later one takes
// its place.
func TestStore(t *testing.T) {
	c := compiled.Cache{Dir: filepath.Join(t.TempDir(), "new", "cache"), Limit: compiled.Limit}
	if _, ok := c.Load(key(1)); ok {
		t.Error("found in no cache")
	}
	if n, size, err := c.Usage(); n != 0 || size != 0 || err != nil {
		t.Errorf("Usage of no cache: %d, %d, %v", n, size, err)
	}
	for _, data := range [][]byte{program(7), {}, program(1)} {
		if err := c.Store(key(1), data); err != nil {
			t.Fatal(err)
		}
		if got, ok := c.Load(key(1)); !ok || !bytes.Equal(got, data) {
			t.Errorf("%d bytes found, %v, want the %d stored", len(got), ok, len(data))
		}
	}
	if _, ok := c.Load(key(2)); ok {
		t.Error("found by another key")
	}
	store(t, c, 2)
	if n, size, err := c.Usage(); n != 2 || size < 8<<10 || size > 9<<10 || err != nil {
		t.Errorf("Usage of 2 programs of 4 KiB: %d, %d, %v", n, size, err)
	}
	if err := c.Clear(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.Dir); !os.IsNotExist(err) {
		t.Errorf("after Clear: %v, want no directory", err)
	}
}

// TestKeys checks that keys tell apart what differs in the parts, and in where one ends.
func TestKeys(t *testing.T) {
	seen := map[compiled.Key]string{}
	for _, parts := range []string{"", "|", "ab", "ab|", "|ab", "a|b", "b|a", "a|b|"} {
		var all [][]byte
		for part := range strings.SplitSeq(parts, "|") {
			all = append(all, []byte(part))
		}
		k := compiled.NewKey(all...)
		if other, ok := seen[k]; ok {
			t.Errorf("%q has the key of %q", parts, other)
		}
		seen[k] = parts
		if k != compiled.NewKey(all...) {
			t.Errorf("%q has two keys", parts)
		}
	}
}

// TestDamage checks that an entry with any byte changed, cut off anywhere, with something behind it
// or under another's name isn't found, and that storing mends it.
func TestDamage(t *testing.T) {
	c := compiled.Cache{Dir: t.TempDir(), Limit: compiled.Limit}
	store(t, c, 1)
	whole, err := os.ReadFile(entry(c, key(1)))
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string][]byte{"with a byte more": append(slices.Clone(whole), 0)}
	for at := 0; at < len(whole); at += 1 + at/32 {
		changed := slices.Clone(whole)
		changed[at] ^= 4
		damage[fmt.Sprintf("with byte %d changed", at)] = changed
		damage[fmt.Sprintf("of %d bytes", at)] = whole[:at]
	}
	for what, data := range damage {
		if err := os.WriteFile(entry(c, key(1)), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok := c.Load(key(1)); ok {
			t.Errorf("found an entry %s", what)
		}
	}
	if err := os.WriteFile(entry(c, key(2)), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Load(key(2)); ok {
		t.Error("found another program's entry")
	}
	store(t, c, 1)
	if got, ok := c.Load(key(1)); !ok || !bytes.Equal(got, program(1)) {
		t.Error("storing again doesn't mend it")
	}
}

// TestLimit checks that those unused for longest go when the limit is reached, and what dead
// processes left unfinished, but nothing that a process is writing.
func TestLimit(t *testing.T) {
	c := compiled.Cache{Dir: t.TempDir(), Limit: 20 << 10} // room for four and a bit
	dead, alive := filepath.Join(c.Dir, ".dead"), filepath.Join(c.Dir, ".alive")
	for _, path := range []string{dead, alive} {
		if err := os.WriteFile(path, make([]byte, 512), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	age := func(path string, ago time.Duration) {
		t.Helper()
		then := time.Now().Add(-ago)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	age(dead, 2*time.Hour)
	for i := range 4 {
		store(t, c, i)
		age(entry(c, key(i)), time.Duration(10-i)*time.Minute)
	}
	if _, ok := c.Load(key(0)); !ok { // so that the next to go is 1
		t.Fatal("the first of four isn't there")
	}
	store(t, c, 4)
	var kept []int
	for i := range 5 {
		if _, err := os.Stat(entry(c, key(i))); err == nil {
			kept = append(kept, i)
		}
	}
	if !slices.Equal(kept, []int{0, 2, 3, 4}) {
		t.Errorf("kept %v, want 0 2 3 4", kept)
	}
	if _, err := os.Stat(dead); err == nil {
		t.Error("kept what a dead process left unfinished")
	}
	if _, err := os.Stat(alive); err != nil {
		t.Errorf("removed what a process is writing: %v", err)
	}
	if n, size, err := c.Usage(); n != 4 || size > c.Limit || err != nil {
		t.Errorf("Usage: %d, %d, %v; want 4 programs within %d bytes", n, size, err, c.Limit)
	}
}

// TestUnwritable checks the error where nothing can be written.
func TestUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := compiled.Cache{Dir: filepath.Join(file, "cache"), Limit: compiled.Limit}
	if err := c.Store(key(1), program(1)); err == nil || !strings.Contains(err.Error(), c.Dir) {
		t.Errorf("Store below a file: %v, want an error that names %s", err, c.Dir)
	}
	if _, ok := c.Load(key(1)); ok {
		t.Error("found below a file")
	}
}

// use stores and loads a few programs, over and over, with room for fewer.
func use(c compiled.Cache) error {
	for range 20 {
		for i := range 12 {
			if err := c.Store(key(i), program(i)); err != nil {
				return err
			}
			for j := range 12 {
				if got, ok := c.Load(key(j)); ok && !bytes.Equal(got, program(j)) {
					return fmt.Errorf("program %d is another", j)
				}
			}
		}
	}
	return nil
}

// TestProcesses has processes, and goroutines in each, use one directory at the same time.
func TestProcesses(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), writerEnv+"="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
		all.Go(func() {
			if err := use(compiled.Cache{Dir: dir, Limit: 40 << 10}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	c := compiled.Cache{Dir: dir, Limit: 40 << 10}
	store(t, c, 0)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if n, size, err := c.Usage(); err != nil || n != len(files) || n == 0 || size > c.Limit {
		t.Errorf("afterwards: %d programs in %d files, %d bytes, %v", n, len(files), size, err)
	}
}
