package galdecon

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/fit"
	"galdecon/galdecon/internal/safetensors"
	"galdecon/internal/atomicfile"
)

// CardFile is the name of the file in a folder with a model that says what it was trained on and
// how good it is, in Markdown.
const CardFile = "README.md"

// Texts in the metadata of a model's file.
const (
	formatKey, configKey, stepKey = "format", "config", "step"
	packFormat                    = "galdecon 1"
)

// Pack writes the model in the folder dir, as [Load] reads it, into one file in the format
// safetensors, which is replaced if it is there. Its tensors are the averaged weights, named by
// their scopes with points between: unet.down_0.in.weights [height, width, in, out]. They are F16
// where that loses nothing, as of a model that [Export] wrote, and else F32. Its metadata hold
// texts:
//
//	format   galdecon 1
//	config   the Config as JSON
//	step     the steps that it was trained for
//	card     README.md of the folder, if there is one
//	recalibration  recalibration.json of the folder, if there is one
//
// [Unpack] reads it, and so does Python's safetensors. Pack returns the SHA-256 of the file,
// hexadecimal.
func Pack(dir, file string) (hash string, err error) {
	c, err := LoadConfig(dir)
	if err != nil {
		return "", err
	}
	scope, err := loadWeights(dir)
	if err != nil {
		return "", err
	}
	step, err := fit.Step(dir)
	if err != nil {
		return "", err
	}
	config, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("galdecon: cannot encode the configuration: %w", err)
	}
	metadata, err := readBeside(dir)
	if err != nil {
		return "", err
	}
	metadata[formatKey], metadata[configKey] = packFormat, string(config)
	metadata[stepKey] = strconv.Itoa(step)
	weights := map[string]safetensors.Values{}
	for v := range scope.IterVariables() {
		value, err := v.Value()
		if err != nil {
			return "", fmt.Errorf("galdecon: cannot read the weight %s: %w", v.Path(), err)
		}
		flat, err := tensors.CopyFlatData[float32](value)
		if err != nil {
			return "", fmt.Errorf("galdecon: cannot read the weight %s: %w", v.Path(), err)
		}
		name := strings.TrimPrefix(v.Path(), scope.Scope()+"/")
		weights[strings.ReplaceAll(name, "/", ".")] = safetensors.Values{
			Shape: v.Shape().Dimensions, Flat: flat}
	}
	sum := sha256.New()
	err = atomicfile.Write(file, func(w io.Writer) error {
		return safetensors.Write(io.MultiWriter(w, sum), weights, metadata)
	})
	if err != nil {
		return "", fmt.Errorf("galdecon: cannot pack the model in %s: %w", dir, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// largest is the most values that a tensor of a model's file may have.
const largest = 1 << 28

// Unpack makes a model in the folder dir, which must not hold one, of a file that [Pack] wrote. A
// file of another format, or one that is truncated or damaged, is an error; so are weights that
// aren't those of its configuration, to [Load].
func Unpack(file, dir string) error {
	fail := func(err error) error {
		return fmt.Errorf("galdecon: cannot unpack the model %s: %w", file, err)
	}
	f, err := os.Open(file)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fail(err)
	}
	stored, metadata, err := safetensors.Open(f, info.Size())
	if err != nil {
		return fail(err)
	}
	if got := metadata[formatKey]; got != packFormat {
		return fail(fmt.Errorf("its format is %q instead of %q; write it by galdecon.Pack", got,
			packFormat))
	}
	var c Config
	decoder := json.NewDecoder(bytes.NewReader([]byte(metadata[configKey])))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return fail(fmt.Errorf("its configuration is damaged or of another version: %w", err))
	}
	if err := c.Validate(); err != nil {
		return fail(err)
	}
	step, err := strconv.Atoi(metadata[stepKey])
	if err != nil {
		return fail(fmt.Errorf("its step: %w", err))
	}
	store := model.NewStore()
	for name, t := range stored {
		if size, ok := sizeOf(t.Shape); !ok || int64(size) > info.Size() {
			return fail(fmt.Errorf("%s has the shape %v, more than the file holds", name, t.Shape))
		}
		values, err := t.Values()
		if err != nil {
			return fail(fmt.Errorf("%s %v: %w", name, t.Shape, err))
		}
		path := fit.Average(store).Scope() + "/" + strings.ReplaceAll(name, ".", "/")
		_, err = store.CreateVariable(path, tensors.FromFlatDataAndDimensions(values, t.Shape...))
		if err != nil {
			return fail(fmt.Errorf("%s: %w", name, err))
		}
	}
	if err := c.saveNew(dir, func() error { return fit.Import(store, dir, step) }); err != nil {
		return fail(err)
	}
	return writeBeside(dir, metadata)
}

// sizeOf returns the number of values of a shape, false where it has none or too many.
func sizeOf(shape []int) (n int, ok bool) {
	n = 1
	if slices.ContainsFunc(shape, func(d int) bool { return d < 1 || d > math.MaxInt32 }) {
		return 0, false
	}
	for _, d := range shape {
		if n *= d; n > largest {
			return 0, false
		}
	}
	return n, true
}
