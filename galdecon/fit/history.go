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
	every               int // steps in a point of the history
}

// record notes the loss of a step. The last point of the history is the mean of the steps so far, until it has all of its steps.
func (c *curves) record(step int, loss float64) {
	n := len(c.history)
	if n == 0 || c.history[n-1].Step%c.every == 0 {
		c.history = append(c.history, Point{step, loss})
		return
	}
	before := 0
	if n > 1 {
		before = c.history[n-2].Step
	}
	p := &c.history[n-1]
	p.Step, p.Loss = step, p.Loss+(loss-p.Loss)/float64(step-before)
}

// History is the loss curve of the training in dir so far: at most 1000 points, each the mean loss of the steps since the last;
// none where there was no training.
func History(dir string) ([]Point, error) {
	step, err := latest(dir)
	if err != nil || step == 0 {
		return nil, err
	}
	history, _, err := readCurves(dir, step)
	return history, err
}

// Validation is the curve of the loss of held-out galaxies in the training in dir so far: with averaged weights, and the same
// noise in every point. There is none where no galaxies were held out, see [Config].
func Validation(dir string) ([]Point, error) {
	step, err := latest(dir)
	if err != nil || step == 0 {
		return nil, err
	}
	_, validation, err := readCurves(dir, step)
	return validation, err
}

// write writes the curves as a table, with a row for each step that is in one of them.
func (c *curves) write(path string) error {
	rows := map[int][]string{}
	for column, curve := range [][]Point{c.history, c.validation} {
		for _, p := range curve {
			if rows[p.Step] == nil {
				rows[p.Step] = []string{strconv.Itoa(p.Step), "", ""}
			}
			rows[p.Step][1+column] = strconv.FormatFloat(p.Loss, 'g', -1, 64)
		}
	}
	table := [][]string{{"step", "loss", "validation"}}
	for _, step := range slices.Sorted(maps.Keys(rows)) {
		table = append(table, rows[step])
	}
	var buffer bytes.Buffer
	if err := csv.NewWriter(&buffer).WriteAll(table); err != nil {
		return err
	}
	return os.WriteFile(path, buffer.Bytes(), 0o666)
}

// readCurves reads the curves of the checkpoint of a step. The validation's may be missing: earlier versions had none.
func readCurves(dir string, step int) (history, validation []Point, err error) {
	path := filepath.Join(dir, fmt.Sprintf(namePattern, step)+historySuffix)
	fail := func(err error) ([]Point, []Point, error) {
		return nil, nil, damaged(dir, fmt.Errorf("%s: %w", filepath.Base(path), err))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fail(err)
	}
	table, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return fail(err)
	}
	for _, row := range table[min(1, len(table)):] {
		at, err := strconv.Atoi(row[0])
		if err != nil {
			return fail(err)
		}
		for column, curve := range []*[]Point{&history, &validation} {
			if 1+column >= len(row) || row[1+column] == "" {
				continue
			}
			loss, err := strconv.ParseFloat(row[1+column], 64)
			if err != nil {
				return fail(err)
			}
			*curve = append(*curve, Point{at, loss})
		}
	}
	if n := len(history); n == 0 || history[n-1].Step != step || !bytes.HasSuffix(text, []byte("\n")) {
		return fail(fmt.Errorf("it does not reach to step %d", step))
	}
	return history, validation, nil
}
