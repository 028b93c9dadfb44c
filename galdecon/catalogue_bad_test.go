package galdecon_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/catalogue"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/galaxy/wcs"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/psf"
)

// Positions on the sky lead to the same stamps, also where a second image is named, and a mask
// takes the place of weights that are 0.
func TestCatalogueOnTheSky(t *testing.T) {
	s := newSky(t, 2)
	m := tiny(t)
	pixels := s.job(t, s.table())
	pixels.Candidates = 2
	want, err := galdecon.Catalogue(t.Context(), m, pixels)
	if err != nil {
		t.Fatal(err)
	}
	file, err := fits.Open(s.image)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	world, err := wcs.Parse(file.HDUs[0].Header)
	if err != nil {
		t.Fatal(err)
	}
	in := s.table()
	in.Columns[1].Name, in.Columns[2].Name = "RA", "DEC"
	in.Columns[1].Unit, in.Columns[2].Unit = "deg", "deg"
	for i := range s.x {
		in.Columns[1].Floats[i], in.Columns[2].Floats[i] = world.Sky(s.x[i], s.y[i])
	}
	in.Columns[0].Integers = append(in.Columns[0].Integers, 300)
	in.Columns[1].Floats = append(in.Columns[1].Floats, 10) // elsewhere
	in.Columns[2].Floats = append(in.Columns[2].Floats, -80)
	in.Columns[3].Floats = append(in.Columns[3].Floats, 0)
	sky := s.job(t, in)
	sky.Candidates = 2
	elsewhere := newSky(t, 1)
	moveNorth(t, elsewhere.image)
	sky.Images = append([]catalogue.Image{{Path: elsewhere.image, Weight: elsewhere.weight,
		PSF: catalogue.Constant(s.psf)}}, sky.Images...)
	got, err := galdecon.Catalogue(t.Context(), m, sky)
	if err != nil {
		t.Fatal(err)
	}
	if fate := got.Column("fate").Texts[4]; fate != "outside" {
		t.Errorf("an object elsewhere is %s", fate)
	}
	for _, name := range []string{"flux", "flux_p84", "x", "g2", "chi2"} {
		a, b := want.Column(name), got.Column(name)
		for i := range 4 {
			if x, y := a.Floats[i], b.Floats[i]; x != y && !(math.IsNaN(x) && math.IsNaN(y)) {
				t.Errorf("row %d: %s is %g on the sky, %g in pixels", i, name, y, x)
			}
		}
	}
	masked := s.job(t, s.table())
	masked.Candidates = 2
	masked.Images[0].Weight, masked.Images[0].Mask = "", s.weight
	if got, err = galdecon.Catalogue(t.Context(), m, masked); err != nil {
		t.Fatal(err)
	}
	// Of the weights all are masks but those that are 0.
	for i, fate := range got.Column("fate").Texts {
		if (fate == "no data") != (i > 0) {
			t.Errorf("row %d is %s", i, fate)
		}
	}
}

// moveNorth moves an image to another place on the sky.
func moveNorth(t *testing.T, path string) {
	t.Helper()
	f, err := files.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Header.Set("CRVAL2", 40.0, ""); err != nil {
		t.Fatal(err)
	}
	if err := files.SaveFITS(path, f.Images, f.Header); err != nil {
		t.Fatal(err)
	}
}

// Results of another run aren't mixed with these, and what is wrong with a job is said.
func TestCatalogueRefuses(t *testing.T) {
	s := newSky(t, 2)
	m := tiny(t)
	job := s.job(t, s.table())
	run := func(job catalogue.Job) error {
		_, err := galdecon.Catalogue(t.Context(), m, job)
		return err
	}
	if err := run(job); err != nil {
		t.Fatal(err)
	}
	other := job
	other.Seed = 4
	err := run(other)
	var changed *catalogue.ChangedError
	if !errors.As(err, &changed) {
		t.Errorf("another seed: %v", err)
	}
	galtest.Wants(t, "another seed", err, "its Seed is there 3, here 4", "another folder")
	other = job
	other.Table = s.table()
	other.Table.Columns[3].Floats[0]++
	galtest.Wants(t, "another catalogue", run(other), "its Catalogue is there")
	other = job
	other.Dir = t.TempDir()
	other.Images = []catalogue.Image{{Path: s.image, Weight: s.weight}}
	galtest.Wants(t, "no PSF", run(other), "has no PSF")
	other.Images = append(slices.Clone(job.Images), job.Images...)
	galtest.Wants(t, "pixels of two images", run(other), "don't say in which of 2 images")
	other = job
	other.Dir = filepath.Join(s.image, "file")
	galtest.Wants(t, "a file for a folder", run(other), "cannot make the folder")
}

// Where a model of PSFEx had no stars an object has no PSF, and the others are measured.
func TestCataloguePartOfTheField(t *testing.T) {
	s := newSky(t, 2)
	whole, err := os.ReadFile("psf/testdata/psfex-1.psf")
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]float64{"POLZERO1": 16, "POLSCAL1": 32, "POLZERO2": 32,
		"POLSCAL2": 64} { // stars in columns 0 to 32
		i := bytes.Index(whole, []byte(key+"="))
		copy(whole[i:], fmt.Appendf(nil, "%-8s= %20g", key, value))
	}
	path := filepath.Join(t.TempDir(), "field.psf")
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := psf.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	job := s.job(t, s.table())
	job.Candidates, job.Images[0].PSF, job.Images[0].Weight = 1, file.Field, ""
	got, err := galdecon.Catalogue(t.Context(), tiny(t), job)
	if err != nil {
		t.Fatal(err)
	}
	for i, fate := range got.Column("fate").Texts {
		want := catalogue.Measured
		if s.x[i] > 40 {
			want = catalogue.NoPSF
		}
		if detail := got.Column("fate_detail").Texts[i]; fate != string(want) ||
			strings.Contains(detail, "there is no PSF at column 47.5") != (want == catalogue.NoPSF) {
			t.Errorf("row %d is %s (%s), want %s", i, fate, detail, want)
		}
	}
}

// A full disk is one sentence, what was stored before it stays, and when there is room again the
// run goes on to the same table.
func TestCatalogueOnAFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=128k"); err != nil {
		t.Skipf("no disk can be mounted that is soon full: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	s := newSky(t, 2)
	m := tiny(t)
	job := s.job(t, s.table())
	job.Candidates, job.Batch, job.Images[0].Weight = 1, 1, ""
	want, err := galdecon.Catalogue(t.Context(), m, job)
	if err != nil {
		t.Fatal(err)
	}
	job.Dir = filepath.Join(disk, "results")
	_, err = galdecon.Catalogue(t.Context(), m, job)
	galtest.Wants(t, "a full disk", err, "no space left on device")
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the error doesn't say what it is: %v", err)
	}
	done, err := catalogue.Done(job.Dir, 4)
	if err != nil || done < 1 || done > 3 {
		t.Errorf("%d objects are stored: %v", done, err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	again := 0
	job.Report = func(catalogue.Progress) { again++ }
	got, err := galdecon.Catalogue(t.Context(), m, job)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bits(t, got), bits(t, want)) || again != 4-done {
		t.Errorf("with room again the table is another, or %d objects were done again", again)
	}
	if left, err := filepath.Glob(filepath.Join(job.Dir, "parts", ".*")); err != nil ||
		len(left) > 0 {
		t.Errorf("there is %v left: %v", left, err)
	}
}
