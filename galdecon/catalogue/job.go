package catalogue

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"strings"

	"galdecon/galdecon/catalogue/table"
	"galdecon/galdecon/posterior"
)

// Sampler draws candidates; galdecon.Model does.
type Sampler interface {
	Stream(ctx context.Context, observations *posterior.Observations, n int,
		seed int64) iter.Seq2[posterior.Part, error]
}

// Model is what draws the candidates, and how it is called in the results.
type Model struct {
	Sampler
	// Name and Hash say which model it is: results with another hash don't mix with its.
	Name, Hash string
	// Side is of the stamps that it takes, in pixels; 0 if they may have any.
	Side int
	// Recalibration is the SHA-256 of what corrects its error bars, "" where nothing does.
	Recalibration string
}

// Job is what is done with a catalogue.
type Job struct {
	// Images are where the objects are. Of several ones each object is taken from the first that
	// its position on the sky lies in.
	Images []Image
	// Table has the objects, and Columns names those of its columns that aren't recognized, see
	// [Recognize].
	Table   *table.Table
	Columns Columns
	// Candidates are drawn of each object, and Seed is that of their random numbers.
	Candidates int
	Seed       int64
	// Side is of the stamps, in pixels; 0 for that of the model, or, where it takes any, for eight
	// times the object's radius, rounded up to 32, 48, 64, 96, 128, 192 or 256, and for 64 pixels
	// where no radius is known.
	Side int
	// Aperture is the radius in pixels in which candidates are measured; 0 for a quarter of the
	// stamp's side.
	Aperture float64
	// Dir is the folder of the results. A run that was stopped goes on where it was, with the same
	// job; another job is a [*ChangedError].
	Dir string
	// Batch is how many objects' results are stored together, and can be lost; 0 for 32. Results
	// don't depend on it.
	Batch int
	// Shard of Shards, counted from 0, is the part of the rows that this run does; Shards of 0 are
	// one.
	Shard, Shards int
	// Draws says that what is measured of each candidate is in the results, too, and Cubes that
	// all candidates of each object are written as a FITS file, in units of the image and with its
	// world coordinates: [candidates, height, width], or a plane of one. The column candidates_file
	// names it, within Dir.
	Draws, Cubes bool
	// Report, which may be nil, is told how far the run is, after each object, and never twice at
	// a time.
	Report func(Progress)
}

// Key returns the key of an object's random numbers: the first 64 bits of the SHA-256 of its id.
func Key(id string) uint64 {
	sum := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint64(sum[:8])
}

// defaultBatch is how many objects are stored together unless the job says otherwise.
const defaultBatch = 32

// run is a job on its way.
type run struct {
	Job
	model   Model
	columns Columns
	fields  []*field
	ids     []string
	// first is the row that had each id first.
	first map[string]int
	sky   bool // whether positions are those on the sky
	// settings are what the results depend on, and unit is that of the pixels of all images, empty
	// where they don't say the same.
	settings settings
	unit     string
}

// Run cuts the stamp of each object, has its candidates drawn, measures them, and stores the
// results in files of the folder Dir, each when it is complete; [Merge] makes a table of them. What
// can't be done of an object is in its row; an error is about all of them, or is ctx's.
//
// Each object is drawn alone, with random numbers that follow from the seed, its id and the number
// of the candidate. So a result is the same to the bit on one kind of machine, whatever others are
// in the catalogue, and whatever Batch, Shards and the number of processes are.
func (j Job) Run(ctx context.Context, m Model) (err error) {
	r, err := j.open(m)
	if err != nil {
		return err
	}
	defer r.close()
	if err := os.MkdirAll(filepath.Join(j.Dir, partsDir), 0o777); err != nil {
		return fmt.Errorf("catalogue: cannot make the folder of the results: %w", err)
	}
	if err := r.settings.keep(j.Dir); err != nil {
		return err
	}
	return r.all(ctx)
}

func (r *run) close() {
	for _, f := range r.fields {
		f.close()
	}
}

// Check returns an error if the job is impossible with a model or, a [*ChangedError], if its folder
// has results of another run.
func (j Job) Check(m Model) error {
	r, err := j.open(m)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.settings.check(j.Dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// open checks a job, and opens its images.
func (j Job) open(m Model) (_ *run, err error) {
	r := &run{Job: j, model: m}
	r.Shards = max(1, r.Shards)
	if r.Batch == 0 {
		r.Batch = defaultBatch
	}
	if r.Side == 0 {
		r.Side = m.Side
	}
	switch {
	case j.Table == nil:
		return nil, errors.New("catalogue: the job has no table")
	case len(j.Images) == 0:
		return nil, errors.New("catalogue: the job has no images")
	case j.Candidates < 1:
		return nil, fmt.Errorf("catalogue: at least one candidate must be drawn of each object, "+
			"got %d", j.Candidates)
	case r.Shard < 0 || r.Shard >= r.Shards:
		return nil, fmt.Errorf("catalogue: there is no shard %d of %d; they are counted from 0",
			r.Shard, r.Shards)
	case r.Batch < 1:
		return nil, fmt.Errorf("catalogue: a batch has at least one object, got %d", r.Batch)
	case m.Side > 0 && r.Side != m.Side:
		return nil, fmt.Errorf("catalogue: the model takes stamps of %d pixels, got a side of %d",
			m.Side, r.Side)
	case r.Side < 0 || !(r.Aperture >= 0) || r.Side > 0 && r.Aperture > float64(r.Side)/2:
		return nil, fmt.Errorf("catalogue: the aperture's radius must be within 0 and half of the "+
			"stamp's side, %g pixels; got %g", float64(r.Side)/2, r.Aperture)
	}
	if err := j.Table.Validate(); err != nil {
		return nil, err
	}
	if r.columns, err = Recognize(j.Table, j.Columns); err != nil {
		return nil, err
	}
	r.settings = settings{Version: settingsVersion, Model: m.Name, Hash: m.Hash,
		Recalibration: m.Recalibration, Candidates: j.Candidates, Seed: j.Seed,
		Aperture: r.Aperture, Side: r.Side, Draws: j.Draws, Cubes: j.Cubes,
		Columns: r.columns, Catalogue: hashTable(j.Table)}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	for _, im := range j.Images {
		f, err := openField(im)
		if err != nil {
			return nil, err
		}
		r.fields = append(r.fields, f)
		of, err := settingsOf(im, f)
		if err != nil {
			return nil, fmt.Errorf("catalogue: %w", err)
		}
		r.settings.Images = append(r.settings.Images, of)
		if r.unit = of.Unit; of.Unit != r.settings.Images[0].Unit {
			r.unit = ""
		}
	}
	if err := r.choosePositions(); err != nil {
		return nil, err
	}
	r.identify()
	return r, nil
}

// choosePositions decides between pixels and the sky: pixels are those of one image.
func (r *run) choosePositions() error {
	r.sky = r.columns.X == "" || len(r.fields) > 1
	if !r.sky {
		return nil
	}
	if r.columns.RA == "" {
		return &ColumnError{Role: "positions", Candidates: []string{r.columns.X, r.columns.Y},
			What: fmt.Sprintf("positions in pixels (%s, %s) don't say in which of %d images they "+
				"are", r.columns.X, r.columns.Y, len(r.fields)),
			Hint: "give one image, or name columns of the sky, as Columns.RA and Dec"}
	}
	for i, f := range r.fields {
		if f.world == nil {
			return fmt.Errorf("catalogue: positions are on the sky, but of %s: %w",
				r.Images[i].Path, f.noSky)
		}
		if !strings.HasPrefix(f.world.Frame, "RA/DEC") {
			return fmt.Errorf("catalogue: positions are right ascensions and declinations, but "+
				"%s is in %s; convert them to pixels", r.Images[i].Path, f.world.Frame)
		}
	}
	return nil
}

// identify reads the ids.
func (r *run) identify() {
	column := r.Table.Column(r.columns.ID)
	r.first = map[string]int{}
	for row := range r.Table.Rows() {
		id := fmt.Sprint(row)
		if column != nil {
			id = column.Text(row)
		}
		r.ids = append(r.ids, id)
		if _, there := r.first[id]; !there {
			r.first[id] = row
		}
	}
}

// sides are those of stamps whose size follows from that of the object: few, since each is compiled
// for.
var sides = []int{32, 48, 64, 96, 128, 192, 256}

const (
	// radii is how many times its radius an object's stamp is wide.
	radii = 8
	// usualSide is that of objects without a radius.
	usualSide = 64
)

// sideOf returns the side of an object's stamp.
func (r *run) sideOf(row, image int) int {
	if r.Side > 0 {
		return r.Side
	}
	radius := r.radius(row, image)
	if !(radius > 0) || math.IsInf(radius, 0) {
		radius = usualSide / radii
	}
	for _, side := range sides {
		if radius*radii <= float64(side) && 2*r.Aperture <= float64(side) {
			return side
		}
	}
	return sides[len(sides)-1]
}

// radius returns the radius of an object in pixels, NaN where it isn't known.
func (r *run) radius(row, image int) float64 {
	largest := func(name string) (v float64, unit string) {
		c := r.Table.Column(name)
		if c == nil {
			return 1, ""
		}
		v = math.NaN()
		from, end := c.Row(row)
		for i := from; i < end; i++ {
			if x := c.Float(i); x > v || math.IsNaN(v) {
				v = x
			}
		}
		return v, c.Unit
	}
	if r.columns.Radius == "" {
		return math.NaN()
	}
	radius, unit := largest(r.columns.Radius)
	factor, _ := largest(r.columns.RadiusFactor)
	if unit == "arcsec" {
		radius /= r.fields[image].arcseconds()
	}
	return radius * factor
}

// place returns which image an object is in, and where.
func (r *run) place(row int) (image int, x, y float64, fate Fate) {
	value := func(name string) float64 { return r.Table.Column(name).Float(row) }
	if !r.sky {
		x, y = value(r.columns.X), value(r.columns.Y)
		if r.columns.Origin == OriginOne {
			x, y = x-1, y-1
		}
		switch {
		case math.IsNaN(x+y) || math.IsInf(x+y, 0):
			return -1, 0, 0, NoPosition
		case !r.fields[0].contains(x, y):
			return -1, x, y, Outside
		}
		return 0, x, y, ""
	}
	// Units were checked.
	unit, _ := degree(r.Table.Column(r.columns.RA))
	ra := value(r.columns.RA) * unit
	unit, _ = degree(r.Table.Column(r.columns.Dec))
	dec := value(r.columns.Dec) * unit
	if math.IsNaN(ra+dec) || math.IsInf(ra+dec, 0) {
		return -1, 0, 0, NoPosition
	}
	for i, f := range r.fields {
		if x, y, err := f.world.Pixel(ra, dec); err == nil && f.contains(x, y) {
			return i, x, y, ""
		}
	}
	return -1, 0, 0, Outside
}
