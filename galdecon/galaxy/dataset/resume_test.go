package dataset

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/synthetic"
)

// What a program that was killed while it saved has left is removed by the next.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{manifestFile, "index-01234567.csv", "rejected-01234567.csv"} {
		for range 2 {
			f, err := renameio.NewPendingFile(filepath.Join(dir, name), renameio.WithTempDir(dir))
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
	}
	prepareSet(t, dir, gaussians(2), Config{Size: 8})
	if files := names(t, dir); len(files) != 5 {
		t.Errorf("the folder holds %v", files)
	}
}

func TestWriteResumes(t *testing.T) {
	dir, clean := t.TempDir(), t.TempDir()
	config := Config{Size: 16, Split: SplitConfig{Test: 0.2}}
	var reads atomic.Int32 // they are made from several goroutines
	source := gaussians(30)
	for i, s := range source.stamps {
		source.stamps[i].Read = func() (*galaxy.Images, error) { reads.Add(1); return s.Read() }
	}
	// Readers of CSV take a line break of two characters for one.
	source.stamps[3].Read = func() (*galaxy.Images, error) {
		reads.Add(1)
		return nil,
			errors.New("lost:\r\nasked in vain")
	}

	// Interrupted after 10 stamps.
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Write(ctx, dir, source, config, func(p Progress) {
		if p.Prepared+p.Rejected == 10 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "run it again") {
		t.Fatalf("error %v", err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "prepare one there") {
		t.Errorf("error %v of an unfinished set", err)
	}
	// The source fails after 20.
	broken := source
	broken.stamps, broken.failure = source.stamps[:20], errors.New("no route to the archive")
	if _, err := Write(t.Context(), dir, broken, config, nil); !errors.Is(err, broken.failure) ||
		!strings.HasPrefix(err.Error(), "dataset: cannot prepare") {
		t.Errorf("error %v of a source that fails", err)
	}
	before := reads.Load()
	summary := prepareSet(t, dir, source, config)
	if summary.Resumed != 20 || reads.Load()-before != 10 {
		t.Errorf("resumed %d, read %d", summary.Resumed, reads.Load()-before)
	}
	prepareSet(t, clean, source, config)
	a, b := opened(t, dir), opened(t, clean)
	if a.Identity() != b.Identity() || !slices.Equal(a.Images().Pixels, b.Images().Pixels) ||
		a.Galaxies != 29 {
		t.Error("the resumed set differs from one written at once")
	}
}

// interrupt leaves a partial set of n stamps.
func interrupt(t *testing.T, dir string, source galaxy.Source, config Config, n int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := Write(ctx, dir, source, config, func(p Progress) {
		if p.Prepared+p.Rejected == n {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
}

func TestWriteResumesOnlyWhatIsTheSame(t *testing.T) {
	config := Config{Size: 16}
	partial := func(dir string) string { return filepath.Join(dir, partialDir) }
	for name, c := range map[string]struct {
		change func(dir string, source *list, config *Config) error
		want   int
	}{
		"nothing": {func(string, *list, *Config) error { return nil }, 10},
		"another split": {func(_ string, _ *list,
			c *Config) error {
			c.Split.Test = 0.5
			return nil
		}, 10},
		"another size": {func(_ string, _ *list, c *Config) error { c.Size = 8; return nil }, 0},
		"another source": {func(_ string, l *list,
			_ *Config) error {
			l.name = "others"
			return nil
		}, 0},
		"changed stamp": {func(_ string, l *list,
			_ *Config) error {
			l.stamps[6].Version = "2"
			return nil
		}, 6},
		"new stamp": {func(_ string, l *list,
			_ *Config) error {
			l.stamps = l.stamps[1:]
			return nil
		}, 0},
		"fewer stamps": {func(_ string, l *list,
			_ *Config) error {
			l.stamps = l.stamps[:8]
			return nil
		}, 8},
		"torn journal": {func(dir string, _ *list, _ *Config) error {
			path := filepath.Join(partial(dir), journalFile)
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.Truncate(path, info.Size()-3)
		}, 9},
		"torn pixels": {func(dir string, _ *list, _ *Config) error {
			return os.Truncate(filepath.Join(partial(dir), imagesFile), pixelsAt+5*16*16*4-1)
		}, 4},
		"other pixels": {func(dir string, _ *list, _ *Config) error {
			f, err := os.OpenFile(filepath.Join(partial(dir), imagesFile), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte{1, 2, 3}, pixelsAt+7*16*16*4+50)
			return errors.Join(err, f.Close())
		}, 7},
		"no pixels": {func(dir string, _ *list, _ *Config) error {
			return os.Remove(filepath.Join(partial(dir), imagesFile))
		}, 0},
		"no journal": {func(dir string, _ *list, _ *Config) error {
			return os.Remove(filepath.Join(partial(dir), journalFile))
		}, 0},
	} {
		dir, clean := t.TempDir(), t.TempDir()
		source, config := gaussians(16), config
		interrupt(t, dir, source, config, 10)
		if err := c.change(dir, &source, &config); err != nil {
			t.Fatal(err)
		}
		summary := prepareSet(t, dir, source, config)
		prepareSet(t, clean, source, config)
		if a, b := opened(t, dir), opened(t, clean); summary.Resumed != c.want ||
			a.Identity() != b.Identity() || a.Verify(t.Context()) != nil {
			t.Errorf("%s: %d stamps were used again, want %d; same set: %v", name, summary.Resumed,
				c.want, a.Identity() == b.Identity())
		}
	}
}

func TestWriteReplacesASet(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "my-galaxies.fits")
	if err := os.WriteFile(mine, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	prepareSet(t, dir, gaussians(4), Config{Size: 8})
	old := opened(t, dir)
	interrupt(t, dir, gaussians(20), Config{Size: 16}, 5)
	if still := opened(t, dir); still.Galaxies != 4 || still.Verify(t.Context()) != nil {
		t.Error("the old set didn't stay")
	}
	prepareSet(t, dir, gaussians(20), Config{Size: 16})
	if s := opened(t, dir); s.Galaxies != 20 || s.Images().Height != 16 ||
		s.Verify(t.Context()) != nil {
		t.Error("the new set isn't there")
	}
	if err := old.Verify(t.Context()); err != nil {
		t.Errorf("the old set, still open: %v", err)
	}
	prepareSet(t, dir, gaussians(20), Config{Size: 16}) // the same again
	if files := names(t, dir); len(files) != 6 || !slices.Contains(files, mine) {
		t.Errorf("the folder holds %v", files)
	}
}

// TestWriteEndsWhatWasKilledAtTheEnd: all images are there, in one of two orders, but the manifest
// isn't yet.
func TestWriteEndsWhatWasKilledAtTheEnd(t *testing.T) {
	for _, split := range []SplitConfig{{}, {Test: 0.3, Validation: 0.3}} {
		dir, clean := t.TempDir(), t.TempDir()
		source, config := gaussians(20), Config{Size: 16, Split: split}
		p, err := openPartial(filepath.Join(dir, partialDir), source, config)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(p.stream(t.Context(), source, nil), p.close()); err != nil {
			t.Fatal(err)
		}
		order := []int{5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 0, 1, 2, 3, 4}
		if split == (SplitConfig{}) {
			slices.Sort(order)
		}
		arranged, err := p.arrange(order, p.entries, [4]int{20, 16, 16, 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(arranged, filepath.Join(dir, "images-01234567.npy")); err != nil {
			t.Fatal(err)
		}
		summary := prepareSet(t, dir, source, config)
		prepareSet(t, clean, source, config)
		a, b := opened(t, dir), opened(t, clean)
		if summary.Resumed != 20 || a.Identity() != b.Identity() || a.Verify(t.Context()) != nil ||
			len(names(t, dir)) != 5 {
			t.Errorf("%+v: %d stamps were used again; the folder holds %v", split, summary.Resumed,
				names(t, dir))
		}
	}
}

func TestWriteRefusesASecondWriter(t *testing.T) {
	dir := t.TempDir()
	lock := flock.New(filepath.Join(dir, lockFile))
	if held, err := lock.TryLock(); err != nil || !held {
		t.Fatal(err)
	}
	if _, err := Write(t.Context(), dir, gaussians(2), Config{Size: 8}, nil); err == nil ||
		!strings.Contains(err.Error(), "another program") {
		t.Errorf("error %v", err)
	}
	lock.Unlock()
	prepareSet(t, dir, gaussians(2), Config{Size: 8})
	if _, err := Write(t.Context(), filepath.Join(dir, manifestFile), gaussians(2), Config{Size: 8},
		nil); err == nil {
		t.Error("a file as folder gave no error")
	}
	if _, err := Write(t.Context(), dir, gaussians(2), Config{}, nil); err == nil ||
		!strings.Contains(err.Error(), "Size") {
		t.Errorf("error %v of a wrong configuration", err)
	}
}

// The environment of the program that TestKilledWriter kills.
const writerEnv = "GALDECON_TEST_WRITER"

// slowGalaxies are synthetic ones of which the later come slowly, and the last after a minute, so
// that there is time for a kill also where the machine is busy.
type slowGalaxies struct{ synthetic.Config }

// TestKilledWriter kills a program that writes a set over another one, twice, and goes on.
func TestKilledWriter(t *testing.T) {
	source := slowGalaxies{synthetic.Config{N: 400, Size: 16, Seed: 3}}
	config := Config{Size: 16, Split: SplitConfig{Validation: 0.25}}
	if dir := os.Getenv(writerEnv); dir != "" {
		prepareSet(t, dir, source, config)
		return
	}
	dir, clean := t.TempDir(), t.TempDir()
	prepareSet(t, dir, gaussians(4), Config{Size: 8})
	journal := filepath.Join(dir, partialDir, journalFile)
	lines := func() int {
		text, _ := os.ReadFile(journal)
		all, _ := csv.NewReader(bytes.NewReader(text)).ReadAll()
		return len(all)
	}
	for have := 0; have < 250; {
		program := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledWriter$")
		program.Env = append(os.Environ(), writerEnv+"="+dir)
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- program.Wait() }()
		for wait := have + 20; lines() < wait; {
			select {
			case err := <-ended:
				t.Fatalf("the program ended by itself: %v", err)
			case <-time.After(5 * time.Millisecond):
			}
		}
		if err := program.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-ended
		if now := lines(); now < have {
			t.Fatalf("of %d stamps %d are left", have, now)
		} else {
			have = now
		}
		if old := opened(t, dir); old.Galaxies != 4 || old.Verify(t.Context()) != nil {
			t.Fatal("the old set didn't stay")
		}
	}
	summary := prepareSet(t, dir, source, config)
	prepareSet(t, clean, source, config)
	a, b := opened(t, dir), opened(t, clean)
	if summary.Resumed < 240 || a.Identity() != b.Identity() || a.Verify(t.Context()) != nil ||
		a.Galaxies != 400 {
		t.Errorf("%d stamps were used again; same set: %v", summary.Resumed,
			a.Identity() == b.Identity())
	}
	if files := names(t, dir); len(files) != 5 {
		t.Errorf("the folder holds %v", files)
	}
}
