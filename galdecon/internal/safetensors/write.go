package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes/float16"
)

// Values are those of a tensor to be written, row-major.
type Values struct {
	Shape []int
	Flat  []float32
}

// Write writes tensors in the order of their names, and texts beside them. A tensor all of whose
// values are the same in half precision is written as F16, any other as F32: nothing is rounded.
func Write(w io.Writer, tensors map[string]Values, metadata map[string]string) error {
	type place struct {
		Type    string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header := map[string]any{}
	if len(metadata) > 0 {
		header[metadataName] = metadata
	}
	names := slices.Sorted(maps.Keys(tensors))
	end := 0
	for _, name := range names {
		t := tensors[name]
		count := 1
		for _, n := range t.Shape {
			count *= n
		}
		if count != len(t.Flat) || name == metadataName {
			return fmt.Errorf("safetensors: the tensor %q of the shape %v has %d values", name,
				t.Shape, len(t.Flat))
		}
		p := place{Type: "F32", Shape: t.Shape, Offsets: [2]int{end, end + 4*count}}
		if p.Shape == nil {
			p.Shape = []int{} // a scalar
		}
		if half(t.Flat) {
			p.Type, p.Offsets[1] = "F16", end+2*count
		}
		header[name], end = p, p.Offsets[1]
	}
	text, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("safetensors: cannot write the header: %w", err)
	}
	for len(text)%8 != 0 { // so that values lie where a processor likes them
		text = append(text, ' ')
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := w.Write(encode(tensors[name].Flat)); err != nil {
			return err
		}
	}
	return nil
}

// half reports whether half precision holds values exactly.
func half(values []float32) bool {
	for _, v := range values {
		if float16.FromFloat32(v).Float32() != v {
			return false
		}
	}
	return true
}

func encode(values []float32) []byte {
	var out []byte
	if half(values) {
		for _, v := range values {
			out = binary.LittleEndian.AppendUint16(out, float16.FromFloat32(v).Bits())
		}
		return out
	}
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

// Halved returns values rounded to half precision, which Write then stores in half of the bytes.
func Halved(values []float32) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float16.FromFloat32(v).Float32()
	}
	return out
}
