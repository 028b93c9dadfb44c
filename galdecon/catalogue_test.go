package galdecon_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/catalogue"
	"galdecon/galdecon/catalogue/table"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

// sky is an image with galaxies in a grid, in whose lower left corner the pixels have no weight.
type sky struct {
	image, weight string
	psf           psf.PSF
	truth         *galaxy.Images
	x, y          []float64 // columns and rows, counted from 0
}

const fieldNoise, fieldCell, fieldAperture = 0.01, 32, 12

// newSky writes n×n galaxies.
func newSky(t *testing.T, n int) sky {
	t.Helper()
	truth, err := synthetic.Galaxies(synthetic.Config{N: n * n, Size: fieldCell, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	s := sky{truth: truth, image: filepath.Join(t.TempDir(), "field.fits")}
	s.weight = filepath.Join(filepath.Dir(s.image), "weight.fits")
	if s.psf, err = (psf.Gaussian{Sigma: 1.5}).Render(15); err != nil {
		t.Fatal(err)
	}
	x, err := galdecon.Observe(truth, []psf.PSF{s.psf}, fieldNoise, 1)
	if err != nil {
		t.Fatal(err)
	}
	side := n * fieldCell
	field, weight := galaxy.NewImages(1, side, side, 1), galaxy.NewImages(1, side, side, 1)
	for i := range n * n {
		left, top := i%n*fieldCell, i/n*fieldCell
		for k, v := range x.Images().At(i) {
			field.Pixels[(top+k/fieldCell)*side+left+k%fieldCell] = v
		}
		s.x = append(s.x, float64(left)+(fieldCell-1)/2.)
		s.y = append(s.y, float64(top)+(fieldCell-1)/2.)
	}
	for k := range weight.Pixels {
		weight.Pixels[k] = 1 / (fieldNoise * fieldNoise)
		if k/side < fieldCell && k%side < fieldCell {
			weight.Pixels[k] = 0
		}
	}
	header := fits.NewHeader("CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'", "CRVAL1  = 150.0",
		"CRVAL2  = 2.0", "CRPIX1  = 10.0", "CRPIX2  = 20.0", "CD1_1   = -5.0E-5",
		"CD1_2   = 0.0", "CD2_1   = 0.0", "CD2_2   = 5.0E-5")
	if err := errors.Join(files.SaveFITS(s.image, field, header),
		files.SaveFITS(s.weight, weight, nil)); err != nil {
		t.Fatal(err)
	}
	return s
}

// table returns the galaxies as SExtractor lists them.
func (s sky) table() *table.Table {
	t := &table.Table{Columns: []*table.Column{
		table.NewIntegers("NUMBER", "", "Running object number", nil),
		table.NewFloats("X_IMAGE", "pixel", "", nil), table.NewFloats("Y_IMAGE", "pixel", "", nil),
		table.NewFloats("flux", "count", "a name that results have, too", nil),
	}}
	for i := range s.x {
		s.add(t, int64(100+i), s.x[i], s.y[i])
	}
	return t
}

// add adds a row.
func (s sky) add(t *table.Table, id int64, x, y float64) {
	t.Columns[0].Integers = append(t.Columns[0].Integers, id)
	t.Columns[1].Floats = append(t.Columns[1].Floats, x+1)
	t.Columns[2].Floats = append(t.Columns[2].Floats, y+1)
	t.Columns[3].Floats = append(t.Columns[3].Floats, float64(id)/2)
}

func (s sky) job(t *testing.T, of *table.Table) catalogue.Job {
	return catalogue.Job{
		Images: []catalogue.Image{{Path: s.image, Weight: s.weight,
			PSF: catalogue.Constant(s.psf)}},
		Table: of, Candidates: 8, Seed: 3, Aperture: fieldAperture, Dir: t.TempDir(),
	}
}

func tiny(t *testing.T) *galdecon.Model {
	t.Helper()
	m, err := pretrained.Load("tiny")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// bits returns the bytes of a table as FITS.
func bits(t *testing.T, of *table.Table) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bits.fits")
	if err := of.SaveFITS(path, nil); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Fluxes and centers are those of the galaxies, as far as their error bars say, and what can't be
// measured says why in its row.
func TestCatalogue(t *testing.T) {
	s := newSky(t, 3)
	in := s.table()
	s.add(in, 104, s.x[4], s.y[4]) // an id that is there
	s.add(in, 200, -5, 10)         // outside
	s.add(in, 201, math.NaN(), 10) // nowhere
	s.add(in, 202, 4, 80)          // its stamp reaches beyond the edge
	s.add(in, 203, 47.5, 31.5)     // no galaxy there, between two
	job := s.job(t, in)
	reports := 0
	job.Report = func(p catalogue.Progress) {
		if reports++; p.Done != reports || p.Total != in.Rows() || p.ID == "" {
			t.Errorf("report %d says %v of %s", reports, p, p.ID)
		}
	}
	out, err := galdecon.Catalogue(t.Context(), tiny(t), job)
	if err != nil {
		t.Fatal(err)
	}
	if reports != in.Rows() || out.Rows() != in.Rows() {
		t.Errorf("%d reports, %d rows", reports, out.Rows())
	}
	column := func(name string) *table.Column {
		t.Helper()
		c := out.Column(name)
		if c == nil {
			t.Fatalf("there is no column %s in %v", name, out.Names())
		}
		return c
	}
	if c := column("input_flux"); c.Unit != "count" || c.Floats[0] != 50 {
		t.Errorf("%v", c)
	}
	fates := map[int]string{0: "no data", 9: "duplicate id", 10: "outside", 11: "no position"}
	for row, fate := range column("fate").Texts {
		if want := fates[row]; want != "" && fate != want {
			t.Errorf("row %d: %s (%s), want %s", row, fate, column("fate_detail").Texts[row], want)
		}
		if fate != "measured" && row < 9 && row > 0 {
			t.Errorf("row %d: %s (%s)", row, fate, column("fate_detail").Texts[row])
		}
		for _, c := range []string{"flux", "g1_std", "x_p16", "chi2"} {
			if v := column(c).Floats[row]; math.IsNaN(v) != (fate != "measured") &&
				fate != "unmeasured" {
				t.Errorf("row %d, %s: %s is %g", row, fate, c, v)
			}
		}
	}
	if column("fate_detail").Texts[9] != `row 4 has the id "104", too` {
		t.Errorf("%q", column("fate_detail").Texts[9])
	}
	if flags := column("deconvolution_flags").Integers; flags[12]&768 != 768 || flags[5]&^32 != 0 ||
		column("masked_share").Floats[12] < 0.3 {
		t.Errorf("flags %v, masked %v", flags, column("masked_share").Floats)
	}
	for row := 1; row < 9; row++ {
		truth, err := score.Measure(s.truth.Select(row), fieldAperture)
		if err != nil {
			t.Fatal(err)
		}
		value := func(name string) float64 { return column(name).Floats[row] }
		left := s.x[row] - (fieldCell-1)/2.
		if d := value("x") - truth.X - left; math.Abs(d) > 0.3 {
			t.Errorf("row %d: its center is %g columns off", row, d)
		}
		// The error bars of eight candidates aren't exact, nor are tiny's.
		if d := value("flux") - truth.Aperture; math.Abs(d) > 6*value("flux_std")+
			0.05*truth.Aperture {
			t.Errorf("row %d: flux %g ± %g, want %g", row, value("flux"), value("flux_std"),
				truth.Aperture)
		}
		chi := value("chi2")
		if chi < 0.8 || chi > 1.2 {
			t.Errorf("row %d: χ² is %g per pixel", row, chi)
		}
		variance := column("covariance").Floats[16*row]
		if d := value("flux_std"); math.Abs(variance/(d*d)-1) > 1e-9 {
			t.Errorf("row %d: variance %g, deviation %g", row, variance, d)
		}
		if !(value("flux_p16") <= value("flux") && value("flux") <= value("flux_p84")) {
			t.Errorf("row %d: flux %g to %g", row, value("flux_p16"), value("flux_p84"))
		}
	}
	if hash := column("model_hash").Texts[0]; len(hash) != 64 || column("model").Texts[0] != "tiny" {
		t.Errorf("the model is %s", hash)
	}
}

// The table is the same to the bit for any batch and shards, after a stop, with positions on the
// sky, and a row is the same in another order.
func TestCatalogueIsTheSame(t *testing.T) {
	s := newSky(t, 2)
	m := tiny(t)
	run := func(job catalogue.Job) *table.Table {
		t.Helper()
		out, err := galdecon.Catalogue(t.Context(), m, job)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	job := s.job(t, s.table())
	job.Draws = true
	whole := run(job)
	want := bits(t, whole)
	for _, c := range []struct{ batch, shards int }{{1, 1}, {2, 3}, {8, 4}, {64, 2}} {
		job.Dir, job.Batch, job.Shards = t.TempDir(), c.batch, c.shards
		if !bytes.Equal(bits(t, run(job)), want) {
			t.Errorf("batches of %d in %d shards make another table", c.batch, c.shards)
		}
	}
	// Stopped after two objects, and gone on with another batch.
	job.Dir, job.Batch, job.Shards = t.TempDir(), 1, 1
	ctx, cancel := context.WithCancel(t.Context())
	job.Report = func(p catalogue.Progress) {
		if p.Done == 2 {
			cancel()
		}
	}
	if _, err := galdecon.Catalogue(ctx, m, job); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	var missing *catalogue.MissingError
	if _, err := catalogue.Merge(job.Dir, job.Table); !errors.As(err, &missing) ||
		missing.All != 4 || missing.Rows < 1 || missing.Rows > 3 {
		t.Fatalf("merged too early: %v", err)
	}
	again := 0
	job.Report = func(catalogue.Progress) { again++ }
	job.Batch = 3
	if !bytes.Equal(bits(t, run(job)), want) {
		t.Error("gone on, the table is another")
	}
	if again != missing.Rows {
		t.Errorf("%d objects were done again, want %d", again, missing.Rows)
	}
	// In another order.
	order := []int{3, 1, 0, 2}
	turned := s.job(t, s.table().Select(order...))
	turned.Draws = true
	if !bytes.Equal(bits(t, run(turned)), bits(t, whole.Select(order...))) {
		t.Error("in another order the rows are others")
	}
}

// A model that takes any stamp is given those that the objects need.
func TestCatalogueOfAnySize(t *testing.T) {
	s := newSky(t, 2)
	m := anyModel(t)
	in := s.table()
	in.Columns[3].Name, in.Columns[3].Floats = "FLUX_RADIUS", []float64{2, 3, 5, math.NaN()}
	job := s.job(t, in)
	job.Candidates, job.Aperture = 2, 0
	shown := map[string]int{}
	job.Report = func(p catalogue.Progress) {
		if p.Posterior != nil {
			shown[p.ID] = p.Posterior.Samples.Width
		}
	}
	whole, err := galdecon.Catalogue(t.Context(), m, job)
	if err != nil {
		t.Fatal(err)
	}
	fates := whole.Column("fate").Texts
	if len(shown) == 0 {
		t.Fatalf("none of the objects was drawn: %q", whole.Column("fate_detail").Texts)
	}
	for id, side := range shown {
		if want := map[string]int{"101": 32, "102": 48, "103": 64}[id]; side != want {
			t.Errorf("object %s has a stamp of %d pixels, want %d (%q)", id, side, want, fates)
		}
	}
	// Alone an object is what it is with others.
	alone := s.job(t, in.Select(2))
	alone.Candidates, alone.Aperture = 2, 0
	one, err := galdecon.Catalogue(t.Context(), m, alone)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bits(t, one), bits(t, whole.Select(2))) {
		t.Error("alone the object is another")
	}
}
