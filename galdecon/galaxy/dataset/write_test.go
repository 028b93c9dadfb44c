package dataset

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/hst"
	"galdecon/galdecon/galaxy/internal/raster"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/internal/galtest"
)

// list is a source of given stamps, and perhaps of an error after them.
type list struct {
	name    string
	stamps  []galaxy.Stamp
	failure error
}

func (l list) Describe() string { return l.name }

func (l list) Galaxies(ctx context.Context) iter.Seq2[galaxy.Stamp, error] {
	return func(yield func(galaxy.Stamp, error) bool) {
		for _, s := range l.stamps {
			if err := ctx.Err(); err != nil {
				yield(galaxy.Stamp{}, err)
				return
			}
			if !yield(s, nil) {
				return
			}
		}
		if l.failure != nil {
			yield(galaxy.Stamp{}, l.failure)
		}
	}
}

// gaussians is a list of n different galaxies of 16 x 16 pixels, of two views each of n/2 objects.
func gaussians(n int) list {
	l := list{name: "gaussians"}
	for i := range n {
		l.stamps = append(l.stamps, galaxy.Stamp{
			ID: fmt.Sprintf("g%d", i), Object: fmt.Sprintf("object %d", i/2), Origin: fmt.Sprintf("origin %d", i%3), Licence: "CC BY", Done: float64(i+1) / float64(n),
			Read: func() (*galaxy.Images, error) { return blob(16, 16, 1, 8, 8, 2+float64(i)/100, float64(10+i)), nil },
		})
	}
	return l
}

// opened opens a set that is closed at the end of the test.
func opened(t *testing.T, dir string) *Set {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func prepareSet(t *testing.T, dir string, source galaxy.Source, c Config) Summary {
	t.Helper()
	summary, err := Write(t.Context(), dir, source, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

func TestWriteAndOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "set")
	source := gaussians(40)
	var last Progress
	calls := 0
	config := Config{Size: 8, Split: SplitConfig{Validation: 0.2, Test: 0.1, Seed: 2}}
	summary, err := Write(t.Context(), dir, source, config, func(p Progress) {
		if p.Done < last.Done || p.Prepared < last.Prepared {
			t.Errorf("progress %+v after %+v", p, last)
		}
		last = p
		calls++
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls != 41 || last != (Progress{Done: 1, Prepared: 40}) {
		t.Errorf("%d reports, the last %+v", calls, last)
	}
	s := opened(t, dir)
	if s.Source != "gaussians" || s.Config != config || s.Galaxies != 40 || s.Objects != 20 || summary.Galaxies != 40 || !maps.Equal(s.Parts, map[Subset]int{Training: 28, Validation: 8, Testing: 4}) {
		t.Errorf("set of %s: %+v with %+v", s.Source, s.Summary, s.Config)
	}
	all := s.Images()
	if err := errors.Join(all.Validate(), s.Verify(t.Context())); err != nil {
		t.Fatal(err)
	}
	whereIs := map[string]Subset{}
	next := 0
	for _, part := range subsets {
		images, err := s.Subset(part)
		if err != nil {
			t.Fatal(err)
		}
		if err := images.Validate(); err != nil {
			t.Error(err)
		}
		if &images.Pixels[0] != &all.At(next)[0] {
			t.Errorf("the %s galaxies are a copy", part)
		}
		for i := range images.N {
			if at, known := whereIs[images.Objects[i]]; known && at != part {
				t.Errorf("%s is in the %s and the %s", images.Objects[i], at, part)
			}
			whereIs[images.Objects[i]] = part
			if all.ID(next+i) != images.ID(i) {
				t.Errorf("image %d is %s", next+i, images.ID(i))
			}
		}
		next += images.N
	}
	for i := range all.N {
		k, _ := strconv.Atoi(all.ID(i)[1:])
		im, _ := source.stamps[k].Read()
		want, err := im.Prepare(8)
		if err != nil {
			t.Fatal(err)
		}
		origin, licence := s.Origin(i)
		if !slices.Equal(all.At(i), want.Pixels) || all.Scale[i] != want.Scale[0] || s.Zoom(i) != 2 || s.hashes[i] != hashOf(want.Pixels) || origin != source.stamps[k].Origin || licence != "CC BY" {
			t.Errorf("%s isn't what was prepared", all.ID(i))
		}
	}
	// Other programs read the same.
	loaded, err := files.Load(filepath.Join(dir, s.m.Images))
	if err != nil || !slices.Equal(loaded.Pixels, all.Pixels) || loaded.Height != 8 {
		t.Errorf("the array of images: %v", err)
	}
	if files := names(t, dir); len(files) != 5 {
		t.Errorf("the folder holds %v", files)
	}
}

// names lists the files in a folder.
func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWriteWithoutSplitKeepsTheOrder(t *testing.T) {
	dir := t.TempDir()
	prepareSet(t, dir, hst.Source{}, Config{Size: 64})
	s := opened(t, dir)
	want, err := hst.Galaxies(64)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Images().IDs, want.IDs) || !slices.Equal(s.Images().Pixels, want.Pixels) {
		t.Error("the set isn't the shipped galaxies at 64 pixels")
	}
	if origin, _ := s.Origin(0); !strings.Contains(origin, "Koekemoer") {
		t.Errorf("to be cited: %s", origin)
	}
	if _, err := s.Subset(Testing); err == nil || !strings.Contains(err.Error(), "no test galaxies") {
		t.Errorf("error %v of a part that there isn't", err)
	}
	if _, err := s.Subset("spare"); err == nil {
		t.Error("an unknown part gave no error")
	}
}

func TestSyntheticSource(t *testing.T) {
	config := synthetic.Config{N: 6, Size: 32, Channels: 3, Seed: 7, First: 3, Pictures: 0.5}
	want, err := synthetic.Galaxies(config)
	if err != nil {
		t.Fatal(err)
	}
	stamps, images, _ := galtest.Contents(t, config)
	for i, im := range images {
		if !slices.Equal(im.Pixels, want.At(i)) || stamps[i].ID != want.ID(i) {
			t.Errorf("galaxy %d isn't that of Synthetic", i)
		}
	}
	if len(images) != 6 || config.Describe() == (synthetic.Config{N: 6, Size: 32, Channels: 3, Seed: 8, First: 3, Pictures: 0.5}).Describe() {
		t.Errorf("%d images of %s", len(images), config.Describe())
	}
	if _, err := Write(t.Context(), t.TempDir(), synthetic.Config{N: 1}, Config{Size: 8}, nil); err == nil || !strings.Contains(err.Error(), "Size must be between") {
		t.Errorf("error %v of a wrong configuration", err)
	}
}

// TestHoles follows pixels without exposure from a file of astropy's into a set.
func TestHoles(t *testing.T) {
	path := filepath.Join("..", "files", "testdata", "holes.fits")
	if _, err := files.Load(path); err == nil || !strings.Contains(err.Error(), "NaN at row 0, column 0") || !strings.Contains(err.Error(), "LoadFITS") {
		t.Errorf("error %v of Load", err)
	}
	im, _, err := files.LoadFITS(path)
	if err != nil || !raster.IsBad(im.Pixels[0]) || !raster.IsBad(im.Pixels[11]) || im.Pixels[5] != 11 {
		t.Errorf("LoadFITS: %+v, %v", im, err)
	}
	// The ramp of 3 x 4 pixels is too small for a set, so it's the corner of a larger image.
	large := blob(16, 16, 1, 8, 8, 3, 100)
	large.Pixels[0], large.Pixels[17] = im.Pixels[0], im.Pixels[11]
	dir := t.TempDir()
	prepareSet(t, dir, list{name: "holes", stamps: []galaxy.Stamp{{ID: "a", Read: func() (*galaxy.Images, error) { return large, nil }}}}, Config{Size: 16, Bad: galaxy.BadZero})
	set := opened(t, dir)
	if got := set.Images(); got.Validate() != nil || got.Pixels[0] != 0 || got.Pixels[17] != 0 {
		t.Errorf("holes became %v and %v", got.Pixels[0], got.Pixels[17])
	}
}

func TestSurveyScaling(t *testing.T) {
	for _, split := range []SplitConfig{{}, {Validation: 0.3}} {
		dir := t.TempDir()
		source := gaussians(10)
		prepareSet(t, dir, source, Config{Size: 16, Scaling: ScaleSurvey, Split: split})
		s := opened(t, dir)
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		for i := range s.Images().N {
			k, _ := strconv.Atoi(s.Images().ID(i)[1:])
			if peak := slices.Max(s.Images().At(i)); peak != float32(float64(10+k)/19) || s.Images().Scale[i] != 19 {
				t.Errorf("%s has the peak %v and scale %v", s.Images().ID(i), peak, s.Images().Scale[i])
			}
		}
	}
}

func TestWriteRejects(t *testing.T) {
	dir := t.TempDir()
	source := gaussians(4)
	source.stamps[1].Read = func() (*galaxy.Images, error) { return nil, errors.New("a scratch, \"deep\"\nand long") }
	source.stamps[2].Read = source.stamps[0].Read
	source.stamps = append(source.stamps, source.stamps[3])
	source.stamps = append(source.stamps, galaxy.Stamp{ID: "dark", Done: 1, Read: func() (*galaxy.Images, error) { return galaxy.NewImages(1, 16, 16, 1), nil }})
	summary := prepareSet(t, dir, source, Config{Size: 8})
	s := opened(t, dir)
	want := map[string]int{Unreadable: 1, Duplicate: 2, Empty: 1}
	if summary.Galaxies != 2 || !maps.Equal(summary.Rejected, want) || !maps.Equal(s.Summary.Rejected, want) {
		t.Errorf("summary %+v, want rejected %v", summary, want)
	}
	rejected, err := s.Rejected()
	if err != nil {
		t.Fatal(err)
	}
	if len(rejected) != 4 || rejected[0] != (Rejection{"g1", Unreadable, "a scratch, \"deep\"\nand long"}) || rejected[1].Detail != "it has the pixels of g0" || rejected[3].ID != "dark" {
		t.Errorf("rejected %q", rejected)
	}

	for want, stamps := range map[string][]galaxy.Stamp{"no galaxies": nil, "none of the 2 galaxies": source.stamps[4:]} {
		stamps = slices.Clone(stamps)
		if len(stamps) > 0 {
			stamps[0].Read = source.stamps[1].Read
		}
		if _, err := Write(t.Context(), t.TempDir(), list{name: "bad", stamps: stamps}, Config{Size: 8}, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "dataset: ") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestBadSources(t *testing.T) {
	if _, err := Write(t.Context(), t.TempDir(), nil, Config{Size: 8}, nil); err == nil || !strings.HasPrefix(err.Error(), "dataset: there is no source") {
		t.Errorf("error %v without a source", err)
	}
	source := gaussians(3)
	source.stamps[0].Read = nil
	source.stamps[1].Read = func() (*galaxy.Images, error) { return nil, nil }
	if summary := prepareSet(t, t.TempDir(), source, Config{Size: 8}); summary.Galaxies != 1 || summary.Rejected[Unreadable] != 2 {
		t.Errorf("%+v", summary)
	}
}

func TestClosedSet(t *testing.T) {
	dir := t.TempDir()
	prepareSet(t, dir, gaussians(2), Config{Size: 8})
	closed, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := closed.Images().Validate(); err == nil {
		t.Error("the images of a closed set are valid")
	}
	for want, s := range map[string]*Set{"open it again": closed, "did Open fail": nil} {
		_, partErr := s.Subset(Training)
		_, listErr := s.Rejected()
		for what, err := range map[string]error{"Part": partErr, "Rejected": listErr, "Verify": s.Verify(t.Context())} {
			if err == nil || !strings.HasPrefix(err.Error(), "dataset: ") || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", what, err, want)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

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
	source.stamps[3].Read = func() (*galaxy.Images, error) { reads.Add(1); return nil, errors.New("lost:\r\nasked in vain") }

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
	if _, err := Write(t.Context(), dir, broken, config, nil); !errors.Is(err, broken.failure) || !strings.HasPrefix(err.Error(), "dataset: cannot prepare") {
		t.Errorf("error %v of a source that fails", err)
	}
	before := reads.Load()
	summary := prepareSet(t, dir, source, config)
	if summary.Resumed != 20 || reads.Load()-before != 10 {
		t.Errorf("resumed %d, read %d", summary.Resumed, reads.Load()-before)
	}
	prepareSet(t, clean, source, config)
	a, b := opened(t, dir), opened(t, clean)
	if a.Identity() != b.Identity() || !slices.Equal(a.Images().Pixels, b.Images().Pixels) || a.Galaxies != 29 {
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
		"nothing":        {func(string, *list, *Config) error { return nil }, 10},
		"another split":  {func(_ string, _ *list, c *Config) error { c.Split.Test = 0.5; return nil }, 10},
		"another size":   {func(_ string, _ *list, c *Config) error { c.Size = 8; return nil }, 0},
		"another source": {func(_ string, l *list, _ *Config) error { l.name = "others"; return nil }, 0},
		"changed stamp":  {func(_ string, l *list, _ *Config) error { l.stamps[6].Version = "2"; return nil }, 6},
		"new stamp":      {func(_ string, l *list, _ *Config) error { l.stamps = l.stamps[1:]; return nil }, 0},
		"fewer stamps":   {func(_ string, l *list, _ *Config) error { l.stamps = l.stamps[:8]; return nil }, 8},
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
		if a, b := opened(t, dir), opened(t, clean); summary.Resumed != c.want || a.Identity() != b.Identity() || a.Verify(t.Context()) != nil {
			t.Errorf("%s: %d stamps were used again, want %d; same set: %v", name, summary.Resumed, c.want, a.Identity() == b.Identity())
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
	if s := opened(t, dir); s.Galaxies != 20 || s.Images().Height != 16 || s.Verify(t.Context()) != nil {
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

// TestWriteEndsWhatWasKilledAtTheEnd: all images are there, in one of two orders, but the manifest isn't yet.
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
		if summary.Resumed != 20 || a.Identity() != b.Identity() || a.Verify(t.Context()) != nil || len(names(t, dir)) != 5 {
			t.Errorf("%+v: %d stamps were used again; the folder holds %v", split, summary.Resumed, names(t, dir))
		}
	}
}

func TestWriteRefusesASecondWriter(t *testing.T) {
	dir := t.TempDir()
	lock := flock.New(filepath.Join(dir, lockFile))
	if held, err := lock.TryLock(); err != nil || !held {
		t.Fatal(err)
	}
	if _, err := Write(t.Context(), dir, gaussians(2), Config{Size: 8}, nil); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("error %v", err)
	}
	lock.Unlock()
	prepareSet(t, dir, gaussians(2), Config{Size: 8})
	if _, err := Write(t.Context(), filepath.Join(dir, manifestFile), gaussians(2), Config{Size: 8}, nil); err == nil {
		t.Error("a file as folder gave no error")
	}
	if _, err := Write(t.Context(), dir, gaussians(2), Config{}, nil); err == nil || !strings.Contains(err.Error(), "Size") {
		t.Errorf("error %v of a wrong configuration", err)
	}
}

func TestOpenRefusesDamage(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(s *Set) error
		want   string
	}{
		"no set":          {func(s *Set) error { return os.Remove(filepath.Join(s.dir, manifestFile)) }, "Write"},
		"empty manifest":  {func(s *Set) error { return os.Truncate(filepath.Join(s.dir, manifestFile), 0) }, "damaged"},
		"another version": {func(s *Set) error { return edit(filepath.Join(s.dir, manifestFile), `"version": 1`, `"version": 9`) }, "version 9"},
		"another format":  {func(s *Set) error { return edit(filepath.Join(s.dir, manifestFile), formatName, "cats") }, "cats"},
		"negative shape":  {func(s *Set) error { return edit(filepath.Join(s.dir, manifestFile), "    8,", "    -8,") }, "shape"},
		"large shape":     {func(s *Set) error { return edit(filepath.Join(s.dir, manifestFile), "    8,", "    9999,") }, "bytes"},
		"huge shape":      {func(s *Set) error { return edit(filepath.Join(s.dir, manifestFile), "    8,", "    1073741824,") }, "shape"},
		"parts":           {func(s *Set) error { return edit(filepath.Join(s.dir, manifestFile), `"training": 4`, `"training": 5`) }, "parts"},
		"negative part": {func(s *Set) error {
			return edit(filepath.Join(s.dir, manifestFile), `"training": 4`, `"training": 5, "test": -1`)
		}, "parts"},
		"index":             {func(s *Set) error { return edit(filepath.Join(s.dir, s.m.Index), "g1", "g9") }, "hash"},
		"no index":          {func(s *Set) error { return os.Remove(filepath.Join(s.dir, s.m.Index)) }, "no such file"},
		"truncated images":  {func(s *Set) error { return os.Truncate(filepath.Join(s.dir, s.m.Images), 500) }, "truncated"},
		"empty images":      {func(s *Set) error { return os.Truncate(filepath.Join(s.dir, s.m.Images), 0) }, "truncated"},
		"header of another": {func(s *Set) error { return edit(filepath.Join(s.dir, s.m.Images), "<f4", ">f4") }, "header"},
	} {
		dir := t.TempDir()
		prepareSet(t, dir, gaussians(4), Config{Size: 8})
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := c.damage(s); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "dataset: ") {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// edit replaces a text in a file.
func edit(path, old, new string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Contains(data, []byte(old)) {
		return fmt.Errorf("there is no %q in %s", old, path)
	}
	return os.WriteFile(path, bytes.ReplaceAll(data, []byte(old), []byte(new)), 0o644)
}

func TestVerifyFindsChangedPixels(t *testing.T) {
	dir := t.TempDir()
	prepareSet(t, dir, gaussians(6), Config{Size: 8})
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, s.m.Images)
	if err := errors.Join(s.Close(), s.Close()); err != nil { // the second does nothing
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{1}, pixelsAt+2*8*8*4+17); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := opened(t, dir).Verify(t.Context()); err == nil || !strings.Contains(err.Error(), "1 images, g2 first") {
		t.Errorf("error %v", err)
	}
}

// The environment of the program that TestKilledWriter kills.
const writerEnv = "GALDECON_TEST_WRITER"

// slowGalaxies are synthetic ones of which the later come slowly, and the last after a minute, so that there is time for a kill also where the machine
// is busy.
type slowGalaxies struct{ synthetic.Config }

func (s slowGalaxies) Galaxies(ctx context.Context) iter.Seq2[galaxy.Stamp, error] {
	return func(yield func(galaxy.Stamp, error) bool) {
		i := 0
		for stamp, err := range s.Config.Galaxies(ctx) {
			if i++; i > 200 && os.Getenv(writerEnv) != "" {
				time.Sleep(20 * time.Millisecond)
			}
			if i == 350 && os.Getenv(writerEnv) != "" {
				time.Sleep(time.Minute)
			}
			if !yield(stamp, err) {
				return
			}
		}
	}
}

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
	if summary.Resumed < 240 || a.Identity() != b.Identity() || a.Verify(t.Context()) != nil || a.Galaxies != 400 {
		t.Errorf("%d stamps were used again; same set: %v", summary.Resumed, a.Identity() == b.Identity())
	}
	if files := names(t, dir); len(files) != 5 {
		t.Errorf("the folder holds %v", files)
	}
}

func BenchmarkWrite(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		if _, err := Write(b.Context(), dir, synthetic.Config{N: 200, Size: 128, Channels: 3}, Config{Size: 128, Channels: 3}, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(200*float64(b.N)/b.Elapsed().Seconds(), "galaxies/s")
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	if _, err := Write(b.Context(), dir, synthetic.Config{N: 10_000, Size: 8}, Config{Size: 8}, nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
