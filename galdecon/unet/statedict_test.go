package unet

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// entry is a tensor of a safetensors file.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
	data    []byte
}

// encode returns little-endian values of a type.
func encode(dtype string, values []float32) []byte {
	var b []byte
	for _, v := range values {
		switch dtype {
		case "F64":
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(v)))
		case "F16":
			bits := float16.FromFloat32(v).Bits()
			if a := math.Abs(float64(v)); a < 1./(1<<14) {
				// subnormal, which FromFloat32 gets wrong in compute v0.1.2
				bits = uint16(a * (1 << 24))
				if v < 0 {
					bits |= 1 << 15
				}
			}
			b = binary.LittleEndian.AppendUint16(b, bits)
		case "BF16":
			b = binary.LittleEndian.AppendUint16(b, bfloat16.FromFloat32(v).Bits())
		default:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return b
}

// plain returns the tensors of the first fixture.
func plain(t *testing.T, dtype string) map[string]*entry {
	t.Helper()
	f, err := os.ReadFile(fixtures[0].weights)
	if err != nil {
		t.Fatal(err)
	}
	file, err := openNPZ(bytes.NewReader(f), int64(len(f)))
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string]*entry{}
	for name, s := range file {
		values, err := s.values()
		if err != nil {
			continue // a count of batches
		}
		entries[name] = &entry{DType: dtype, Shape: s.Shape, data: encode(dtype, values)}
	}
	return entries
}

// place lays the data of the tensors one after the other.
func place(entries map[string]*entry) (data []byte) {
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		e := entries[name]
		e.Offsets = [2]int64{int64(len(data)), int64(len(data) + len(e.data))}
		data = append(data, e.data...)
	}
	return data
}

// safetensorsFile is a file with the tensors at the offsets they say.
func safetensorsFile(t *testing.T, entries map[string]*entry, data []byte) []byte {
	t.Helper()
	header, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(file, header...), data...)
}

// npz is an archive of one array, with a given header.
func npz(t *testing.T, name, header string, values []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name + ".npy")
	if err != nil {
		t.Fatal(err)
	}
	lead := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	for _, part := range [][]byte{lead, []byte(header), values} {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLoadStateDictTypes reads the same weights from each type of number, over those of another
// file.
func TestLoadStateDictTypes(t *testing.T) {
	p := fixtures[0].network
	want := load(t, p, fixtures[0].weights).RootScope()
	for dtype, tolerance := range map[string]float64{"F64": 0, "F32": 0, "F16": 0,
		"BF16": 1. / 256} {
		entries := plain(t, dtype)
		path := write(t, "weights.safetensors", safetensorsFile(t, entries, place(entries)))
		scope := load(t, p, fixtures[0].weights).RootScope()
		for v := range scope.IterVariables() {
			if err := v.SetValue(tensors.FromShape(v.Shape())); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.LoadStateDict(scope, path); err != nil {
			t.Errorf("%s: %v", dtype, err)
			continue
		}
		for v := range want.IterVariables() {
			if d := deviation(flat(scope.GetVariable(v.Name()).MustValue()),
				flat(v.MustValue())); d > tolerance {
				t.Errorf("%s: %s deviates by %g", dtype, v.Name(), d)
			}
		}
	}
}

// The noise schedule of a file is returned as it stands there: golden.py writes eleven numbers from
// 0 to 1 in its place.
func TestLoadStateDictSchedule(t *testing.T) {
	for i, want := range [][]float32{nil, {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1}} {
		got, err := fixtures[i].network.LoadStateDict(model.NewStore().RootScope(),
			fixtures[i].weights)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the schedule is %v, want %v", fixtures[i].weights, got, want)
		}
	}
}

// TestLoadStateDictErrors checks that a wrong file gives an error that names it and what is wrong,
// and sets nothing.
func TestLoadStateDictErrors(t *testing.T) {
	p := fixtures[0].network
	archive, err := os.ReadFile(fixtures[0].weights)
	if err != nil {
		t.Fatal(err)
	}
	// change is a safetensors file of which the tensors were changed; moved is one with changed
	// places of their values.
	change := func(f func(entries map[string]*entry)) []byte {
		entries := plain(t, "F32")
		f(entries)
		return safetensorsFile(t, entries, place(entries))
	}
	moved := func(f func(e *entry)) []byte {
		entries := plain(t, "F32")
		data := place(entries)
		f(entries["out.3.bias"])
		return safetensorsFile(t, entries, data)
	}
	whole := change(func(map[string]*entry) {})
	header := func(length uint64, rest string) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, length), rest...)
	}
	for _, c := range []struct {
		what, name string
		data       []byte
		want       []string
	}{
		{"alone in archive", "a.npz", npz(t, "hidden.bias",
			"{'descr': '<f4', 'fortran_order': False, 'shape': (64,), }", nil),
			[]string{"lacks stem.conv1.0.weight [8 2 3 3]"}},
		{"missing", "a.safetensors", change(func(e map[string]*entry) { delete(e, "out.3.bias") }),
			[]string{"lacks out.3.bias [1]"}},
		{"surplus", "a.safetensors",
			change(func(e map[string]*entry) { e["down4.bias"] = &entry{DType: "F32"} }),
			[]string{"holds down4.bias []"}},
		{"twice", "a.safetensors",
			change(func(e map[string]*entry) {
				e["nn_model.to_hidden.0.bias"] = e["hidden.bias"]
			}),
			[]string{"hidden.bias twice", "nn_model.to_hidden.0.bias"}},
		{"nothing", "a.safetensors", header(2, "{}"),
			[]string{"lacks stem.conv1.0.weight [8 2 3 3]",
				"more of the network {Channels:1 Features:8 PSFSize:5"}},
		{"shape", "a.safetensors",
			change(func(e map[string]*entry) { e["hidden.bias"].Shape = []int{8, 8} }),
			[]string{"hidden.bias", "[8 8]", "[64]"}},
		{"absurd shape", "a.safetensors",
			change(func(e map[string]*entry) { e["hidden.bias"].Shape = []int{1 << 62, 1 << 62} }),
			[]string{"hidden.bias", "[4611686018427387904 4611686018427387904]", "[64]"}},
		{"negative shape", "a.safetensors",
			change(func(e map[string]*entry) { e["hidden.bias"].Shape = []int{-64} }),
			[]string{"hidden.bias", "[-64]", "[64]"}},
		{"type", "a.safetensors",
			change(func(e map[string]*entry) { e["hidden.bias"].DType = "I64" }),
			[]string{"hidden.bias [64]", "I64", "float32"}},
		{"NaN", "a.safetensors", change(func(e map[string]*entry) {
			copy(e["out.3.bias"].data, encode("F32", []float32{float32(math.NaN())}))
		}), []string{"out.3.bias [1]", "NaN"}},
		{"few values", "a.safetensors",
			change(func(e map[string]*entry) { e["hidden.bias"].data = e["hidden.bias"].data[:9] }),
			[]string{"hidden.bias [64]", "truncated"}},
		{"many values", "a.safetensors",
			change(func(e map[string]*entry) { e["hidden.bias"].data = e["up1.grow.weight"].data }),
			[]string{"hidden.bias [64]", "more values"}},
		{"place beyond the end", "a.safetensors", moved(func(e *entry) { e.Offsets[1] = 1 << 40 }),
			[]string{"out.3.bias", "1099511627776", "truncated"}},
		{"negative place", "a.safetensors", moved(func(e *entry) { e.Offsets[0] = -4 }),
			[]string{"out.3.bias", "-4"}},
		{"turned place", "a.safetensors", moved(func(e *entry) { e.Offsets[0] = e.Offsets[1] + 4 }),
			[]string{"out.3.bias", "damaged"}},
		{"truncated", "a.safetensors", whole[:len(whole)-5],
			[]string{"truncated", "up3.grow.weight [16 8 2 2]"}},
		{"truncated header", "a.safetensors", whole[:1000], []string{"truncated", "992"}},
		{"empty", "a.safetensors", nil, []string{"truncated"}},
		{"absurd header", "a.safetensors", header(math.MaxUint64, "{}"),
			[]string{"18446744073709551615", "2 follow"}},
		{"no JSON", "a.safetensors", header(2, "[["), []string{"JSON"}},
		{"other JSON", "a.safetensors", header(8, `{"a": 7}`), []string{"damaged at a"}},
		{"truncated archive", "a.npz", archive[:len(archive)-100], []string{"truncated"}},
		{"empty archive", "a.npz", nil, []string{"truncated"}},
		{"damaged archive", "a.npz", damaged(archive), []string{"damaged"}},
		{"no array", "a.npz", npz(t, "hidden.bias", "", nil),
			[]string{"hidden.bias", "no type of number"}},
		{"shape in archive", "a.npz", npz(t, "hidden.bias",
			"{'descr': '<f4', 'fortran_order': False, 'shape': (65,), }", nil),
			[]string{"hidden.bias", "[65]", "[64]"}},
		{"absurd shape in archive", "a.npz", npz(t, "hidden.bias",
			"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", nil),
			[]string{"hidden.bias", "99999999999999999999"}},
		{"schedule's shape", "a.safetensors", change(func(e map[string]*entry) {
			e["alphabar_t"] = &entry{DType: "F32", Shape: []int{2, 2},
				data: encode("F32", []float32{1, 1, 0, 0})}
		}), []string{"alphabar_t", "[2 2]", "[T+1]"}},
		{"schedule's end", "a.safetensors", change(func(e map[string]*entry) {
			e["alphabar_t"] = &entry{DType: "F32", Shape: []int{1 << 40},
				data: encode("F32", []float32{1, 1, 0, 0})}
		}), []string{"alphabar_t [1099511627776]", "truncated"}},
		{"ending", "a.pth", archive, []string{`".pth"`, ".npz", ".safetensors"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			path, store := write(t, c.name, c.data), model.NewStore()
			_, err := p.LoadStateDict(store.RootScope(), path)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(c.want, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if len(err.Error()) > len(path)+400 {
				t.Errorf("the error has %d characters: %v", len(err.Error()), err)
			}
			if n := store.NumVariables(); n > 0 {
				t.Errorf("%d variables were set", n)
			}
		})
	}

	scope := model.NewStore().RootScope()
	if _, err := p.LoadStateDict(scope, "nowhere.npz"); err == nil ||
		!strings.Contains(err.Error(), "nowhere.npz") {
		t.Errorf("a file that isn't there: %v", err)
	}
	if _, err := (Paper{Channels: 1}).LoadStateDict(scope, fixtures[0].weights); err == nil ||
		!strings.Contains(err.Error(), "multiple of 8") {
		t.Errorf("a network that can't be: %v", err)
	}
	for _, other := range []Paper{{Channels: 3, Features: 8, PSFSize: 5},
		{Channels: 1, Features: 16, PSFSize: 5}, {Channels: 1, Features: 8, PSFSize: 10}} {
		_, err := other.LoadStateDict(scope, fixtures[0].weights)
		if err == nil || !strings.Contains(err.Error(), "has the shape [") {
			t.Errorf("weights of %+v for %+v: %v", p, other, err)
		}
	}
	if _, err := scope.CreateVariable("out.3.bias",
		tensors.FromFlatDataAndDimensions([]float32{1, 2}, 2)); err != nil {
		t.Fatal(err)
	}
	_, err = p.LoadStateDict(scope, fixtures[0].weights)
	if err == nil || !strings.Contains(err.Error(), "a variable out.3.bias (Float32)[2] already") ||
		scope.NumVariables() != 1 {
		t.Errorf("a variable of another shape in the scope: %v, %d variables", err,
			scope.NumVariables())
	}
}

// damaged is a zip archive with a byte changed in the middle of its values.
func damaged(archive []byte) []byte {
	b := bytes.Clone(archive)
	b[len(b)/2] ^= 0xff
	return b
}

// TestLoadStateDictRandomDamage checks that no damage makes the readers panic or fill the memory.
func TestLoadStateDictRandomDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, open := range map[string]func(io.ReaderAt, int64) (map[string]stored, error){
		fixtures[0].weights: openNPZ, fixtures[1].weights: openSafetensors,
	} {
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			b := bytes.Clone(whole)
			// The structure is at the start of one format and at the end of the other.
			for range 1 + r.IntN(20) {
				at := r.IntN(12000)
				if r.IntN(2) == 0 {
					at = len(b) - 1 - at
				}
				b[at] = byte(r.Uint32())
			}
			file, err := open(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				continue
			}
			for _, s := range file {
				if s.Shape == nil || slices.ContainsFunc(s.Shape,
					func(d int) bool { return d < 1 || d > 1000 }) {
					continue // as no network's
				}
				if values, err := s.values(); err == nil && len(values) > len(whole) {
					t.Fatalf("%d values from %d bytes", len(values), len(whole))
				}
			}
		}
	}
}
