package galdecon_test

import (
	"bytes"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon"
	"galdecon/galdecon/backend"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/internal/safetensors"
	"galdecon/galdecon/pretrained"
	"galdecon/internal/atomicfile"
)

// TestPackPython checks that Python's safetensors reads a packed model, and that a forward pass in
// NumPy gives the network's output.
func TestPackPython(t *testing.T) {
	if err := exec.Command("python3", "-c", "import safetensors, numpy").Run(); err != nil {
		t.Skip("python3 has no safetensors and numpy; install them by pip, in an environment that " +
			"comes first in PATH")
	}
	dir, err := pretrained.Folder("galaxy")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "galaxy.safetensors")
	if _, err := galdecon.Pack(dir, file); err != nil {
		t.Fatal(err)
	}
	c, err := galdecon.LoadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	store, err := fit.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	const batch, size = 2, 32
	shapes, forward := c.Diffusion.LookNetwork(batch, size)
	r := rand.New(rand.NewPCG(1, 2))
	values := map[string]safetensors.Values{}
	var inputs []any
	for i, name := range []string{"yt", "filled", "wiener", "precision", "time", "sensitivity"} {
		flat := make([]float32, shapes[i].Size())
		for k := range flat {
			switch name {
			case "precision", "time", "sensitivity":
				flat[k] = 0.05 + 0.9*r.Float32()
			default:
				flat[k] = float32(r.NormFloat64())
			}
		}
		values[name] = safetensors.Values{Shape: shapes[i].Dimensions, Flat: flat}
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(flat, shapes[i].Dimensions...))
	}
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	exec1, err := model.NewExec(device, store, func(_ *model.Scope, in []*graph.Node) *graph.Node {
		return forward(fit.Average(store), in)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec1.Finalize()
	out, err := exec1.Call(inputs...)
	if err != nil {
		t.Fatal(err)
	}
	want, err := tensors.CopyFlatData[float32](out[0])
	if err != nil {
		t.Fatal(err)
	}
	given, answer := filepath.Join(folder, "in"), filepath.Join(folder, "out")
	err = atomicfile.Write(given, func(w io.Writer) error {
		return safetensors.Write(w, values, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command("python3", filepath.Join("testdata", "forward.py"), file, given,
		answer).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	content, err := os.ReadFile(answer)
	if err != nil {
		t.Fatal(err)
	}
	read, _, err := safetensors.Open(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := read["out"].Values()
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d values instead of %d, error %v", len(got), len(want), err)
	}
	worst, power := 0.0, 0.0
	for k, w := range want {
		worst = max(worst, math.Abs(float64(w-got[k])))
		power += float64(w) * float64(w) / float64(len(want))
	}
	t.Logf("largest difference %.2g, root mean square of the output %.2g", worst, math.Sqrt(power))
	if worst > 1e-4*max(1, math.Sqrt(power)) || power == 0 {
		t.Errorf("NumPy's output differs by up to %g", worst)
	}
}

// TestUnpack checks that what is unpacked is what was packed, and that damage is an error.
func TestUnpack(t *testing.T) {
	from, err := pretrained.Folder("tiny-cvae")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	first, second := filepath.Join(folder, "a.safetensors"), filepath.Join(folder, "b.safetensors")
	dir := filepath.Join(folder, "model")
	if _, err := galdecon.Pack(from, first); err != nil {
		t.Fatal(err)
	}
	if err := galdecon.Unpack(first, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := galdecon.Load(dir); err != nil {
		t.Error(err)
	}
	if _, err := galdecon.Pack(dir, second); err != nil {
		t.Fatal(err)
	}
	a, errA := os.ReadFile(first)
	b, errB := os.ReadFile(second)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("what was unpacked packs to other bytes (%d and %d), errors %v, %v", len(a), len(b),
			errA, errB)
	}
	galtest.Wants(t, "a folder with a model", galdecon.Unpack(first, dir), "choose another folder")
	if err := os.WriteFile(second, a[:len(a)-1], 0o666); err != nil {
		t.Fatal(err)
	}
	galtest.Wants(t, "a truncated file", galdecon.Unpack(second, filepath.Join(folder, "c")),
		second, "truncated")
	var other bytes.Buffer
	err = safetensors.Write(&other, map[string]safetensors.Values{"w": {Shape: []int{2},
		Flat: []float32{1, 2}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(second, other.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	galtest.Wants(t, "a file of another program", galdecon.Unpack(second,
		filepath.Join(folder, "d")), "format", "galdecon.Pack")
}
