package unet

import (
	"archive/zip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"

	"galdecon/galdecon/internal/npy"
)

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
