package fit

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Point is one point of a loss curve.
type Point struct {
	Step int
	Loss float64
}

// historyPoints bounds a loss curve: longer trainings keep the mean of several steps in a point.
const historyPoints = 1000

// curves are the losses of a training so far, in the order of their steps.
type curves struct {
	history, validation []Point
	terms               map[string][]Point
	every               int // steps in a point of history and terms
}

// record notes the loss of a step and its terms.
func (c *curves) record(step int, loss float64, terms map[string]float64) {
	c.history = c.extended(c.history, step, loss)
	for name, value := range terms {
		if c.terms == nil {
			c.terms = map[string][]Point{}
		}
		c.terms[name] = c.extended(c.terms[name], step, value)
	}
}

// extended returns a curve with the value of a step. Its last point is the mean of the steps so
// far, until it has all of its steps.
func (c *curves) extended(curve []Point, step int, value float64) []Point {
	n := len(curve)
	if n == 0 || curve[n-1].Step%c.every == 0 {
		return append(curve, Point{step, value})
	}
	before := 0
	if n > 1 {
		before = curve[n-2].Step
	}
	p := &curve[n-1]
	p.Step, p.Loss = step, p.Loss+(value-p.Loss)/float64(step-before)
	return curve
}

// History returns the loss curve of the training in dir so far: at most 1000 points, each the mean
// loss of the steps since the last; none where there was no training.
func History(dir string) ([]Point, error) {
	c, err := stored(dir)
	return c.history, err
}

// Validation returns the curve of the loss of held-out galaxies in the training in dir so far: with
// averaged weights, and the same noise in every point. There is none where no galaxies were held
// out, see [Config].
func Validation(dir string) ([]Point, error) {
	c, err := stored(dir)
	return c.validation, err
}

// Terms returns the curves of the parts of the loss that the objective tells apart, by their names,
// see [Report]: points as in [History].
func Terms(dir string) (map[string][]Point, error) {
	c, err := stored(dir)
	return c.terms, err
}

// stored returns the curves of the newest checkpoint in dir.
func stored(dir string) (c curves, err error) {
	err = settled(dir, func(step int) error {
		if step == 0 {
			return nil
		}
		c, err = readCurves(dir, step)
		return err
	})
	return c, err
}

// write writes the curves up to a step as a table, with a row for each step that is in one of them,
// and for the last in any case, so that a file that was cut off shows.
func (c *curves) write(path string, step int) error {
	rows := map[int][]string{}
	header, columns := []string{"step", "loss", "validation"}, [][]Point{c.history, c.validation}
	for _, name := range slices.Sorted(maps.Keys(c.terms)) {
		header, columns = append(header, name), append(columns, c.terms[name])
	}
	row := func(step int) []string {
		if rows[step] == nil {
			rows[step] = make([]string, len(header))
			rows[step][0] = strconv.Itoa(step)
		}
		return rows[step]
	}
	row(step)
	for column, curve := range columns {
		for _, p := range curve {
			row(p.Step)[1+column] = strconv.FormatFloat(p.Loss, 'g', -1, 64)
		}
	}
	table := [][]string{header}
	for _, step := range slices.Sorted(maps.Keys(rows)) {
		table = append(table, rows[step])
	}
	var buffer bytes.Buffer
	if err := csv.NewWriter(&buffer).WriteAll(table); err != nil {
		return err
	}
	return os.WriteFile(path, buffer.Bytes(), 0o666)
}

// readCurves reads the curves of the checkpoint of a step. The validation's may be missing: earlier
// versions had none.
func readCurves(dir string, step int) (c curves, err error) {
	path := filepath.Join(dir, fmt.Sprintf(namePattern, step)+historySuffix)
	fail := func(err error) (curves, error) {
		return curves{}, damaged(dir, fmt.Errorf("%s: %w", filepath.Base(path), err))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fail(err)
	}
	table, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return fail(err)
	}
	at := 0
	for _, row := range table[min(1, len(table)):] {
		if at, err = strconv.Atoi(row[0]); err != nil {
			return fail(err)
		}
		for column, field := range row {
			if column == 0 || field == "" {
				continue
			}
			value, err := strconv.ParseFloat(field, 64)
			if err != nil {
				return fail(err)
			}
			switch p := (Point{at, value}); column {
			case 1:
				c.history = append(c.history, p)
			case 2:
				c.validation = append(c.validation, p)
			default:
				if c.terms == nil {
					c.terms = map[string][]Point{}
				}
				name := table[0][column]
				c.terms[name] = append(c.terms[name], p)
			}
		}
	}
	if at != step || !bytes.HasSuffix(text, []byte("\n")) {
		return fail(fmt.Errorf("it does not reach to step %d", step))
	}
	return c, nil
}
