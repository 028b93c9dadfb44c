package fit

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/checkpoint"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// Export writes a checkpoint with nothing but the averaged weights and the loss curve of the one in
// dir into the folder to, which must not hold one. It is what a finished model needs, in half
// precision (rounded by at most 1/2048, and to 0 below 6e-5), an eighth of the size: [Load] reads
// it, but it can't be trained further. Another training can begin with it, see [Config].
func Export(dir, to string) error {
	trained, err := open(dir, 0)
	if err != nil {
		return err
	}
	if trained.step == 0 {
		return none(dir)
	}
	shipped := model.NewStore()
	kept := slices.Collect(Average(trained.store).IterVariables())
	for _, v := range append(kept,
		slices.Collect(trained.store.Scope(inputScope).IterVariables())...) {
		value := v.MustValue()
		if strings.HasPrefix(v.Path(), averageScope+"/") && v.DType() == dtypes.Float32 {
			if value, err = halved(value); err != nil {
				return fmt.Errorf("fit: cannot export %s: %w", v.Path(), err)
			}
		}
		if _, err := shipped.CreateVariable(v.Path(), value); err != nil {
			return fmt.Errorf("fit: cannot export %s: %w", v.Path(), err)
		}
	}
	s := &state{dir: to, store: shipped, curves: trained.curves}
	return s.saveNew(trained.step, checkpoint.BinGZIP)
}

// Import writes the checkpoint of a model that was trained elsewhere into the folder dir, which
// must not hold one: the averaged weights that a store holds, see [Average], as they are. The
// checkpoint counts as that of the given step, at least 1, of a training without loss curve. As of
// an exported one, [Load] reads it, and a training can begin with it, see [Config], but it can't be
// trained further.
func Import(weights *model.Store, dir string, step int) error {
	if step < 1 {
		return fmt.Errorf("fit: a checkpoint is that of step 1 at least, not %d", step)
	}
	s := &state{dir: dir, store: model.NewStore()}
	for v := range Average(weights).IterVariables() {
		value, err := v.Value()
		if err == nil {
			_, err = s.store.CreateVariable(v.Path(), value)
		}
		if err != nil {
			return fmt.Errorf("fit: cannot import %s: %w", v.Path(), err)
		}
	}
	return s.saveNew(step, checkpoint.BinUncompressed)
}

// saveNew writes a checkpoint of averaged weights alone into a folder that has none.
func (s *state) saveNew(step int, format checkpoint.BinFormat) error {
	if there, err := Step(s.dir); err != nil {
		return err
	} else if there != 0 {
		return fmt.Errorf("fit: there is a checkpoint in %s; choose another folder", s.dir)
	}
	value := tensors.FromScalar(int64(step))
	if err := optimizer.GetGlobalStepVar(s.store).SetValue(value); err != nil {
		return fmt.Errorf("fit: cannot set the step: %w", err)
	}
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return fmt.Errorf("fit: cannot make the folder %s: %w", s.dir, err)
	}
	defer s.unstage()
	if err := s.stage(format); err != nil {
		return err
	}
	return s.save(step)
}

// halved returns a float32 tensor as float16, and doubled goes the way back.
func halved(t *tensors.Tensor) (*tensors.Tensor, error) {
	values, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return nil, err
	}
	out := make([]float16.Float16, len(values))
	for i, v := range values {
		if out[i] = float16.FromFloat32(v); math.IsInf(float64(out[i].Float32()), 0) {
			return nil, fmt.Errorf("the weight %g is too large for half precision", v)
		}
	}
	return tensors.FromFlatDataAndDimensions(out, t.Shape().Dimensions...), nil
}

func doubled(t *tensors.Tensor) (*tensors.Tensor, error) {
	values, err := tensors.CopyFlatData[float16.Float16](t)
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = v.Float32()
	}
	return tensors.FromFlatDataAndDimensions(out, t.Shape().Dimensions...), nil
}
