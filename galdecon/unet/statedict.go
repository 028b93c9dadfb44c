package unet

import (
	"archive/zip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/internal/npy"
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
		case !slices.Equal(got.shape, s.torch):
			return nil, nil, fmt.Errorf("%s has the shape %v, but %v in the network %+v", s.name,
				got.shape, s.torch, p)
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
			surplus = append(surplus, fmt.Sprintf("%s %v", name, named[name].shape))
		}
		return nil, nil, fmt.Errorf("it holds %s, which the network %+v has not", firstFew(surplus),
			p)
	}
	if s, ok := file[schedule]; ok {
		if len(s.shape) != 1 || s.shape[0] < 2 {
			return nil, nil, fmt.Errorf("%s has the shape %v, but that of a schedule is [T+1]",
				schedule, s.shape)
		}
		if alphaBar, err = s.values(); err != nil {
			return nil, nil, fmt.Errorf("%s %v: %w", schedule, s.shape, err)
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

// stored is a tensor in a file.
type stored struct {
	// dtype is its type as safetensors names it.
	dtype string
	shape []int
	// open returns the bytes of its values, little-endian.
	open func() (io.ReadCloser, error)
	// negate says that its values have the other sign in the network.
	negate bool
}

// decoders of one little-endian value, and its bytes, by the names of safetensors.
var decoders = map[string]struct {
	size   int
	decode func(b []byte) float32
}{
	"F64": {8, func(b []byte) float32 {
		return float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}},
	"F32": {4, func(b []byte) float32 {
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	}},
	"F16": {2, func(b []byte) float32 {
		return float16.FromBits(binary.LittleEndian.Uint16(b)).Float32()
	}},
	"BF16": {2, func(b []byte) float32 {
		return bfloat16.FromBits(binary.LittleEndian.Uint16(b)).Float32()
	}},
}

// values reads the tensor, whose shape must be known to be a sensible one.
func (s stored) values() ([]float32, error) {
	d, ok := decoders[s.dtype]
	if !ok {
		return nil, fmt.Errorf("its type is %s; save it as float32", s.dtype)
	}
	count, sign := size(s.shape), float32(1)
	if s.negate {
		sign = -1
	}
	r, err := s.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out []float32 // grows as the values come
	buffer := make([]byte, d.size*4096)
	for len(out) < count {
		part := buffer[:d.size*min(4096, count-len(out))]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, fmt.Errorf("the file is truncated or damaged within its %d values: %w",
				count, err)
		}
		for ; len(part) > 0; part = part[d.size:] {
			v := sign * d.decode(part)
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return nil, fmt.Errorf("its value number %d is %g; the training that saved it "+
					"had diverged, or the file is damaged", len(out), v)
			}
			out = append(out, v)
		}
	}
	// A zip archive verifies its checksum at the end.
	switch n, err := io.ReadFull(r, buffer[:1]); {
	case n > 0:
		return nil, fmt.Errorf("the file is damaged: more values follow the %d of its shape", count)
	case err != io.EOF:
		return nil, fmt.Errorf("the file is damaged: %w", err)
	}
	return out, nil
}

// maxSafetensorsHeader is the largest header of the format.
const maxSafetensorsHeader = 100_000_000

// openSafetensors reads the header of a safetensors file: its length in 8 bytes, then JSON with the
// type, shape and place of each tensor (github.com/huggingface/safetensors).
func openSafetensors(f io.ReaderAt, size int64) (map[string]stored, error) {
	var lead [8]byte
	if _, err := f.ReadAt(lead[:], 0); err != nil {
		return nil, errors.New("the file is truncated: it has not even the length of a header")
	}
	length := binary.LittleEndian.Uint64(lead[:])
	if length > uint64(size-8) {
		return nil, fmt.Errorf("it isn't a safetensors file, or truncated: the header would have "+
			"%d bytes, but %d follow", length, size-8)
	}
	if length > maxSafetensorsHeader {
		return nil, fmt.Errorf("its header has %d bytes, more than the %d of the format", length,
			maxSafetensorsHeader)
	}
	header := make([]byte, length)
	if _, err := f.ReadAt(header, 8); err != nil {
		return nil, fmt.Errorf("its header cannot be read: %w", err)
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(header, &entries); err != nil {
		return nil, fmt.Errorf("its header is no JSON object: %w", err)
	}
	file := map[string]stored{}
	for name, raw := range entries {
		if name == "__metadata__" {
			continue
		}
		var entry struct {
			DType   string   `json:"dtype"`
			Shape   []int    `json:"shape"`
			Offsets [2]int64 `json:"data_offsets"`
		}
		if err := json.Unmarshal(raw, &entry); err != nil {
			return nil, fmt.Errorf("its header is damaged at %s: %w", name, err)
		}
		begin, end, after := entry.Offsets[0], entry.Offsets[1], size-8-int64(length)
		if begin < 0 || end < begin || end > after {
			return nil, fmt.Errorf("the file is truncated or damaged: %s %v would lie in the "+
				"bytes [%d, %d) of %d", name, entry.Shape, begin, end, after)
		}
		file[name] = stored{dtype: entry.DType, shape: entry.Shape,
			open: func() (io.ReadCloser, error) {
				return io.NopCloser(io.NewSectionReader(f, 8+int64(length)+begin, end-begin)), nil
			}}
	}
	return file, nil
}

// openNPZ reads the headers of NumPy's arrays in a zip archive.
func openNPZ(f io.ReaderAt, size int64) (map[string]stored, error) {
	archive, err := zip.NewReader(f, size)
	if err != nil {
		return nil, fmt.Errorf("it isn't a NumPy archive, or truncated: %w", err)
	}
	file := map[string]stored{}
	for _, entry := range archive.File {
		name := strings.TrimSuffix(entry.Name, ".npy")
		if _, twice := file[name]; twice {
			return nil, fmt.Errorf("it holds %s twice", name)
		}
		r, dtype, shape, err := openNPY(entry)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		r.Close()
		file[name] = stored{dtype: dtype, shape: shape, open: func() (io.ReadCloser, error) {
			r, _, _, err := openNPY(entry)
			return r, err
		}}
	}
	return file, nil
}

// openNPY returns an array in a zip archive, with its values yet to be read.
func openNPY(entry *zip.File) (r io.ReadCloser, dtype string, shape []int, err error) {
	if r, err = entry.Open(); err != nil {
		return nil, "", nil, err
	}
	array, err := npy.NewArray(r)
	if err != nil {
		r.Close()
		return nil, "", nil, err
	}
	dtype, ok := npyTypes[array.Type]
	if !ok || array.Order != binary.LittleEndian {
		dtype = fmt.Sprintf("%s %s", array.Order, array.Type)
	}
	return r, dtype, array.Shape, nil
}

// npyTypes are NumPy's types by their names in safetensors.
var npyTypes = map[string]string{"f8": "F64", "f4": "F32", "f2": "F16"}
