package fit

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/checkpoint"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

const (
	lockFile   = ".lock"
	stagingDir = ".saving"
)

// A checkpoint is three files of one name with the step in it: GoMLX's .bin and .json, and the loss
// curve up to that step.
const (
	namePattern   = "checkpoint-n%09d"
	historySuffix = ".csv"
)

// checksumPath is the variable with which damage is found.
const checksumPath = "/checksum"

// state is a training between its steps and on disk. GoMLX's checkpoints are written into a folder
// beside the last one and moved next to it, so a training that is killed while it saves loses
// nothing.
type state struct {
	dir   string
	store *model.Store
	saver *checkpoint.Handler
	step  int // of the checkpoint on disk, 0 if there is none
	curves
}

// open reads the checkpoint in dir, if there is one, of a training of so many steps.
func open(dir string, steps int) (s *state, err error) {
	err = settled(dir, func(step int) error {
		s = &state{dir: dir, store: model.NewStore(), step: step}
		if step == 0 {
			return nil
		}
		var errCurves error
		s.curves, errCurves = readCurves(dir, step)
		return errors.Join(load(s.store, dir, step), errCurves)
	})
	if err != nil {
		return nil, err
	}
	s.every = max(1, (steps+historyPoints-1)/historyPoints)
	return s, nil
}

// exported reports whether there is nothing but averaged weights.
func (s *state) exported() bool { return s.store.Scope(weightsScope).NumVariables() == 0 }

// sameInputs returns an error if inputs aren't those of the checkpoint.
func (s *state) sameInputs(inputs Inputs) error {
	scope := s.store.Scope(inputScope)
	if n := scope.NumVariables(); n != len(inputs) {
		return fmt.Errorf("fit: the model in %s is trained with %d inputs, not %d; choose "+
			"another folder", s.dir, n, len(inputs))
	}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		v := scope.GetVariable(name)
		if v == nil {
			return fmt.Errorf("fit: the model in %s is trained without the input %q; choose "+
				"another folder", s.dir, name)
		}
		if is, want := tensors.ToScalar[float32](v.MustValue()), float32(inputs[name]); is != want {
			return fmt.Errorf("fit: the model in %s is trained with %s = %g, not %g; choose "+
				"another folder", s.dir, name, is, want)
		}
	}
	return nil
}

// stage makes the folder that checkpoints are written into.
func (s *state) stage(format checkpoint.BinFormat) error {
	staging := filepath.Join(s.dir, stagingDir)
	if err := os.RemoveAll(staging); err != nil {
		return fmt.Errorf("fit: cannot clear what an interrupted training left: %w", err)
	}
	var err error
	s.saver, err = checkpoint.Build(s.store).Dir(staging).WithCompression(format).Done()
	if err != nil {
		return fmt.Errorf("fit: cannot prepare checkpoints in %s: %w", s.dir, err)
	}
	// it would look for every new variable in the folder of the first training
	s.store.SetLoader(nil)
	return nil
}

// unstage removes it.
func (s *state) unstage() { os.RemoveAll(filepath.Join(s.dir, stagingDir)) }

// Load reads the weights of the checkpoint in dir, see [Average].
func Load(dir string) (store *model.Store, err error) {
	err = settled(dir, func(step int) error {
		if step == 0 {
			return none(dir)
		}
		store = model.NewStore()
		return load(store, dir, step)
	})
	if err != nil {
		return nil, err
	}
	return store, nil
}

// settled reads from the newest checkpoint in dir, that of step 0 if there is none: once more where
// a training has put a newer one in its place meanwhile.
func settled(dir string, read func(step int) error) error {
	for tries := 1; ; tries++ {
		step, err := Step(dir)
		if err != nil {
			return err
		}
		if err = read(step); err == nil {
			return nil
		}
		if now, errNow := Step(dir); errNow != nil || now == step || tries == 10 {
			return err
		}
	}
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
	store.SetLoader(nil)
	// Checkpoints of earlier versions have no checksum, but are compressed, which has its own.
	if v := store.GetVariable(checksumPath); v != nil {
		want := tensors.ToScalar[uint32](v.MustValue())
		if err := store.DeleteVariable(checksumPath); err != nil {
			return err
		}
		if sum, err := checksum(store); err != nil || sum != want {
			return errors.Join(err, fmt.Errorf("its checksum is %08x instead of %08x", sum, want))
		}
	}
	for _, v := range slices.Collect(store.IterVariables()) {
		if v.DType() != dtypes.Float16 {
			continue
		}
		value, err := doubled(v.MustValue())
		if err != nil {
			return err
		}
		if err := store.DeleteVariable(v.Path()); err != nil {
			return err
		}
		if _, err := store.CreateVariable(v.Path(), value); err != nil {
			return err
		}
	}
	// GoMLX takes whatever it loads for weights, and an optimizer would train even the state of the
	// random numbers.
	for v := range store.IterVariables() {
		v.SetTrainable(strings.HasPrefix(v.Path(), weightsScope+"/"))
	}
	if found := optimizer.GetGlobalStep(store); found != int64(step) {
		return fmt.Errorf("it holds step %d under the name of step %d", found, step)
	}
	return nil
}

// checksum returns the CRC-32C of names and values of all variables that are saved.
func checksum(store *model.Store) (sum uint32, err error) {
	variables := slices.SortedFunc(store.IterVariables(), func(v, w *model.Variable) int {
		return strings.Compare(v.Path(), w.Path())
	})
	table := crc32.MakeTable(crc32.Castagnoli)
	for _, v := range variables {
		if temporary(v) || v.Path() == checksumPath {
			continue
		}
		sum = crc32.Update(sum, table, []byte(v.Path()))
		value, err := v.Value()
		if err != nil {
			return 0, err
		}
		if err := value.ConstBytes(func(data []byte) {
			sum = crc32.Update(sum, table,
				data)
		}); err != nil {
			return 0, err
		}
	}
	return sum, nil
}

func none(dir string) error {
	return fmt.Errorf("fit: there is no checkpoint in %s; train a model there first, or give the "+
		"folder of one: %w", dir, fs.ErrNotExist)
}

func damaged(dir string, err error) error {
	return fmt.Errorf("fit: the checkpoint in %s is damaged, delete it and train again: %w", dir,
		err)
}

// Step returns that of the newest checkpoint in the folder dir, 0 if there is none.
func Step(dir string) (step int, err error) {
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

// save writes the state after a step, then forgets older ones.
func (s *state) save(step int) error {
	fail := func(err error) error {
		return fmt.Errorf("fit: cannot save step %d in %s; %s: %w", step, s.dir, s.kept(), err)
	}
	staging := filepath.Join(s.dir, stagingDir)
	if err := errors.Join(os.RemoveAll(staging), os.MkdirAll(staging, 0o777)); err != nil {
		return fail(err)
	}
	for v := range s.store.IterVariables() {
		if temporary(v) {
			s.saver.ExcludeVarsFromSaving(v)
		}
	}
	sum, err := checksum(s.store)
	if err != nil {
		return fail(err)
	}
	v := s.store.VariableWithValue(checksumPath, uint32(0)).SetTrainable(false)
	if err := errors.Join(v.SetValue(tensors.FromScalar(sum)), s.saver.Save(),
		s.store.DeleteVariable(checksumPath)); err != nil {
		return fail(err)
	}
	written, err := s.saver.ListCheckpoints()
	if err != nil {
		return fail(err)
	}
	if len(written) != 1 {
		return fail(fmt.Errorf("%d checkpoints were written", len(written)))
	}
	if err := s.curves.write(filepath.Join(staging, written[0]+historySuffix), step); err != nil {
		return fail(err)
	}
	name := fmt.Sprintf(namePattern, step)
	// The .json makes it a checkpoint, so it comes last.
	for _, suffix := range []string{checkpoint.BinDataSuffix, historySuffix,
		checkpoint.JsonNameSuffix} {
		path := filepath.Join(staging, written[0]+suffix)
		if err := errors.Join(flush(path), os.Rename(path,
			filepath.Join(s.dir, name+suffix))); err != nil {
			return fail(err)
		}
	}
	// Until the folder is on disk, the old files must stay.
	if err := flush(s.dir); err != nil {
		return fail(err)
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

// diverged returns the error of a step whose numbers aren't finite.
func (s *state) diverged(step int, err error) error {
	return fmt.Errorf("fit: step %d: %w; %s in %s: try a lower learning rate", step, err, s.kept(),
		s.dir)
}

// finite returns an error if a weight is NaN or infinite.
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

// flush brings a file or folder to the disk, so that it outlives a crash of the machine.
func flush(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
