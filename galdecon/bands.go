package galdecon

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/internal/safetensors"
	"galdecon/internal/atomicfile"
)

// BandsFile is the name of the file in a folder with a model that holds the weights by which bands
// of a galaxy exchange what they see, in the format safetensors: see [TrainBands].
const BandsFile = "bands.safetensors"

// BandsError says that an exchange between bands isn't that of the model that it is to be used
// with: its weights mean nothing to another's.
type BandsError struct {
	// There is the SHA-256 of the weights that it was trained with, "" where there is no exchange,
	// and Here that of the model.
	There, Here string
}

func (e *BandsError) Error() string {
	if e.There == "" {
		return fmt.Sprintf("galdecon: the model %.12s has no exchange between bands, and draws one "+
			"band at a time; train it by galdecon.TrainBands, or give each band to SampleLooks",
			e.Here)
	}
	return fmt.Sprintf("galdecon: the exchange between bands is that of the model %.12s, not of "+
		"this one, %.12s (weights or network differ); train it again by galdecon.TrainBands",
		e.There, e.Here)
}

// exchange is that between bands of a model.
type exchange struct {
	scope *model.Scope // the model's weights, with those of the exchange

	mu        sync.Mutex
	bySampler map[ddpm.Sampler]*ddpm.LookGenerator
}

// generator returns what draws with a configuration.
func (b *exchange) generator(m *Model) (*ddpm.LookGenerator, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := m.Config
	if p := b.bySampler[c.Sampler]; p != nil {
		return p, nil
	}
	p, err := ddpm.NewLookGenerator(m.executables.device, c.Diffusion, c.Sampler, b.scope)
	if err != nil {
		return nil, err
	}
	b.bySampler[c.Sampler] = p
	return p, nil
}

// weightsHash returns the SHA-256 of a diffusion model's network and weights, which a sampler, or
// what a training was called, leave as it is.
func weightsHash(c ddpm.Config, scope *model.Scope) (string, error) {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(c); err != nil {
		return "", fmt.Errorf("galdecon: cannot hash the model: %w", err)
	}
	return hashWeights(h, scope)
}

// hashWeights adds weights to a hash, and returns it.
func hashWeights(h interface {
	io.Writer
	Sum([]byte) []byte
}, scope *model.Scope) (string, error) {
	variables := slices.SortedFunc(scope.IterVariables(),
		func(v, w *model.Variable) int { return cmp.Compare(v.Path(), w.Path()) })
	for _, v := range variables {
		value, err := v.Value()
		if err != nil {
			return "", fmt.Errorf("galdecon: cannot hash the model: %w", err)
		}
		fmt.Fprintln(h, v.Path(), value.Shape())
		if err := tensors.ConstFlatData(value, func(flat []float32) {
			_ = binary.Write(h, binary.LittleEndian, flat) // a hash takes all
		}); err != nil {
			return "", fmt.Errorf("galdecon: cannot hash the model: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Texts in the metadata of an exchange's file.
const (
	exchangeFormat = "galdecon bands 1"
	modelKey       = "model"
)

// saveExchange writes the weights of an exchange below a scope, that of a model with a hash, beside
// the model in a folder. They are rounded to half precision.
func saveExchange(dir, hash string, scope *model.Scope) error {
	weights := map[string]safetensors.Values{}
	for v := range scope.IterVariables() {
		value, err := v.Value()
		if err != nil {
			return fmt.Errorf("galdecon: cannot read the weight %s: %w", v.Path(), err)
		}
		flat, err := tensors.CopyFlatData[float32](value)
		if err != nil {
			return fmt.Errorf("galdecon: cannot read the weight %s: %w", v.Path(), err)
		}
		name := strings.TrimPrefix(v.Path(), scope.Scope()+"/")
		weights[strings.ReplaceAll(name, "/", ".")] = safetensors.Values{
			Shape: v.Shape().Dimensions, Flat: safetensors.Halved(flat)}
	}
	err := atomicfile.Write(filepath.Join(dir, BandsFile), func(w io.Writer) error {
		return safetensors.Write(w, weights, map[string]string{formatKey: exchangeFormat,
			modelKey: hash})
	})
	if err != nil {
		return fmt.Errorf("galdecon: cannot store the exchange between bands: %w", err)
	}
	return nil
}

// loadExchange reads the exchange beside the model with weights below a scope, and returns these
// with those of the exchange; nil where there is none, or the model is of another kind.
func loadExchange(dir string, c Config, scope *model.Scope) (*model.Scope, error) {
	path := filepath.Join(dir, BandsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || c.Survey == nil {
		return nil, nil
	}
	fail := func(err error) (*model.Scope, error) {
		return nil, fmt.Errorf("galdecon: the exchange between bands in %s: %w", path, err)
	}
	if err != nil {
		return fail(err)
	}
	stored, metadata, err := safetensors.Open(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return fail(err)
	}
	if got := metadata[formatKey]; got != exchangeFormat {
		return fail(fmt.Errorf("its format is %q instead of %q", got, exchangeFormat))
	}
	here, err := weightsHash(c.Diffusion, scope)
	if err != nil {
		return nil, err
	}
	if there := metadata[modelKey]; there != here {
		return nil, &BandsError{There: there, Here: here}
	}
	store := model.NewStore()
	for v := range scope.IterVariables() {
		value, err := v.MustValue().LocalClone()
		if err == nil {
			_, err = store.CreateVariable(v.Path(), value)
		}
		if err != nil {
			return fail(err)
		}
	}
	for name, t := range stored {
		if size, ok := sizeOf(t.Shape); !ok || size > len(text) {
			return fail(fmt.Errorf("%s has the shape %v, more than the file holds", name, t.Shape))
		}
		values, err := t.Values()
		if err != nil {
			return fail(fmt.Errorf("%s %v: %w", name, t.Shape, err))
		}
		_, err = store.CreateVariable(scope.Scope()+"/"+ddpm.ExchangeScope+"/"+
			strings.ReplaceAll(name, ".", "/"),
			tensors.FromFlatDataAndDimensions(values, t.Shape...))
		if err != nil {
			return fail(fmt.Errorf("%s: %w", name, err))
		}
	}
	return store.Scope(scope.Scope()), nil
}

// withBands returns the model with the exchange that is beside it in the folder dir. Where that
// can't be used, sampling bands says why.
func (m *Model) withBands(dir string) *Model {
	m.bands, m.noBands = nil, nil
	scope, err := loadExchange(dir, m.Config, m.executables.scope)
	if err == nil && scope != nil {
		err = m.Config.Diffusion.CheckBands(m.executables.device, scope, m.Config.Size)
	}
	if err != nil {
		m.noBands = err
		return m
	}
	if scope != nil {
		m.bands = &exchange{scope: scope, bySampler: map[ddpm.Sampler]*ddpm.LookGenerator{}}
	}
	return m
}
