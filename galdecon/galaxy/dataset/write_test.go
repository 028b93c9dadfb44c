package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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
			ID: fmt.Sprintf("g%d", i), Object: fmt.Sprintf("object %d", i/2),
			Origin: fmt.Sprintf("origin %d", i%3), License: "CC BY",
			Done: float64(i+1) / float64(n),
			Read: func() (*galaxy.Images,
				error) {
				return blob(16, 16, 1, 8, 8, 2+float64(i)/100, float64(10+i)), nil
			},
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
	if s.Source != "gaussians" || s.Config != config || s.Galaxies != 40 || s.Objects != 20 ||
		summary.Galaxies != 40 ||
		!maps.Equal(s.Parts, map[Subset]int{Training: 28, Validation: 8, Testing: 4}) {
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
		origin, license := s.Origin(i)
		if !slices.Equal(all.At(i), want.Pixels) || all.Scale[i] != want.Scale[0] ||
			s.Zoom(i) != 2 || s.hashes[i] != hashOf(want.Pixels) ||
			origin != source.stamps[k].Origin || license != "CC BY" {
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
	if _, err := s.Subset(Testing); err == nil ||
		!strings.Contains(err.Error(), "no test galaxies") {
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
	if len(images) != 6 ||
		config.Describe() == (synthetic.Config{N: 6, Size: 32, Channels: 3, Seed: 8, First: 3,
			Pictures: 0.5}).Describe() {
		t.Errorf("%d images of %s", len(images), config.Describe())
	}
	if _, err := Write(t.Context(), t.TempDir(), synthetic.Config{N: 1}, Config{Size: 8},
		nil); err == nil || !strings.Contains(err.Error(), "Size must be between") {
		t.Errorf("error %v of a wrong configuration", err)
	}
}

// TestHoles follows pixels without exposure from a file of astropy's into a set.
func TestHoles(t *testing.T) {
	path := filepath.Join("..", "files", "testdata", "holes.fits")
	if _, err := files.Load(path); err == nil ||
		!strings.Contains(err.Error(), "NaN at row 0, column 0") ||
		!strings.Contains(err.Error(), "Read lets") {
		t.Errorf("error %v of Load", err)
	}
	file, err := files.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	im := file.Images
	if !raster.IsBad(im.Pixels[0]) || !raster.IsBad(im.Pixels[11]) || im.Pixels[5] != 11 {
		t.Errorf("Read: %+v", im)
	}
	// The ramp of 3 x 4 pixels is too small for a set, so it's the corner of a larger image.
	large := blob(16, 16, 1, 8, 8, 3, 100)
	large.Pixels[0], large.Pixels[17] = im.Pixels[0], im.Pixels[11]
	dir := t.TempDir()
	prepareSet(t, dir,
		list{name: "holes",
			stamps: []galaxy.Stamp{{ID: "a",
				Read: func() (*galaxy.Images, error) { return large, nil }}}},
		Config{Size: 16, Bad: galaxy.BadZero})
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
			if peak := slices.Max(s.Images().At(i)); peak != float32(float64(10+k)/19) ||
				s.Images().Scale[i] != 19 {
				t.Errorf("%s has the peak %v and scale %v", s.Images().ID(i), peak,
					s.Images().Scale[i])
			}
		}
	}
}

func TestWriteRejects(t *testing.T) {
	dir := t.TempDir()
	source := gaussians(4)
	source.stamps[1].Read = func() (*galaxy.Images, error) {
		return nil,
			errors.New("a scratch, \"deep\"\nand long")
	}
	source.stamps[2].Read = source.stamps[0].Read
	source.stamps = append(source.stamps, source.stamps[3])
	source.stamps = append(source.stamps,
		galaxy.Stamp{ID: "dark", Done: 1,
			Read: func() (*galaxy.Images, error) { return galaxy.NewImages(1, 16, 16, 1), nil }})
	summary := prepareSet(t, dir, source, Config{Size: 8})
	s := opened(t, dir)
	want := map[string]int{Unreadable: 1, Duplicate: 2, Empty: 1}
	if summary.Galaxies != 2 || !maps.Equal(summary.Rejected, want) ||
		!maps.Equal(s.Summary.Rejected, want) {
		t.Errorf("summary %+v, want rejected %v", summary, want)
	}
	rejected, err := s.Rejected()
	if err != nil {
		t.Fatal(err)
	}
	if len(rejected) != 4 ||
		rejected[0] != (Rejection{"g1", Unreadable, "a scratch, \"deep\"\nand long"}) ||
		rejected[1].Detail != "it has the pixels of g0" || rejected[3].ID != "dark" {
		t.Errorf("rejected %q", rejected)
	}

	for want, stamps := range map[string][]galaxy.Stamp{"no galaxies": nil,
		"none of the 2 galaxies": source.stamps[4:]} {
		stamps = slices.Clone(stamps)
		if len(stamps) > 0 {
			stamps[0].Read = source.stamps[1].Read
		}
		if _, err := Write(t.Context(), t.TempDir(), list{name: "bad", stamps: stamps},
			Config{Size: 8}, nil); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), "dataset: ") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestBadSources(t *testing.T) {
	if _, err := Write(t.Context(), t.TempDir(), nil, Config{Size: 8}, nil); err == nil ||
		!strings.HasPrefix(err.Error(), "dataset: there is no source") {
		t.Errorf("error %v without a source", err)
	}
	source := gaussians(3)
	source.stamps[0].Read = nil
	source.stamps[1].Read = func() (*galaxy.Images, error) { return nil, nil }
	if summary := prepareSet(t, t.TempDir(), source, Config{Size: 8}); summary.Galaxies != 1 ||
		summary.Rejected[Unreadable] != 2 {
		t.Errorf("%+v", summary)
	}
}

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

func BenchmarkWrite(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		if _, err := Write(b.Context(), dir, synthetic.Config{N: 200, Size: 128, Channels: 3},
			Config{Size: 128, Channels: 3}, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(200*float64(b.N)/b.Elapsed().Seconds(), "galaxies/s")
}
