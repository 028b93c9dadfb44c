package psf_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/psf"
)

// golden is the PSF at a place as the tool that owns the file's format has it, which
// testdata/make_fields.py asks after it has made the file.
type golden struct {
	File, Detector string
	X, Y           float64   // counted from 0
	Pixels         []float64 // in millionths of the peak
}

// fieldOf returns the field of a file, or of a detector in it.
func fieldOf(t *testing.T, f *psf.File, detector string) psf.Field {
	t.Helper()
	if detector == "" {
		if f.Field == nil || f.Detectors != nil {
			t.Fatalf("the field is %v, of the detectors %v", f.Field, f.Detectors)
		}
		return f.Field
	}
	for _, d := range f.Detectors {
		if d.Name == detector {
			return d.Field
		}
	}
	t.Fatalf("there is no detector %s", detector)
	return nil
}

// PSFs at places are those of GalSim, which reads what PSFEx makes of a field of stars, and of
// photutils, which reads the grids of STPSF and STDPSF files.
func TestFieldsAsTheirTools(t *testing.T) {
	var all []golden
	data := must(os.ReadFile(filepath.Join("testdata", "fields.json")))(t)
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	worst, places, files := map[string]float64{}, map[string]int{}, map[string]*psf.File{}
	for _, want := range all {
		if files[want.File] == nil {
			files[want.File] = must(psf.Read(filepath.Join("testdata", want.File)))(t)
		}
		field := fieldOf(t, files[want.File], want.Detector)
		p, err := field.At(psf.Position{Column: want.X, Row: want.Y})
		if err != nil {
			t.Errorf("%s: %v", want.File, err)
			continue
		}
		if len(p.Pixels) != len(want.Pixels) {
			t.Errorf("%s has %d pixels at (%g, %g), want %d", want.File, len(p.Pixels), want.X,
				want.Y, len(want.Pixels))
			continue
		}
		sum, peak := 0.0, 1e6
		for _, v := range want.Pixels {
			sum += v
		}
		places[want.File]++
		for i, v := range want.Pixels {
			d := math.Abs(float64(p.Pixels[i])*sum-v) / peak
			worst[want.File] = max(worst[want.File], d)
		}
	}
	if len(worst) != 13 {
		t.Errorf("%d files, want 13", len(worst))
	}
	for file, d := range worst {
		t.Logf("%-28s %2d places, %.1e of the peak", file, places[file], d)
		fewest := 10
		if strings.HasPrefix(file, "plain") { // the same everywhere
			fewest = 1
		}
		if d > 1e-5 || places[file] < fewest {
			t.Errorf("%s differs by %g of the peak, at %d places", file, d, places[file])
		}
	}
}

func TestGridNearest(t *testing.T) {
	var g psf.Grid
	for i, at := range []psf.Position{{}, {Column: 10}, {Row: 10}} { // no rectangle
		g.Places = append(g.Places, at)
		g.PSFs = append(g.PSFs, must(psf.Gaussian{Sigma: 1 + float64(i)}.Render(15))(t))
	}
	for _, test := range []struct {
		x, y float64
		want int
	}{{1, 2, 0}, {14, 4, 1}, {2, 9, 2}} {
		p := must(g.At(psf.Position{Column: test.x, Row: test.y}))(t)
		if p.Pixels[112] != g.PSFs[test.want].Pixels[112] {
			t.Errorf("(%g, %g) has another PSF than %d", test.x, test.y, test.want)
		}
	}
	if _, err := g.At(psf.Position{Column: math.NaN()}); err == nil {
		t.Error("there is a PSF at NaN")
	}
	g.Places = g.Places[:2]
	if _, err := g.At(psf.Position{}); err == nil {
		t.Error("three PSFs have two places")
	}
}

// Where a field says nothing, the border is named.
func TestOutside(t *testing.T) {
	grid := &psf.Grid{Oversampling: 4, Places: []psf.Position{
		{Column: 0, Row: 0}, {Column: 1000, Row: 0}, {Column: 0, Row: 400}, {Column: 1000, Row: 400}}}
	for range grid.Places {
		grid.PSFs = append(grid.PSFs, must(psf.Gaussian{Sigma: 6}.Render(45))(t))
	}
	f := must(psf.Read(filepath.Join("testdata", "psfex-3.psf")))(t)
	for name, test := range map[string]struct {
		field                    psf.Field
		inside, outside          psf.Position
		value, limit, limitError float64
	}{
		"grid left": {grid, psf.Position{Column: -499, Row: 599}, psf.Position{Column: -501}, -501,
			-500, 0},
		"grid above": {grid, psf.Position{Row: 600}, psf.Position{Row: 601}, 601, 600, 0},
		// Stars have centers of 11.2 to 979.4, and of 11.1 to 781.9.
		"PSFEx": {f.Field, psf.Position{Column: 1070}, psf.Position{Column: 1080}, 1080, 1075.2, 1},
	} {
		if _, err := test.field.At(test.inside); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := test.field.At(test.outside)
		var problem *psf.Problem
		if !errors.As(err, &problem) || problem.Kind != psf.Outside ||
			problem.Value != test.value || math.Abs(problem.Limit-test.limit) > test.limitError {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// One PSF is that of all places; several without places are of none.
func TestFieldOfOne(t *testing.T) {
	f := must(psf.Read(filepath.Join("testdata", "poppy-odd.fits[OVERSAMP]")))(t)
	p := must(f.Field.At(psf.Position{Column: 1e6, Row: -1e6}))(t)
	for i, v := range f.PSFs[0].Pixels {
		if math.Abs(float64(p.Pixels[i]-v)) > 1e-7 {
			t.Fatalf("pixel %d is %g, want %g", i, p.Pixels[i], v)
		}
	}
	f = must(psf.Read(filepath.Join("testdata", "stpsf-odd.fits[0][*,*,2]")))(t)
	if len(f.PSFs) != 1 || f.Field == nil {
		t.Errorf("%d PSFs, field %v", len(f.PSFs), f.Field)
	}
}

// Even grids of PSFEx have their center in a sample.
func TestPSFExEven(t *testing.T) {
	f := must(psf.Read(filepath.Join("testdata", "psfex-1-even.psf")))(t)
	m := must(f.PSFs[0].Moments())(t)
	near(t, "the row", m.Row, 0, 0.01)
	near(t, "the column", m.Col, 0, 0.01)
}

func TestFITSPosition(t *testing.T) {
	if p := psf.FITSPosition(1, 20); p != (psf.Position{Column: 0, Row: 19}) {
		t.Errorf("%v", p)
	}
}

// A file of several detectors has a field for each, and one of them is chosen as any HDU is.
func TestDetectors(t *testing.T) {
	one := must(os.ReadFile(filepath.Join("testdata", "psfex-1.psf")))(t)
	two := must(os.ReadFile(filepath.Join("testdata", "psfex-2.psf")))(t)
	path := saved(t, "mosaic.psf", append(one, two[2880:]...))
	f := must(psf.Read(path))(t)
	if f.Field != nil || len(f.Detectors) != 2 || len(f.PSFs) != 2 {
		t.Fatalf("field %v, detectors %v", f.Field, f.Detectors)
	}
	chosen := must(psf.Read(path + "[2]"))(t)
	at := psf.FITSPosition(100, 700)
	want := must(must(psf.Read(filepath.Join("testdata", "psfex-2.psf")))(t).Field.At(at))(t)
	for name, field := range map[string]psf.Field{"2": fieldOf(t, f, "2"), "[2]": chosen.Field} {
		if got := must(field.At(at))(t); !slices.Equal(got.Pixels, want.Pixels) {
			t.Errorf("%s has another PSF", name)
		}
	}
	if _, err := psf.Read(path + "[3]"); err == nil {
		t.Error("there is an HDU 3")
	}
}

// Files as the observatories' archives have them are read.
func TestArchives(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data", "real")
	for _, test := range []struct {
		file, detector string
		n              int
		last           psf.Position
	}{
		{"STDPSF_ACSWFC_F814W_mock.fits", "WFC1", 90, psf.Position{Column: 4095, Row: 2047}},
		{"STDPSF_NRCA1_F150W_mock.fits", "", 25, psf.Position{Column: 2047, Row: 2047}},
		{"nircam_nrca1_f200w_fovp101_samp4_npsf16_mock.fits", "", 16,
			psf.Position{Column: 2047, Row: 2047}},
	} {
		path := filepath.Join(dir, test.file)
		if _, err := os.Stat(path); err != nil {
			t.Skip("the archives' files are not here: ", err)
		}
		f := must(psf.Read(path))(t)
		grid := fieldOf(t, f, test.detector).(*psf.Grid)
		if len(f.PSFs) != test.n || f.Oversampling != 4 ||
			grid.Places[len(grid.Places)-1] != test.last {
			t.Errorf("%s: %d PSFs, oversampling %d, places %v", test.file, len(f.PSFs),
				f.Oversampling, grid.Places)
		}
		must(grid.At(test.last))(t)
	}
}
