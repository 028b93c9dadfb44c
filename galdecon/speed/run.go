// Package speed measures how fast galdecon is on a machine, and compares it with an earlier
// measurement.
//
// [Describe] tells what is measured on, and [Measure] measures models in rounds: all that is to be
// measured is measured once, then all of it again, so that what disturbs the machine for a while
// disturbs one value of each row rather than one row. Each part has a process of its own, whose
// memory it is, and whose time to a first candidate. A [Run] is stored as JSON, and
// [Run.Against] compares it with a stored one.
package speed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"galdecon/internal/atomicfile"
)

// Run is what was measured.
type Run struct {
	Setup Setup `json:"setup"`
	Rows  []Row `json:"rows"`
	// Missing are the rows that couldn't be measured, or not in all rounds.
	Missing []Missing `json:"missing,omitempty"`
}

// Setup is what decides how fast galdecon is. What is measured with another isn't the same.
type Setup struct {
	// Time is when the first round began.
	Time time.Time `json:"time"`
	// Device describes the device that computes, CPU tells whether it is one, and Plugin is the
	// version of what compiles for it.
	Device string `json:"device"`
	CPU    bool   `json:"cpu"`
	Plugin string `json:"plugin"`
	// Processor is the host's, Cores the number of its processors that there are.
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	// Devices is the number of devices that a training step is spread over.
	Devices int `json:"devices"`
	// Flags are XLA's, from the environment.
	Flags string `json:"flags,omitempty"`
	// Versions are those of Go and modules, Build is galdecon's, and Program the hash of the
	// program that measures, which tells builds of a changed repository apart.
	Versions []string `json:"versions"`
	Build    string   `json:"build"`
	Program  string   `json:"program"`
}

// Same tells whether s is the same as another, but for the time.
func (s Setup) Same(other Setup) bool {
	return len(s.differences(other)) == 0 && s.Program == other.Program
}

// Row has the values of one quantity.
type Row struct {
	// What is measured, of which model, whose images have Pixels×Pixels. Batch is how much is
	// computed together: images of an evaluation, galaxies of a step, observations×candidates.
	What   What   `json:"what"`
	Model  string `json:"model,omitempty"`
	Pixels int    `json:"pixels,omitempty"`
	Batch  string `json:"batch,omitempty"`
	// Values are one for each round, in the unit of What.
	Values []float64 `json:"values"`
	// Operations is the number of floating-point operations that the network's products and
	// convolutions take for one call or step, or one candidate; 0 where they aren't the point.
	Operations float64 `json:"operations,omitempty"`
}

// What is measured.
type What string

// What is measured.
const (
	// Peak is the rate of a large product of float32 matrices.
	Peak What = "matrix product"
	// Evaluation is the time of an evaluation of the network.
	Evaluation What = "evaluation"
	// Training is the time of a training step, with all around it.
	Training What = "training step"
	// Sampling is the rate of candidates.
	Sampling What = "candidates"
	// FirstCompiled and FirstKept are the times from the start of a process to a first candidate:
	// where no compiled programs are kept, and where all are.
	FirstCompiled What = "first candidate, compiling"
	FirstKept     What = "first candidate, programs kept"
	// The largest memory that the process had, without that of a GPU.
	TrainingMemory What = "memory, training"
	SamplingMemory What = "memory, sampling"
)

// units are those of the values, by what is measured.
var units = map[What]string{
	Peak: "GFLOP/s", Evaluation: "ms", Training: "ms", Sampling: "1/s", FirstCompiled: "s",
	FirstKept: "s", TrainingMemory: "MB", SamplingMemory: "MB",
}

// Unit returns the unit of the values: ms, s, 1/s, MB or GFLOP/s.
func (w What) Unit() string { return units[w] }

// Missing tells of a row that lacks values.
type Missing struct {
	What   What   `json:"what"`
	Model  string `json:"model,omitempty"`
	Pixels int    `json:"pixels,omitempty"`
	Batch  string `json:"batch,omitempty"`
	Why    string `json:"why"`
}

// Median returns the median of the row's values, and the lowest and the highest.
func (r Row) Median() (median, low, high float64) { return spread(r.Values) }

// spread returns the median of values, and the lowest and the highest.
func spread(values []float64) (median, low, high float64) {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	// Of an even number it is the mean of the two in the middle.
	return stat.Mean(sorted[(n-1)/2:n/2+1], nil), sorted[0], sorted[n-1]
}

// same tells whether two rows are of the same quantity.
func (r Row) same(other Row) bool {
	return r.What == other.What && r.Model == other.Model && r.Pixels == other.Pixels &&
		r.Batch == other.Batch
}

// Share returns which share of the machine's peak a row's median reaches; false where the row has
// no operations, or the peak wasn't measured. The peak is the highest of all rounds, since what
// disturbs the machine makes it lower only.
func (r Run) Share(row Row) (share float64, ok bool) {
	i := slices.IndexFunc(r.Rows, func(r Row) bool { return r.What == Peak })
	if i < 0 || row.Operations == 0 {
		return 0, false
	}
	median, _, _ := row.Median()
	rate := row.Operations * median // for candidates a second
	if row.What.Unit() == "ms" {
		rate = row.Operations / (1e-3 * median)
	}
	_, _, peak := r.Rows[i].Median()
	return rate / (1e9 * peak), true
}

// ErrOther is the error where rounds of different setups, or of different rows, are to be added.
var ErrOther = errors.New("speed: the rounds are of another setup")

// Add adds the rounds of another run of the same setup and rows. Otherwise it returns an error that
// is [ErrOther].
func (r *Run) Add(other Run) error {
	if !r.Setup.Same(other.Setup) {
		return fmt.Errorf("%w: %s", ErrOther, other.Setup.beside(r.Setup))
	}
	if !slices.EqualFunc(r.Rows, other.Rows, Row.same) {
		return fmt.Errorf("%w: there are other rows", ErrOther)
	}
	for i := range r.Rows {
		r.Rows[i].Values = append(r.Rows[i].Values, other.Rows[i].Values...)
	}
	for _, m := range other.Missing {
		if !slices.Contains(r.Missing, m) {
			r.Missing = append(r.Missing, m)
		}
	}
	return nil
}

// Validate returns an error if the run has no rows, or a row no values, one that isn't positive and
// finite, or an unknown quantity.
func (r Run) Validate() error {
	if len(r.Rows) == 0 {
		return errors.New("speed: the run has no rows")
	}
	for i, row := range r.Rows {
		if row.What.Unit() == "" {
			return fmt.Errorf("speed: row %d is of %q, which isn't known here", i+1, row.What)
		}
		if len(row.Values) == 0 {
			return fmt.Errorf("speed: row %d, %s, has no values", i+1, row.What)
		}
		for _, v := range row.Values {
			if !(v > 0) || math.IsInf(v, 0) {
				return fmt.Errorf("speed: row %d, %s, has a value of %g %s; all must be positive "+
					"and finite", i+1, row.What, v, row.What.Unit())
			}
		}
		if !(row.Operations >= 0) || math.IsInf(row.Operations, 0) {
			return fmt.Errorf("speed: row %d, %s, has %g operations; the number must be finite "+
				"and at least 0", i+1, row.What, row.Operations)
		}
	}
	return nil
}

// Save writes the run to a file, as JSON.
func (r Run) Save(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = atomicfile.WriteFile(path, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("speed: cannot store the run: %w", err)
	}
	return nil
}

// Load reads a run from a file that [Run.Save] wrote. Where there is none, the error is
// [fs.ErrNotExist].
func Load(path string) (Run, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Run{}, fmt.Errorf("speed: there is no stored run %s; --json writes one: %w", path,
			fs.ErrNotExist)
	}
	if err != nil {
		return Run{}, fmt.Errorf("speed: cannot read the stored run: %w", err)
	}
	var r Run
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return Run{}, fmt.Errorf("speed: %s isn't a run of this version, as --json writes it: %w",
			path, err)
	}
	if err := r.Validate(); err != nil {
		return Run{}, fmt.Errorf("%w (in %s)", err, path)
	}
	return r, nil
}
