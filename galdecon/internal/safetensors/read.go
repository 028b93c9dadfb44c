// Package safetensors reads and writes files of tensors in the format of
// github.com/huggingface/safetensors: the length of a header in 8 bytes, the header as JSON with
// the type, shape and place of each tensor, and the values, little-endian.
package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
)

// Tensor is a tensor in a file.
type Tensor struct {
	// Type is that of its values as the format names it, such as F32 or F16.
	Type  string
	Shape []int
	// Open returns the bytes of its values, little-endian.
	Open func() (io.ReadCloser, error)
}

const (
	metadataName = "__metadata__"
	// maxHeader is the largest header of the format, in bytes.
	maxHeader = 100_000_000
)

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

// Values reads the tensor, whose shape must be known to be a sensible one. It is an error if it is
// truncated, or holds a value that isn't finite.
func (t Tensor) Values() ([]float32, error) {
	d, ok := decoders[t.Type]
	if !ok {
		return nil, fmt.Errorf("its type is %s; save it as float32", t.Type)
	}
	count := 1
	for _, n := range t.Shape {
		count *= n
	}
	r, err := t.Open()
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
			v := d.decode(part)
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

// Open reads the header of a file of so many bytes: its tensors by their names, which read from f
// when their values are asked for, and the texts of its metadata. A file that is truncated or
// damaged is an error.
func Open(f io.ReaderAt, size int64) (tensors map[string]Tensor, metadata map[string]string,
	err error) {
	var lead [8]byte
	if _, err := f.ReadAt(lead[:], 0); err != nil {
		return nil, nil, errors.New("the file is truncated: it has not even the length of a header")
	}
	length := binary.LittleEndian.Uint64(lead[:])
	if length > uint64(size-8) {
		return nil, nil, fmt.Errorf("it isn't a safetensors file, or truncated: the header "+
			"would have %d bytes, but %d follow", length, size-8)
	}
	if length > maxHeader {
		return nil, nil, fmt.Errorf("its header has %d bytes, more than the %d of the format",
			length, maxHeader)
	}
	header := make([]byte, length)
	if _, err := f.ReadAt(header, 8); err != nil {
		return nil, nil, fmt.Errorf("its header cannot be read: %w", err)
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(header, &entries); err != nil {
		return nil, nil, fmt.Errorf("its header is no JSON object: %w", err)
	}
	tensors = map[string]Tensor{}
	for name, raw := range entries {
		if name == metadataName {
			if err := json.Unmarshal(raw, &metadata); err != nil {
				return nil, nil, fmt.Errorf("its metadata are damaged: %w", err)
			}
			continue
		}
		var entry struct {
			DType   string   `json:"dtype"`
			Shape   []int    `json:"shape"`
			Offsets [2]int64 `json:"data_offsets"`
		}
		if err := json.Unmarshal(raw, &entry); err != nil {
			return nil, nil, fmt.Errorf("its header is damaged at %s: %w", name, err)
		}
		begin, end, after := entry.Offsets[0], entry.Offsets[1], size-8-int64(length)
		if begin < 0 || end < begin || end > after {
			return nil, nil, fmt.Errorf("the file is truncated or damaged: %s %v would lie in the "+
				"bytes [%d, %d) of %d", name, entry.Shape, begin, end, after)
		}
		tensors[name] = Tensor{Type: entry.DType, Shape: entry.Shape,
			Open: func() (io.ReadCloser, error) {
				return io.NopCloser(io.NewSectionReader(f, 8+int64(length)+begin, end-begin)), nil
			}}
	}
	return tensors, metadata, nil
}
