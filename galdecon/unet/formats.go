package unet

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"galdecon/galdecon/internal/npy"
	"galdecon/galdecon/internal/safetensors"
)

// stored is a tensor in a file.
type stored struct {
	safetensors.Tensor
	// negate says that its values have the other sign in the network.
	negate bool
}

// values reads the tensor, whose shape must be known to be a sensible one.
func (s stored) values() ([]float32, error) {
	values, err := s.Values()
	if s.negate {
		for i := range values {
			values[i] = -values[i]
		}
	}
	return values, err
}

// openSafetensors reads the header of a safetensors file.
func openSafetensors(f io.ReaderAt, size int64) (map[string]stored, error) {
	tensors, _, err := safetensors.Open(f, size)
	if err != nil {
		return nil, err
	}
	file := map[string]stored{}
	for name, t := range tensors {
		file[name] = stored{Tensor: t}
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
		file[name] = stored{Tensor: safetensors.Tensor{Type: dtype, Shape: shape,
			Open: func() (io.ReadCloser, error) {
				r, _, _, err := openNPY(entry)
				return r, err
			}}}
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
