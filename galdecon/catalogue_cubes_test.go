package galdecon_test

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/catalogue"
	"galdecon/galdecon/catalogue/parquet"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/wcs"
)

// All candidates of an object are in the file that its row names, in place on the sky and in the
// unit of the image, and can be drawn again.
func TestCatalogueCubes(t *testing.T) {
	s := newSky(t, 2)
	whole, err := files.Read(s.image)
	if err != nil {
		t.Fatal(err)
	}
	if err := whole.Header.Set("BUNIT", "nJy", ""); err != nil {
		t.Fatal(err)
	}
	if err := files.SaveFITS(s.image, whole.Images, whole.Header); err != nil {
		t.Fatal(err)
	}
	m := tiny(t)
	job := s.job(t, s.table())
	job.Cubes, job.Candidates = true, 3
	got, err := galdecon.Catalogue(t.Context(), m, job)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"flux", "flux_p16", "flux_std", "noise"} {
		if c := got.Column(name); c.Unit != "nJy" {
			t.Errorf("%s is in %q", name, c.Unit)
		}
	}
	of, err := m.OfCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	field, err := wcs.Parse(whole.Header)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := job.Draw(t.Context(), of, job.Candidates, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got.Column("candidates_file").Texts[0] != "" {
		t.Error("there is a file of an object without candidates")
	}
	for i, row := range []int{3, 1} {
		name := got.Column("candidates_file").Texts[row]
		cube, err := files.Read(filepath.Join(job.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if drawn[i].Index != row || !slices.Equal(cube.Images.Pixels, drawn[i].Samples.Pixels) {
			t.Errorf("row %d: drawn again, the candidates are others", row)
		}
		if id, _ := cube.Header.Text("OBJECT"); id != got.Column("NUMBER").Text(row) {
			t.Errorf("row %d: the object is %q", row, id)
		}
		world, err := wcs.Parse(cube.Header)
		if err != nil {
			t.Fatal(err)
		}
		left, top := s.x[row]-(fieldCell-1)/2., s.y[row]-(fieldCell-1)/2.
		ra, dec := world.Sky(3, 7)
		wantRA, wantDec := field.Sky(left+3, top+7)
		if math.Abs(ra-wantRA) > 1e-9 || math.Abs(dec-wantDec) > 1e-9 {
			t.Errorf("row %d: a pixel is at %g, %g, want %g, %g", row, ra, dec, wantRA, wantDec)
		}
	}
	if _, err := job.Draw(t.Context(), of, 1, 0); err == nil {
		t.Error("an object without data is drawn")
	}
	if _, err := job.Draw(t.Context(), of, 1, 4); err == nil {
		t.Error("a row that isn't there is drawn")
	}
	job.Seed++
	var changed *catalogue.ChangedError
	if _, err := job.Draw(t.Context(), of, 1, 1); !errors.As(err, &changed) {
		t.Errorf("objects of another run are drawn: %v", err)
	}
}

// Each column of the results says what it is, in both formats.
func TestCatalogueDescribesColumns(t *testing.T) {
	s := newSky(t, 1)
	job := s.job(t, s.table())
	job.Candidates, job.Draws, job.Cubes, job.Images[0].Weight = 1, true, true, ""
	got, err := galdecon.Catalogue(t.Context(), tiny(t), job)
	if err != nil {
		t.Fatal(err)
	}
	inPixels := 0
	for _, c := range got.Columns[len(job.Table.Columns):] {
		if c.Description == "" {
			t.Errorf("column %s has no description", c)
		}
		if c.Unit == "pix" {
			inPixels++
		}
	}
	if inPixels != 3*5 { // radius, x and y, each with three error bars and its draws
		t.Errorf("%d columns are in pixels", inPixels)
	}
	dir := t.TempDir()
	for name, save := range map[string]func(string) error{
		"table.fits":    func(path string) error { return got.SaveFITS(path, nil) },
		"table.parquet": func(path string) error { return parquet.Save(path, got) },
	} {
		path := filepath.Join(dir, name)
		if err := save(path); err != nil {
			t.Fatal(err)
		}
		read, err := parquet.Load(path) // of either
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range got.Columns {
			if r := read.Columns[i]; r.Name != c.Name || r.Unit != c.Unit ||
				r.Description != c.Description {
				t.Errorf("%s: column %s is %q in %q, want %q in %q", name, r.Name, r.Description,
					r.Unit, c.Description, c.Unit)
			}
		}
	}
}
