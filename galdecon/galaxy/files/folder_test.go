package files

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/galtest"
)

func ids(stamps []galaxy.Stamp) (out []string) {
	for _, s := range stamps {
		out = append(out, s.ID)
	}
	return out
}

func TestFolderReadsEveryFormat(t *testing.T) {
	files := samples(t)
	nested := map[string][]byte{"README.txt": []byte("no image"), ".hidden.npy": nil,
		".git/a.npy": nil}
	for name, data := range files {
		nested["deep/down/"+name] = data
	}
	stamps, images, unreadable := galtest.Contents(t,
		Folder{Path: fill(t, nested), Origin: "a survey", License: "CC BY"})
	if len(unreadable) > 0 {
		t.Errorf("unreadable: %v", unreadable)
	}
	checkSamples(t, stamps, images)
	if !slices.IsSorted(ids(stamps)) || len(stamps) != len(files) ||
		!slices.Contains(ids(stamps), "deep/down/a.npz/y") ||
		!slices.Contains(ids(stamps), "deep/down/png16.PNG") {
		t.Errorf("IDs %v", ids(stamps))
	}
	if s := stamps[0]; s.Origin != "a survey" || s.License != "CC BY" || s.Version == "" {
		t.Errorf("stamp %+v", s)
	}
}

func TestFolderReadsArchives(t *testing.T) {
	files := samples(t)
	names := slices.Sorted(maps.Keys(files))
	slices.Reverse(names) // an archive needn't be sorted
	in := map[string][]byte{"x/._junk.png": []byte("of macOS"), "notes.txt": nil}
	for name, data := range files {
		in["x/"+name] = data
	}
	inside := []string{"x/._junk.png", "notes.txt"}
	for _, name := range names {
		inside = append(inside, "x/"+name)
	}
	dir := fill(t, map[string][]byte{
		"a.tar": tarred(t, inside, in), "b.tar.gz": gzipped(t, tarred(t, inside, in)),
		"c.tgz": gzipped(t, tarred(t, inside, in)),
		"d.zip": zipped(t, zip.Deflate, inside, in), "e.ZIP": zipped(t, zip.Store, inside, in),
	})
	stamps, images, unreadable := galtest.Contents(t, Folder{Path: dir})
	if len(unreadable) > 0 || len(stamps) != 5*len(files) {
		t.Errorf("%d images, unreadable %v", len(stamps), unreadable)
	}
	for k, s := range stamps {
		if share := float64(k) / float64(len(stamps)); math.Abs(s.Done-share) > 0.2 {
			t.Errorf("the progress at %s is %v, that of images %v", s.ID, s.Done, share)
		}
	}
	checkSamples(t, stamps, images)
	if got := ids(stamps)[0]; got != "a.tar/x/"+names[0] {
		t.Errorf("the first of the tar archive is %s", got)
	}
	zip := ids(stamps)[3*len(files) : 4*len(files)]
	if !slices.IsSorted(zip) || !strings.HasPrefix(zip[0], "d.zip/x/") {
		t.Errorf("of the zip archive come %v", zip)
	}
	// An archive, or a file, by itself.
	one, _, _ := galtest.Contents(t, Folder{Path: filepath.Join(dir, "a.tar")})
	if len(one) != len(files) || one[0].ID != stamps[0].ID {
		t.Errorf("of the archive alone come %v", ids(one))
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	if linked, _, _ := galtest.Contents(t, Folder{Path: link}); !slices.Equal(ids(linked),
		ids(stamps)) {
		t.Errorf("through a link come %v", ids(linked))
	}
}

func TestFolderStacksAndObjects(t *testing.T) {
	dir := fill(t, map[string][]byte{
		"m51_angle0.npy": numpy("<f4", "1, 2", []float32{1, 2}),
		"m51_angle1.npy": numpy("<f4", "2, 1, 2", []float32{3, 4, 5, 6}),
		"sky.npy.gz":     gzipped(t, numpy("<f4", "1, 1, 1, 2", []float32{7, 8})),
	})
	cube, err := os.ReadFile(filepath.Join("testdata", "cube.fits"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cube.fits"), cube, 0o644); err != nil {
		t.Fatal(err)
	}
	stamps, images, _ := galtest.Contents(t, Folder{Path: dir, Objects: `^(.*)_angle\d+`})
	if want := []string{"cube.fits[0]", "cube.fits[1]", "m51_angle0.npy", "m51_angle1.npy[0]",
		"m51_angle1.npy[1]", "sky.npy.gz"}; !slices.Equal(ids(stamps), want) {
		t.Fatalf("IDs %v", ids(stamps))
	}
	for i, want := range [][]float32{nil,
		{100, 101, 102, 103, 110, 111, 112, 113, 120, 121, 122, 123}, {1, 2}, {3, 4}, {5, 6},
		{7, 8}} {
		if want != nil && !slices.Equal(images[i].Pixels, want) {
			t.Errorf("%s: %v", stamps[i].ID, images[i].Pixels)
		}
	}
	if stamps[0].Object != "" || stamps[2].Object != "m51" || stamps[4].Object != "m51" {
		t.Errorf("stamps %+v", stamps)
	}
	if images[5].Channels != 2 {
		t.Errorf("the last has %d channels", images[5].Channels)
	}
	whole, _, _ := galtest.Contents(t, Folder{Path: dir, Objects: `m\d+`})
	if whole[2].Object != "m51" {
		t.Errorf("an expression without a group gives the object %q", whole[2].Object)
	}

	_, images, _ = galtest.Contents(t,
		Folder{Path: filepath.Join(dir, "cube.fits"), Planes: ChannelsFirst})
	if im := images[0]; im.Channels != 2 || im.Height != 3 || im.Width != 4 ||
		!slices.Equal(im.Pixels[:4], []float32{0, 100, 1, 101}) {
		t.Errorf("a cube of channels: %+v", im)
	}
	_, images, _ = galtest.Contents(t,
		Folder{Path: filepath.Join(dir, "m51_angle1.npy"), Planes: ChannelsLast})
	if im := images[0]; im.Channels != 2 || im.Height != 2 || im.Width != 1 ||
		!slices.Equal(im.Pixels, []float32{3, 4, 5, 6}) {
		t.Errorf("channels last: %+v", im)
	}
	_, images, _ = galtest.Contents(t,
		Folder{Path: filepath.Join(dir, "m51_angle1.npy"), Planes: ChannelsFirst})
	if im := images[0]; im.Channels != 2 || im.Height != 1 || im.Width != 2 ||
		!slices.Equal(im.Pixels, []float32{3, 5, 4, 6}) {
		t.Errorf("channels first: %+v", im)
	}
}

func TestFolderTellsOfDamage(t *testing.T) {
	files := samples(t)
	good := files["a.npy"]
	tarFile := tarred(t, []string{"1.npy", "2.npy"},
		map[string][]byte{"1.npy": good, "2.npy": good})
	stack := numpy("<f4", "3, 1, 2", []float32{1, 2, 3, 4, 5, 6})
	arrays := npz(t, zip.Store, map[string][]byte{"a.npy": good, "b.npy": good})
	arrays[bytes.Index(arrays, good)+len(good)-1] ^= 0xff // within the values of a
	dir := fill(t, map[string][]byte{
		"empty.fits":  nil,
		"empty.tar":   nil,
		"empty.png":   nil,
		"cut.fits":    files["a.fits"][:2880+10],
		"cut.npy":     stack[:len(stack)-6],
		"cut.png":     files["png16.PNG"][:40],
		"cut.tar":     tarFile[:1100],
		"cut.tar.gz":  gzipped(t, tarFile)[:60],
		"cut.zip":     arrays[:len(arrays)-9],
		"cut.npy.gz":  files["a.npy.gz"][:len(files["a.npy.gz"])-4],
		"damaged.npz": arrays,
		"none.npz": npz(t, zip.Store,
			map[string][]byte{"labels.npy": numpy("<i4", "3,", []int32{1, 2, 3})}),
		"good.npy":     good,
		"packed.fz":    good,
		"spectrum.fit": []byte("hello"),
	})
	stamps, _, unreadable := galtest.Contents(t, Folder{Path: dir})
	// What comes before the damage is used.
	if want := []string{"cut.npy[0]", "cut.npy[1]", "cut.tar/1.npy", "damaged.npz/b",
		"good.npy"}; !slices.Equal(ids(stamps), want) {
		t.Errorf("readable are %v", ids(stamps))
	}
	for id, want := range map[string]string{
		"empty.fits": "the file is empty", "empty.tar": "the file is empty",
		"empty.png": "the file is empty", "cut.fits": "truncated",
		"cut.npy[2]": "truncated", "cut.npy.gz": "truncated", "cut.png": "truncated",
		"cut.tar": "truncated", "cut.tar.gz": "truncated", "cut.zip": "truncated",
		"damaged.npz/a": "damaged or truncated: zip: checksum error",
		"none.npz":      "no array of images", "packed.fz": "not with SIMPLE",
		"spectrum.fit": "not with SIMPLE",
	} {
		if !strings.Contains(unreadable[id], want) {
			t.Errorf("%s: %q, want one with %q", id, unreadable[id], want)
		}
	}
}

func TestFolderRefuses(t *testing.T) {
	first := func(f Folder) error {
		for _, err := range f.Galaxies(t.Context()) {
			return err
		}
		return nil
	}
	good := fill(t, map[string][]byte{"a.npy": numpy("<f4", "1, 1", []float32{1})})
	for want, folder := range map[string]Folder{
		"cannot list":        {Path: filepath.Join(good, "absent")},
		"no image in":        {Path: fill(t, map[string][]byte{"a.txt": nil})},
		"regular expression": {Path: good, Objects: "("},
		"channels last":      {Path: good, Planes: "sideways"},
	} {
		if err := first(folder); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), "files: ") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range (Folder{Path: good}).Galaxies(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v after the end of ctx", err)
		}
	}
}

// TestFolderOfManyFiles lists 100,000 names of one file, and reads a few.
func TestFolderOfManyFiles(t *testing.T) {
	const n = 100_000
	picture := samples(t)["png8.png"]
	dir := fill(t, map[string][]byte{"0.png": picture, "1.png": picture, "2.png": picture})
	for k := 3; k < n; k++ {
		sub := filepath.Join(dir, fmt.Sprint(k%100))
		if k < 103 {
			if err := os.Mkdir(sub, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		// A file system allows some ten thousand names of a file.
		if err := os.Link(filepath.Join(dir, fmt.Sprintf("%d.png", k%3)),
			filepath.Join(sub, fmt.Sprintf("%d.png", n-k))); err != nil {
			t.Skipf("the file system has no links: %v", err)
		}
	}
	count, before := 0, ""
	for s, err := range (Folder{Path: dir}).Galaxies(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		// A folder's name is sorted as one, before its "/" is.
		if name := strings.ReplaceAll(s.ID, "/", "\x00"); name <= before {
			t.Fatalf("%s comes after %s", s.ID, before)
		} else {
			before = name
		}
		if count++; count%10_000 == 0 {
			if im, err := s.Read(); err != nil || im.Height != 2 {
				t.Errorf("%s: %v", s.ID, err)
			}
		}
	}
	if count != n {
		t.Errorf("%d files", count)
	}
}
