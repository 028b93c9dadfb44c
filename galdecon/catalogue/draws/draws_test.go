package draws_test

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"galdecon/galdecon/catalogue/draws"
	"galdecon/galdecon/catalogue/table"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// keep is where the folder is left for testdata/check.py, which opens it by the real ArviZ.
var keep = flag.String("keep", "", "write the draws to this `folder`, which must not be there")

// example are three candidates, Gaussian galaxies of σ = 2 pixels with fluxes of 100, 200 and 300,
// 16 rows high and 20 columns wide, in units of which one is 50 of the source.
func example(t *testing.T) posterior.Posterior {
	t.Helper()
	p, err := psf.Gaussian{Sigma: 1}.Render(5)
	if err != nil {
		t.Fatal(err)
	}
	y := galaxy.NewImages(3, 16, 20, 1)
	for k := range y.Pixels {
		i, row, column := k/320, k%320/20, k%20
		dx, dy := float64(column)-9.5, float64(row)-7.5
		y.Pixels[k] = float32(100 * float64(i+1) / (8 * math.Pi) * math.Exp(-(dx*dx+dy*dy)/8))
	}
	x := y.Select(0)
	x.Scale, x.IDs = []float64{50}, []string{"NGC 1"}
	return posterior.Posterior{Observation: x, PSF: p, Noise: 0.5, Samples: y,
		Reblurred: y.Clone(), Seed: 7}
}

func save(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "draws.zarr")
	if *keep != "" {
		dir = *keep
	}
	if err := draws.Save(dir, example(t), 8); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readJSON(t *testing.T, to any, path ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatal(err)
	}
}

func TestStructure(t *testing.T) {
	dir := save(t)
	var all struct {
		Metadata map[string]json.RawMessage
		Format   int `json:"zarr_consolidated_format"`
	}
	readJSON(t, &all, dir, ".zmetadata")
	if all.Format != 1 || all.Metadata["posterior/galaxy/.zarray"] == nil {
		t.Errorf("consolidated metadata: %+v", all)
	}
	for name, want := range map[string]struct {
		dimensions []string
		shape      []int
		kind       string
	}{
		"posterior/galaxy": {[]string{"chain", "draw", "height", "width"}, []int{1, 3, 16, 20},
			"<f8"},
		"posterior/flux": {[]string{"chain", "draw"}, []int{1, 3}, "<f8"},
		"posterior/draw": {[]string{"draw"}, []int{3}, "<i8"},
		"posterior_predictive/image": {[]string{"chain", "draw", "height", "width"},
			[]int{1, 3, 16, 20}, "<f8"},
		"observed_data/image": {[]string{"height", "width"}, []int{16, 20}, "<f8"},
		"constant_data/psf":   {[]string{"psf_height", "psf_width"}, []int{5, 5}, "<f4"},
		"constant_data/noise": {[]string{}, []int{}, "<f8"},
	} {
		var array struct {
			Shape []int
			Dtype string
		}
		var attributes struct {
			Dimensions []string `json:"_ARRAY_DIMENSIONS"`
		}
		readJSON(t, &array, dir, name, ".zarray")
		readJSON(t, &attributes, dir, name, ".zattrs")
		if !slices.Equal(array.Shape, want.shape) || array.Dtype != want.kind ||
			!slices.Equal(attributes.Dimensions, want.dimensions) {
			t.Errorf("%s: %+v %+v, want %+v", name, array, attributes, want)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "posterior", "flux", "0.0"))
	if err != nil || len(data) != 24 {
		t.Fatal(len(data), err)
	}
	for i, want := range []float64{5000, 10000, 15000} {
		got := math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
		// The aperture of four σ leaves out exp(−8) of the light.
		if math.Abs(got/want-1) > 1e-3 {
			t.Errorf("candidate %d has a flux of %g, want %g", i, got, want)
		}
	}
}

// All objects are in one array, which is in several files where there are many.
func TestSaveTable(t *testing.T) {
	const objects, n = 5000, 3
	ids, flux := make([]int64, objects), make([]float64, objects*n)
	for i := range flux {
		ids[i/n], flux[i] = int64(1000+i/n), float64(i)
	}
	of := &table.Table{Columns: []*table.Column{table.NewIntegers("NUMBER", "", "", ids),
		table.NewFloats("flux_draws", "nJy", "", flux, n)}}
	dir := filepath.Join(t.TempDir(), "all.zarr")
	if *keep != "" {
		dir = *keep + ".all"
	}
	if err := draws.SaveTable(dir, of, "NUMBER"); err != nil {
		t.Fatal(err)
	}
	var array struct{ Shape, Chunks []int }
	readJSON(t, &array, dir, "posterior", "flux", ".zarray")
	if !slices.Equal(array.Shape, []int{1, n, objects}) ||
		!slices.Equal(array.Chunks, []int{1, n, 4096}) {
		t.Errorf("%+v", array)
	}
	data, err := os.ReadFile(filepath.Join(dir, "posterior", "flux", "0.0.1"))
	if err != nil || len(data) != 8*n*4096 {
		t.Fatal(len(data), err)
	}
	// Draw 2 of object 4097 is the second value of the last third.
	got := math.Float64frombits(binary.LittleEndian.Uint64(data[8*(2*4096+1):]))
	if want := float64(4097*n + 2); got != want {
		t.Errorf("%g, want %g", got, want)
	}
	of.Columns = of.Columns[:1]
	if err := draws.SaveTable(filepath.Join(t.TempDir(), "x"), of, ""); err == nil {
		t.Error("a table without draws is written")
	}
}

func TestSaveRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := draws.Save(dir, example(t), 8); err == nil {
		t.Error("a folder is overwritten")
	}
	if err := draws.Save(filepath.Join(dir, "new"), posterior.Posterior{}, 8); err == nil {
		t.Error("no candidates are written")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("there is %v left: %v", entries, err)
	}
}
