package fit

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

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
	historyFile = "history.csv"
	stagingDir  = ".saving"
	// historyPoints bounds a loss curve: longer trainings keep the mean of several steps in a point.
	historyPoints = 1000
)

// state is a training between its steps and on disk. GoMLX's checkpoints are written into a folder beside the last one and
// moved over it, so a training that is killed while it saves loses nothing.
type state struct {
	dir     string
	store   *model.Store
	saver   *checkpoint.Handler
	step    int
	history []Point
	every   int     // steps in a point of the history
	sum     float64 // of the losses that aren't in the history yet
	count   int
}

func open(dir string, steps int) (*state, error) {
	s := &state{dir: dir, store: model.NewStore(), every: max(1, steps/historyPoints)}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("fit: cannot make the checkpoint folder: %w", err)
	}
	saved, err := latest(dir)
	if err != nil {
		return nil, err
	}
	if saved != "" {
		if err := load(s.store, dir, false); err != nil {
			return nil, err
		}
		s.step = int(optimizer.GetGlobalStep(s.store))
		if s.history, err = History(dir); err != nil {
			return nil, err
		}
	}
	staging := filepath.Join(dir, stagingDir)
	if err := os.RemoveAll(staging); err != nil {
		return nil, fmt.Errorf("fit: cannot clear what an interrupted training left: %w", err)
	}
	if s.saver, err = checkpoint.Build(s.store).Dir(staging).Done(); err != nil {
		return nil, fmt.Errorf("fit: cannot prepare checkpoints in %s: %w", dir, err)
	}
	return s, nil
}

// Load reads the weights of the checkpoint in dir, see [Average].
func Load(dir string) (*model.Store, error) {
	saved, err := latest(dir)
	if err != nil {
		return nil, err
	}
	if saved == "" {
		return nil, fmt.Errorf("fit: there is no checkpoint in %s; train a model there first, or give the folder of one: %w", dir, fs.ErrNotExist)
	}
	store := model.NewStore()
	return store, load(store, dir, true)
}

func load(store *model.Store, dir string, all bool) (err error) {
	// A damaged file must not end the program, whatever it does to the decoder.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
		if err != nil {
			err = fmt.Errorf("fit: the checkpoint in %s is damaged, delete it and train again: %w", dir, err)
		}
	}()
	config := checkpoint.Load(store).Dir(dir)
	if all {
		config = config.Immediate()
	}
	_, err = config.Done()
	return err
}

// latest is the name, without ending, of the newest checkpoint in dir, "" if there is none.
func latest(dir string) (string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "checkpoint-n*"+checkpoint.JsonNameSuffix))
	if err != nil || len(names) == 0 {
		return "", err
	}
	return strings.TrimSuffix(filepath.Base(names[len(names)-1]), checkpoint.JsonNameSuffix), nil
}

// record notes the loss of a step.
func (s *state) record(step int, loss float64) {
	s.sum += loss
	if s.count++; step%s.every == 0 {
		s.history = append(s.history, Point{step, s.sum / float64(s.count)})
		s.sum, s.count = 0, 0
	}
}

// save writes the state after a step, then forgets older ones.
func (s *state) save(step int) error {
	fail := func(err error) error {
		return fmt.Errorf("fit: cannot save step %d in %s; the checkpoint of step %d is kept: %w", step, s.dir, s.step, err)
	}
	staging := filepath.Join(s.dir, stagingDir)
	if err := errors.Join(os.RemoveAll(staging), os.MkdirAll(staging, 0o777)); err != nil {
		return fail(err)
	}
	if err := s.saver.Save(); err != nil {
		return fail(err)
	}
	written, err := latest(staging)
	if err != nil {
		return fail(err)
	}
	if err := s.saveHistory(staging); err != nil {
		return fail(err)
	}
	name := fmt.Sprintf("checkpoint-n%09d", step)
	// The .json makes it a checkpoint, so it comes last.
	for from, to := range map[string]string{historyFile: historyFile, written + checkpoint.BinDataSuffix: name + checkpoint.BinDataSuffix} {
		if err := os.Rename(filepath.Join(staging, from), filepath.Join(s.dir, to)); err != nil {
			return fail(err)
		}
	}
	if err := os.Rename(filepath.Join(staging, written+checkpoint.JsonNameSuffix), filepath.Join(s.dir, name+checkpoint.JsonNameSuffix)); err != nil {
		return fail(err)
	}
	s.step = step
	old, _ := filepath.Glob(filepath.Join(s.dir, "checkpoint-n*"))
	for _, path := range append(old, staging) {
		if !strings.HasPrefix(filepath.Base(path), name+".") {
			if err := os.RemoveAll(path); err != nil {
				return fmt.Errorf("fit: cannot remove an old checkpoint: %w", err)
			}
		}
	}
	return nil
}

func (s *state) saveHistory(dir string) error {
	var buffer bytes.Buffer
	w := csv.NewWriter(&buffer)
	rows := [][]string{{"step", "loss"}}
	for _, p := range s.history {
		rows = append(rows, []string{strconv.Itoa(p.Step), strconv.FormatFloat(p.Loss, 'g', -1, 64)})
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, historyFile), buffer.Bytes(), 0o666)
}

// History is the loss curve of the training in dir: at most about 1000 points, each the mean loss of the steps since the last.
func History(dir string) ([]Point, error) {
	file, err := os.Open(filepath.Join(dir, historyFile))
	if err != nil {
		return nil, fmt.Errorf("fit: there is no loss curve: %w", err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("fit: %s is damaged: %w", file.Name(), err)
	}
	var points []Point
	for _, row := range rows[1:] {
		step, err1 := strconv.Atoi(row[0])
		loss, err2 := strconv.ParseFloat(row[1], 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("fit: %s is damaged: %w", file.Name(), err)
		}
		points = append(points, Point{step, loss})
	}
	return points, nil
}
