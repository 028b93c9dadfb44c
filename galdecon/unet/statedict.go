package unet

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// LoadStateDict sets the network's variables, in the scope that [Paper.Forward] is given, from a
// PyTorch state dict:
//
//   - .safetensors, as safetensors.torch.save_file writes it: F64, F32, F16 or BF16;
//   - .npz, as numpy.savez and savez_compressed write it: float64, float32 or float16,
//     little-endian.
//
// A .pth file is converted to one of them in Python:
//
//	w = torch.load("model.pth", map_location="cpu")
//	numpy.savez("model.npz", **{name: value.numpy() for name, value in w.items()})
//
// Tensors have the names of [Paper.Forward]'s variables or those of the authors' program (class
// DDPM or ContextUnet of conditonal_diffusion/psf_conditioned_diffusion.py in
// github.com/yashpatel5400/galgen, commit be3e8c1). That program multiplies each PSF with −1 before
// its network; the sign goes into the weights here, so that Forward is given PSFs as they are. Of
// its schedule's buffers alphabar_t is returned, ᾱ_0 to ᾱ_T of the training, and nil where the file
// has none; the others follow from it, and are ignored as num_batches_tracked is.
//
// A file that is truncated or damaged, a missing, surplus or twofold tensor, one of another shape
// than the network's or with a value that isn't finite is an error that names it, and leaves all
// variables as they were.
func (p Paper) LoadStateDict(scope *model.Scope, path string) (alphaBar []float32, err error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	values, alphaBar, err := p.readStateDict(path)
	if err != nil {
		return nil, fmt.Errorf("unet: cannot load %s: %w", path, err)
	}
	all := p.parameters()
	for _, s := range all {
		if v := scope.GetVariable(s.name); v != nil && !v.Shape().Equal(s.shape()) {
			return nil, fmt.Errorf("unet: cannot load %s: the scope %s holds a variable %s %s "+
				"already, but the network %+v has %s",
				path, scope.Scope(), s.name, v.Shape(), p, s.shape())
		}
	}
	for i, s := range all {
		value := tensors.FromFlatDataAndDimensions(values[i], s.shape().Dimensions...)
		v := scope.GetVariable(s.name)
		if v == nil {
			v, err = scope.CreateVariable(s.name, value)
		} else {
			err = v.SetValue(value)
		}
		if err != nil {
			return nil, fmt.Errorf("unet: cannot set the variable %s: %w", s.name, err)
		}
		if !s.trained {
			v.SetTrainable(false)
		}
	}
	return alphaBar, nil
}

// readStateDict returns the values of the network's parameters, in the layout of its variables, and
// the authors' ᾱ_t, if the file has them.
func (p Paper) readStateDict(path string) (values [][]float32, alphaBar []float32, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	var file map[string]stored
	switch ending := strings.ToLower(filepath.Ext(path)); ending {
	case ".npz":
		file, err = openNPZ(f, info.Size())
	case ".safetensors":
		file, err = openSafetensors(f, info.Size())
	default:
		err = fmt.Errorf("the ending %q is neither .npz nor .safetensors; convert the state dict "+
			"to one of them", ending)
	}
	if err != nil {
		return nil, nil, err
	}
	named := map[string]stored{}
	for _, name := range slices.Sorted(maps.Keys(file)) {
		if ignored(name) {
			continue
		}
		s, plain := file[name], authorsNames.Replace(name)
		if _, twice := named[plain]; twice {
			return nil, nil, fmt.Errorf("it holds %s twice, once as %s", plain, name)
		}
		s.negate = strings.Contains(name, "contextembed") &&
			strings.HasSuffix(name, ".conv1.weight")
		named[plain] = s
	}

	all := p.parameters()
	var missing []string
	for _, s := range all {
		switch got, ok := named[s.name]; {
		case !ok:
			missing = append(missing, fmt.Sprintf("%s %v", s.name, s.torch))
		case !slices.Equal(got.Shape, s.torch):
			return nil, nil, fmt.Errorf("%s has the shape %v, but %v in the network %+v", s.name,
				got.Shape, s.torch, p)
		}
	}
	if len(missing) > 0 {
		return nil, nil, fmt.Errorf("it lacks %s of the network %+v", firstFew(missing), p)
	}
	if len(named) > len(all) {
		for _, s := range all {
			delete(named, s.name)
		}
		var surplus []string
		for _, name := range slices.Sorted(maps.Keys(named)) {
			surplus = append(surplus, fmt.Sprintf("%s %v", name, named[name].Shape))
		}
		return nil, nil, fmt.Errorf("it holds %s, which the network %+v has not", firstFew(surplus),
			p)
	}
	if s, ok := file[schedule]; ok {
		if len(s.Shape) != 1 || s.Shape[0] < 2 {
			return nil, nil, fmt.Errorf("%s has the shape %v, but that of a schedule is [T+1]",
				schedule, s.Shape)
		}
		if alphaBar, err = s.values(); err != nil {
			return nil, nil, fmt.Errorf("%s %v: %w", schedule, s.Shape, err)
		}
	}
	values = make([][]float32, len(all))
	for i, s := range all {
		flat, err := named[s.name].values()
		if err != nil {
			return nil, nil, fmt.Errorf("%s %v: %w", s.name, s.torch, err)
		}
		values[i] = transpose(flat, s.view, s.order)
	}
	return values, alphaBar, nil
}

// firstFew lists the first few names.
func firstFew(names []string) string {
	const few = 3
	if len(names) <= few+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// schedule is the buffer of the authors' noise schedule from which the others follow.
const schedule = "alphabar_t"

// ignored returns what a training keeps beside the weights: counts of batches and the authors'
// noise schedule.
func ignored(name string) bool {
	if strings.HasSuffix(name, ".num_batches_tracked") {
		return true
	}
	switch name {
	case "alpha_t", "oneover_sqrta", "sqrt_beta_t", schedule, "sqrtab", "sqrtmab",
		"mab_over_sqrtmab":
		return true
	}
	return false
}

// authorsNames turns the names of the authors' program into those of [Paper.Forward]'s variables,
// and leaves the latter.
var authorsNames = strings.NewReplacer(
	"nn_model.", "",
	"init_conv.", "stem.",
	".model.0.conv", ".conv",
	"to_hidden.0.", "hidden.",
	"timeembed1.model.0.", "time.0.fc1.", "timeembed1.model.2.", "time.0.fc2.",
	"timeembed2.model.0.", "time.1.fc1.", "timeembed2.model.2.", "time.1.fc2.",
	"timeembed3.model.0.", "time.2.fc1.", "timeembed3.model.2.", "time.2.fc2.",
	"contextembed1.conv1.", "psf.0.conv.", "contextembed1.", "psf.0.",
	"contextembed2.conv1.", "psf.1.conv.", "contextembed2.", "psf.1.",
	"contextembed3.conv1.", "psf.2.conv.", "contextembed3.", "psf.2.",
	".model.0.", ".grow.", ".model.1.", ".block1.", ".model.2.", ".block2.",
)

// transpose returns the values [view...] with their axes in another order.
func transpose(values []float32, view, order []int) []float32 {
	// Steps in values along each axis of the result.
	steps, dims := make([]int, len(order)), make([]int, len(order))
	for i, axis := range order {
		dims[i], steps[i] = view[axis], 1
		for _, d := range view[axis+1:] {
			steps[i] *= d
		}
	}
	out := make([]float32, 0, len(values))
	var walk func(axis, at int)
	walk = func(axis, at int) {
		if axis == len(dims) {
			out = append(out, values[at])
			return
		}
		for range dims[axis] {
			walk(axis+1, at)
			at += steps[axis]
		}
	}
	walk(0, 0)
	return out
}
