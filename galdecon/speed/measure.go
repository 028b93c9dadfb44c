package speed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Options are how it is measured.
type Options struct {
	// Program is the command line of a program that calls [Serve].
	Program []string
	// Rounds is how often each row is measured.
	Rounds int
	// AtLeast is for how long each row is measured in a round. It is measured once in any case.
	AtLeast time.Duration
	// Devices is the number of devices that a training step is spread over.
	Devices int
}

// Validate returns an error if there is nothing to measure.
func (o Options) Validate() error {
	if o.Rounds < 1 || o.Devices < 1 {
		return fmt.Errorf("speed: at least one round must be measured, on at least one device, "+
			"got %d and %d", o.Rounds, o.Devices)
	}
	return nil
}

// Describe returns what is measured on.
func Describe(ctx context.Context, o Options) (Setup, error) {
	if err := o.Validate(); err != nil {
		return Setup{}, err
	}
	done, err := o.process(ctx, job{Kind: describe}, "")
	if err != nil {
		return Setup{}, err
	}
	s := done.Setup
	s.Time, s.Devices = time.Now().Round(time.Second), o.Devices
	program, err := os.Open(o.Program[0])
	if err != nil {
		return Setup{}, fmt.Errorf("speed: %w", err)
	}
	defer program.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, program); err != nil {
		return Setup{}, fmt.Errorf("speed: %w", err)
	}
	s.Program = hex.EncodeToString(hash.Sum(nil)[:8])
	return s, nil
}

// Measure measures the models on what [Describe] described. report, which may be nil, is told what
// is going on. What can't be measured is among the rows that are missing, and isn't tried again in
// later rounds; it is an error if nothing can, or if ctx ends.
func Measure(
	ctx context.Context, s Setup, models []Model, o Options, report func(text string),
) (Run, error) {
	if err := o.Validate(); err != nil {
		return Run{}, err
	}
	dir, err := os.MkdirTemp("", "galdecon-bench-*")
	if err != nil {
		return Run{}, fmt.Errorf("speed: %w", err)
	}
	defer os.RemoveAll(dir)
	if report == nil {
		report = func(string) {}
	}
	m := measurement{Options: o, run: Run{Setup: s}, report: report, failed: map[Missing]bool{}}
	for m.round = 1; m.round <= o.Rounds; m.round++ {
		work := filepath.Join(dir, fmt.Sprint(m.round))
		err := m.all(ctx, models, work)
		if err = errors.Join(err, os.RemoveAll(work)); err != nil {
			return Run{}, err
		}
	}
	if len(m.run.Rows) == 0 && len(m.run.Missing) > 0 {
		return Run{}, fmt.Errorf("speed: nothing could be measured: %s", m.run.Missing[0])
	}
	return m.run, nil
}

// measurement is a [Measure] on its way.
type measurement struct {
	Options
	run    Run
	round  int
	report func(string)
	failed map[Missing]bool // parts that aren't tried again
}

// part is what one process measures of a model.
type part struct {
	job
	what What
	// memory is the row of the largest memory that the process had, "" for none.
	memory What
	// batch is that of all, where it is one.
	batch string
	// home is a per-user directory for the process alone, "" for the user's.
	home string
}

// missing returns what is missing where the part can't be measured.
func (p part) missing(model Model) Missing {
	return Missing{What: p.what, Model: model.Name, Pixels: model.Config.Size, Batch: p.batch}
}

// all measures everything once, with a folder for what it leaves behind.
func (m *measurement) all(ctx context.Context, models []Model, work string) error {
	peak := part{job: job{Kind: describe, AtLeast: m.AtLeast}, what: Peak}
	if err := m.do(ctx, Model{}, peak); err != nil {
		return err
	}
	for _, model := range models {
		parts, folder := m.trainings(model, filepath.Join(work, model.Name))
		for _, p := range append(parts, m.uses(model, folder, work)...) {
			if err := m.do(ctx, model, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// trainings returns the trainings of a model, whose folders begin with a path, and the folder of
// the trained model to use, that of the first if there is no other.
func (m *measurement) trainings(model Model, path string) (parts []part, folder string) {
	folder = model.Folder
	for _, galaxies := range model.Trainings {
		c := model.Config
		c.Fit.Batch, c.Fit.Accumulate, c.Fit.InitialModel = galaxies, 0, ""
		c.Fit.HoldOut = 0 // there are as many galaxies as a step takes
		if m.Devices > 1 {
			c.Fit.Devices = m.Devices
		}
		batch := fmt.Sprint(galaxies)
		trained := path + "-" + batch
		if folder == "" {
			folder = trained
		}
		parts = append(parts, part{job: job{Kind: train, Config: c, Folder: trained,
			AtLeast: m.AtLeast}, what: Training, memory: TrainingMemory, batch: batch})
	}
	return parts, folder
}

// uses returns what is measured of a trained model.
func (m *measurement) uses(model Model, folder, work string) []part {
	use := func(kind kind) job {
		return job{Kind: kind, Folder: folder, Size: model.Config.Size, AtLeast: m.AtLeast}
	}
	evaluations, samples := use(evaluate), use(sample)
	evaluations.Evaluations, samples.Samples = model.Evaluations, model.Samples
	parts := []part{{job: evaluations, what: Evaluation}}
	if len(model.Samples) > 0 {
		parts = append(parts, part{job: samples, what: Sampling, memory: SamplingMemory})
	}
	if model.First {
		// Of two processes in an empty home the first finds nothing compiled, the second all.
		home := filepath.Join(work, model.Name+"-home")
		parts = append(parts, part{job: use(first), what: FirstCompiled, home: home},
			part{job: use(first), what: FirstKept, home: home})
	}
	return parts
}

// do has a process measure a part, and adds that to the rows. It returns an error only where the
// bench has to end.
func (m *measurement) do(ctx context.Context, model Model, p part) error {
	missing := p.missing(model)
	if m.failed[missing] {
		return nil
	}
	m.report(fmt.Sprintf("round %d of %d: %s", m.round, m.Rounds, missing.name()))
	done, err := m.process(ctx, p.job, p.home)
	if ctx.Err() != nil {
		return fmt.Errorf("speed: interrupted: %w", ctx.Err())
	}
	for _, t := range done.Timed {
		switch p.what {
		case Peak:
			m.add(model, p.what, "", t.Operations/t.Seconds/1e9, 0)
		case Sampling:
			m.add(model, p.what, t.Batch, 1/t.Seconds, t.Operations)
		default:
			m.add(model, p.what, t.Batch, 1e3*t.Seconds, t.Operations)
		}
	}
	if err == nil && done.Exhausted != "" {
		err = errors.New(done.Exhausted)
	}
	if err != nil {
		m.failed[missing] = true
		missing.Why = err.Error()
		if n := len(done.Timed); n > 0 {
			missing.Batch = "more than " + done.Timed[n-1].Batch
		}
		m.run.Missing = append(m.run.Missing, missing)
		return nil
	}
	if p.memory != "" {
		m.add(model, p.memory, p.batch, done.memory, 0)
	}
	if p.Kind == first {
		m.add(model, p.what, "", done.Done.Sub(done.begun).Seconds(), 0)
	}
	return nil
}

// add adds the value of this round to a row.
func (m *measurement) add(model Model, what What, batch string, value, operations float64) {
	row := Row{What: what, Model: model.Name, Pixels: model.Config.Size, Batch: batch,
		Operations: operations}
	i := slices.IndexFunc(m.run.Rows, row.same)
	if i < 0 {
		i = len(m.run.Rows)
		m.run.Rows = append(m.run.Rows, row)
	}
	m.run.Rows[i].Values = append(m.run.Rows[i].Values, value)
}
