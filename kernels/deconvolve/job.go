package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"galdecon/galdecon/catalogue"
	"galdecon/galdecon/catalogue/draws"
	"galdecon/galdecon/catalogue/parquet"
	"galdecon/galdecon/catalogue/table"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/psf"
	"galdecon/internal/console"
)

func (f *jobFlags) loadModel(c *console.Console) (catalogue.Model, error) {
	m, err := pretrained.Load(f.model)
	if err != nil {
		return catalogue.Model{}, err
	}
	if _, err := m.Recalibration(); err != nil {
		c.Printf("error bars aren't corrected: %v", err)
	}
	return m.OfCatalogue()
}

// job returns the job that the flags say.
func (f *jobFlags) job() (catalogue.Job, error) {
	job := catalogue.Job{Candidates: f.candidates, Seed: f.seed, Aperture: f.aperture,
		Dir: f.out, Batch: f.batch, Shards: f.shards, Draws: f.draws,
		Cubes: f.cubes}
	if len(f.images) == 0 {
		return job, errors.New("give at least one image")
	}
	psfs, err := f.loadPSFs()
	if err != nil {
		return job, err
	}
	for i, path := range f.images {
		im := catalogue.Image{Path: path, PSF: psfs[i%len(psfs)]}
		for _, map_ := range []struct {
			name  string
			paths []string
			to    *string
		}{{"--weight", f.weights, &im.Weight}, {"--mask", f.masks, &im.Mask}} {
			if n := len(map_.paths); n != 0 && n != len(f.images) {
				return job, fmt.Errorf("%d images need as many %s, or none; got %d",
					len(f.images), map_.name, n)
			} else if n > 0 {
				*map_.to = map_.paths[i]
			}
		}
		job.Images = append(job.Images, im)
	}
	return job, f.loadTable(&job)
}

// loadTable gives a job its table and what its columns are.
func (f *jobFlags) loadTable(job *catalogue.Job) (err error) {
	if job.Columns, err = f.columns(); err != nil {
		return err
	}
	if f.catalogue == "" {
		return f.wholeStamp(job)
	}
	job.Table, err = parquet.Load(f.catalogue)
	return err
}

// columns returns the columns that flags name.
func (f *jobFlags) columns() (catalogue.Columns, error) {
	c := catalogue.Columns{ID: f.id, X: f.x, Y: f.y, RA: f.ra, Dec: f.dec, Radius: f.radius}
	switch f.origin {
	case "":
	case "0":
		c.Origin = catalogue.OriginZero
	case "1":
		c.Origin = catalogue.OriginOne
	default:
		return c, fmt.Errorf("the first pixel is 0 or 1, not %q", f.origin)
	}
	return c, nil
}

// loadPSFs returns the PSFs of each image, or those of all.
func (f *jobFlags) loadPSFs() (all []psf.Field, err error) {
	if n := len(f.psfs); n != 1 && n != len(f.images) {
		return nil, fmt.Errorf("%d image(s) need as many --psf, or one for all; got %d",
			len(f.images), n)
	}
	for _, path := range f.psfs {
		file, err := psf.Read(path)
		switch {
		case err != nil:
			return nil, err
		case file.Field != nil:
			all = append(all, file.Field)
		default:
			return nil, fmt.Errorf("%s has %d PSFs, but doesn't say where in the image each is; "+
				"name one, as in psf.fits[0][*,*,1]", path, len(file.PSFs))
		}
	}
	return all, nil
}

// wholeStamp gives a job the table of one object in the middle of its only image.
func (f *jobFlags) wholeStamp(job *catalogue.Job) error {
	if len(f.images) != 1 {
		return errors.New("other than one image needs a --catalogue that says where the objects are")
	}
	name, selector, chosen, err := fits.ParseName(f.images[0])
	if err != nil {
		return err
	}
	file, err := fits.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	i := slices.IndexFunc(file.HDUs, func(h *fits.HDU) bool { return h.Planes() > 0 })
	if i < 0 {
		return fmt.Errorf("there is no image in %s", f.images[0])
	}
	h := file.HDUs[i]
	if chosen {
		if h, err = file.Select(selector); err != nil {
			return err
		}
	}
	n := len(h.Shape)
	if n < 2 {
		return fmt.Errorf("%s of %s holds no image", h, f.images[0])
	}
	object := filepath.Base(name)
	job.Table = &table.Table{Columns: []*table.Column{
		table.NewTexts("id", "file of the stamp", []string{object}),
		table.NewFloats("x_center", "pix", "column of the stamp's middle, from 0",
			[]float64{float64(h.Shape[n-1]-1) / 2}),
		table.NewFloats("y_center", "pix", "row of the stamp's middle, from 0",
			[]float64{float64(h.Shape[n-2]-1) / 2}),
		// From which follows the side of the stamp, where the model takes any.
		table.NewFloats("radius", "pix", "an eighth of the stamp's longer side",
			[]float64{float64(max(h.Shape[n-1], h.Shape[n-2])) / 8}),
	}}
	job.Columns = catalogue.Columns{ID: "id", X: "x_center", Y: "y_center", Radius: "radius",
		Origin: catalogue.OriginZero}
	return nil
}

// tableName is that of the whole table, which is written last.
const tableName = "catalogue.parquet"

// save writes the table as FITS and Parquet, and the draws, and returns the files' names.
func save(dir string, t *table.Table, job catalogue.Job, c *console.Console) ([]string, error) {
	asFITS := t.ForFITS()
	for _, note := range asFITS.Notes[len(t.Notes):] {
		c.Printf("%s", note)
	}
	header := fits.NewHeader()
	if err := header.Set("EXTNAME", "CATALOGUE", ""); err != nil {
		return nil, err
	}
	written := []string{filepath.Join(dir, "catalogue.fits"), filepath.Join(dir, tableName)}
	if err := asFITS.SaveFITS(written[0], header); err != nil {
		return nil, err
	}
	if err := parquet.Save(written[1], t); err != nil {
		return nil, err
	}
	if t.Column("flux_draws") == nil {
		return written, nil
	}
	columns, err := catalogue.Recognize(job.Table, job.Columns)
	if err != nil {
		return nil, err
	}
	id := columns.ID
	if t.Column("input_"+id) != nil {
		id = "input_" + id
	}
	path := filepath.Join(dir, "draws.zarr")
	if err := os.RemoveAll(path); err != nil {
		return nil, err
	}
	return append(written, path), draws.SaveTable(path, t, id)
}

// summary says how many objects had which fate.
func summary(t *table.Table) string {
	counts := map[string]int{}
	for _, fate := range t.Column("fate").Texts {
		counts[fate]++
	}
	var fates []string
	for fate := range counts {
		fates = append(fates, fate)
	}
	slices.SortFunc(fates, func(a, b string) int { return counts[b] - counts[a] })
	var parts []string
	for _, fate := range fates {
		parts = append(parts, fmt.Sprintf("%d %s", counts[fate], fate))
	}
	return fmt.Sprintf("%d objects: %s", t.Rows(), strings.Join(parts, ", "))
}
