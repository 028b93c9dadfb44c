package fit

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/checkpoint"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// Point is one point of a loss curve.
type Point struct {
	Step int
	Loss float64
}

const (
	lockFile   = ".lock"
	stagingDir = ".saving"
	// historyPoints bounds a loss curve: longer trainings keep the mean of several steps in a point.
	historyPoints = 1000
)

// A checkpoint is three files of one name with the step in it: GoMLX's .bin and .json, and the loss curve up to that step.
const (
	namePattern   = "checkpoint-n%09d"
	historySuffix = ".csv"
)

// state is a training between its steps and on disk. GoMLX's checkpoints are written into a folder beside the last one and
// moved next to it, so a training that is killed while it saves loses nothing.
type state struct {
	dir     string
	store   *model.Store
	saver   *checkpoint.Handler
	lock    *flock.Flock // one training at a time in a folder
	step    int          // of the checkpoint on disk, 0 if there is none
	history []Point
	every   int // steps in a point of the history
}

// open reads the checkpoint in dir, if there is one.
func open(dir string, steps int) (*state, error) {
	s := &state{dir: dir, store: model.NewStore(), every: max(1, (steps+historyPoints-1)/historyPoints)}
	var err error
	if s.step, err = latest(dir); err != nil || s.step == 0 {
		return s, err
	}
	if err := load(s.store, dir, s.step); err != nil {
		return nil, err
	}
	s.history, err = readHistory(dir, s.step)
	return s, err
}

// prepare makes the folder ready for save.
func (s *state) prepare() error {
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return fmt.Errorf("fit: cannot make the checkpoint folder: %w", err)
	}
	s.lock = flock.New(filepath.Join(s.dir, lockFile))
	locked, err := s.lock.TryLock()
	if err != nil {
		return fmt.Errorf("fit: cannot lock the checkpoint folder: %w", err)
	}
	if !locked {
		return fmt.Errorf("fit: another training is going on in %s; wait for it, interrupt it, or choose another folder: %w", s.dir, ErrBusy)
	}
	if step, err := latest(s.dir); err != nil || step != s.step {
		return fmt.Errorf("fit: another training has gone on in %s meanwhile; run this one again: %w", s.dir, errors.Join(err, ErrBusy))
	}
	staging := filepath.Join(s.dir, stagingDir)
	if err := os.RemoveAll(staging); err != nil {
		return fmt.Errorf("fit: cannot clear what an interrupted training left: %w", err)
	}
	if s.saver, err = checkpoint.Build(s.store).Dir(staging).Done(); err != nil {
		return fmt.Errorf("fit: cannot prepare checkpoints in %s: %w", s.dir, err)
	}
	return nil
}

// close clears what prepare made. The lock's file stays: removing it could take it from under another training.
func (s *state) close() {
	if s.lock == nil {
		return
	}
	if s.lock.Locked() {
		os.RemoveAll(filepath.Join(s.dir, stagingDir))
	}
	s.lock.Close()
}

// Load reads the weights of the checkpoint in dir, see [Average].
func Load(dir string) (*model.Store, error) {
	step, err := latest(dir)
	if err != nil {
		return nil, err
	}
	if step == 0 {
		return nil, fmt.Errorf("fit: there is no checkpoint in %s; train a model there first, or give the folder of one: %w", dir, fs.ErrNotExist)
	}
	store := model.NewStore()
	if err := load(store, dir, step); err != nil {
		return nil, err
	}
	return store, nil
}

// load reads the checkpoint of a step, the newest in dir, into an empty store.
func load(store *model.Store, dir string, step int) (err error) {
	// A damaged file must not end the program, whatever it does to the decoder.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
		if err != nil {
			err = damaged(dir, err)
		}
	}()
	if _, err := checkpoint.Load(store).Dir(dir).Immediate().Done(); err != nil {
		return err
	}
	// GoMLX takes whatever it loads for weights, and an optimizer would train even the state of the random numbers.
	for v := range store.IterVariables() {
		v.SetTrainable(strings.HasPrefix(v.Path(), weightsScope+"/"))
	}
	if found := optimizer.GetGlobalStep(store); found != int64(step) {
		return fmt.Errorf("it holds step %d under the name of step %d", found, step)
	}
	return nil
}

func damaged(dir string, err error) error {
	return fmt.Errorf("fit: the checkpoint in %s is damaged, delete it and train again: %w", dir, err)
}

// latest is the step of the newest checkpoint in dir, 0 if there is none.
func latest(dir string) (step int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("fit: cannot read the checkpoint folder: %w", err)
	}
	for _, entry := range entries {
		if n, suffix := parse(entry.Name()); suffix == checkpoint.JsonNameSuffix {
			step = max(step, n)
		}
	}
	return step, nil
}

// parse takes the name of one of a checkpoint's files apart; the suffix is "" for any other file.
func parse(name string) (step int, suffix string) {
	suffix = filepath.Ext(name)
	step, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSuffix(name, suffix), "checkpoint-n"))
	if err != nil || name != fmt.Sprintf(namePattern, step)+suffix {
		return 0, ""
	}
	return step, suffix
}

// record notes the loss of a step. The last point of the history is the mean of the steps so far, until it has all of its steps.
func (s *state) record(step int, loss float64) {
	n := len(s.history)
	if n == 0 || s.history[n-1].Step%s.every == 0 {
		s.history = append(s.history, Point{step, loss})
		return
	}
	before := 0
	if n > 1 {
		before = s.history[n-2].Step
	}
	p := &s.history[n-1]
	p.Step, p.Loss = step, p.Loss+(loss-p.Loss)/float64(step-before)
}

// save writes the state after a step, then forgets older ones.
func (s *state) save(step int) error {
	fail := func(err error) error {
		return fmt.Errorf("fit: cannot save step %d in %s; %s: %w", step, s.dir, s.kept(), err)
	}
	staging := filepath.Join(s.dir, stagingDir)
	if err := errors.Join(os.RemoveAll(staging), os.MkdirAll(staging, 0o777)); err != nil {
		return fail(err)
	}
	// Metrics are GoMLX's, under another name in every run.
	s.saver.ExcludeVarsFromSaving(slices.Collect(s.store.Scope("/metrics").IterVariables())...)
	if err := s.saver.Save(); err != nil {
		return fail(err)
	}
	written, err := s.saver.ListCheckpoints()
	if err != nil {
		return fail(err)
	}
	if len(written) != 1 {
		return fail(fmt.Errorf("%d checkpoints were written", len(written)))
	}
	if err := s.saveHistory(filepath.Join(staging, written[0]+historySuffix)); err != nil {
		return fail(err)
	}
	name := fmt.Sprintf(namePattern, step)
	// The .json makes it a checkpoint, so it comes last.
	for _, suffix := range []string{checkpoint.BinDataSuffix, historySuffix, checkpoint.JsonNameSuffix} {
		if err := os.Rename(filepath.Join(staging, written[0]+suffix), filepath.Join(s.dir, name+suffix)); err != nil {
			return fail(err)
		}
	}
	s.step = step
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("fit: cannot look for old checkpoints: %w", err)
	}
	for _, entry := range entries {
		if n, suffix := parse(entry.Name()); suffix != "" && n != step {
			if err := os.Remove(filepath.Join(s.dir, entry.Name())); err != nil {
				return fmt.Errorf("fit: cannot remove an old checkpoint: %w", err)
			}
		}
	}
	return nil
}

// kept says what there is to go on from after a failure.
func (s *state) kept() string {
	if s.step == 0 {
		return "there is no checkpoint yet"
	}
	return fmt.Sprintf("the checkpoint of step %d is kept", s.step)
}

// diverged is the error of a step whose numbers aren't finite.
func (s *state) diverged(step int, err error) error {
	return fmt.Errorf("fit: step %d: %w; %s in %s: try a lower learning rate", step, err, s.kept(), s.dir)
}

// finite reports a weight that is NaN or infinite.
func (s *state) finite() error {
	for w := range s.store.Scope(weightsScope).IterVariables() {
		if w.DType() != dtypes.Float32 {
			continue
		}
		value, err := w.Value()
		if err != nil {
			return fmt.Errorf("weight %s: %w", w.Path(), err)
		}
		ok := true
		err = tensors.ConstFlatData(value, func(flat []float32) {
			for _, v := range flat {
				ok = ok && !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0)
			}
		})
		if err != nil {
			return fmt.Errorf("weight %s: %w", w.Path(), err)
		}
		if !ok {
			return fmt.Errorf("%w in %s", ErrDiverged, w.Path())
		}
	}
	return nil
}

func (s *state) saveHistory(path string) error {
	var buffer bytes.Buffer
	w := csv.NewWriter(&buffer)
	rows := [][]string{{"step", "loss"}}
	for _, p := range s.history {
		rows = append(rows, []string{strconv.Itoa(p.Step), strconv.FormatFloat(p.Loss, 'g', -1, 64)})
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	return os.WriteFile(path, buffer.Bytes(), 0o666)
}

// History is the loss curve of the training in dir so far: at most 1000 points, each the mean loss of the steps since the last;
// none where there was no training.
func History(dir string) ([]Point, error) {
	step, err := latest(dir)
	if err != nil || step == 0 {
		return nil, err
	}
	return readHistory(dir, step)
}

func readHistory(dir string, step int) ([]Point, error) {
	path := filepath.Join(dir, fmt.Sprintf(namePattern, step)+historySuffix)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, damaged(dir, err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, damaged(dir, fmt.Errorf("%s: %w", filepath.Base(path), err))
	}
	points := []Point{}
	for i, row := range rows {
		if i == 0 {
			continue // the header
		}
		step, err1 := strconv.Atoi(row[0])
		loss, err2 := strconv.ParseFloat(row[len(row)-1], 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, damaged(dir, fmt.Errorf("%s: %w", filepath.Base(path), err))
		}
		points = append(points, Point{step, loss})
	}
	if n := len(points); n == 0 || points[n-1].Step != step || !bytes.HasSuffix(text, []byte("\n")) {
		return nil, damaged(dir, fmt.Errorf("%s does not reach to step %d", filepath.Base(path), step))
	}
	return points, nil
}
