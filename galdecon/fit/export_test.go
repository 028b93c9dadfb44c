package fit_test

import (
	"encoding/binary"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/fit"
)

// What is imported are the averaged weights as they are.
func TestImport(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 7, Batch: 3, LearningRate: 0.01, EMA: 0.9}
	images := random(20, 8)
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "imported")
	if err := fit.Run(t.Context(), problem(t, images, linear), c, dir, nil); err != nil {
		t.Fatal(err)
	}
	store, err := fit.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := fit.Import(store, to, 5); err != nil {
		t.Fatal(err)
	}
	want := variables(t, dir)
	maps.DeleteFunc(want, func(name, _ string) bool {
		return !strings.HasPrefix(name, "/average/")
	})
	want["/global_step"] = "\x05\x00\x00\x00\x00\x00\x00\x00"
	if got := variables(t, to); !maps.Equal(got, want) {
		t.Errorf("imported are %v, want %v", slices.Sorted(maps.Keys(got)),
			slices.Sorted(maps.Keys(want)))
	}
	for _, curve := range []func(string) ([]fit.Point, error){fit.History, fit.Validation} {
		if points, err := curve(to); err != nil || len(points) > 0 {
			t.Errorf("the curve of imported weights is %v, %v", points, err)
		}
	}
	if n := len(files(t, to)); n != 3 {
		t.Errorf("the folder holds %d files, want 3", n)
	}
	if err := fit.Run(t.Context(), problem(t, images, linear), c, to, nil); err == nil ||
		!strings.Contains(err.Error(), "step 5") {
		t.Errorf("training what was imported: %v", err)
	}
	if err := fit.Import(store, to, 5); err == nil || !strings.Contains(err.Error(), to) {
		t.Errorf("importing twice: %v", err)
	}
	if err := fit.Import(store, t.TempDir(), 0); err == nil ||
		!strings.Contains(err.Error(), "at least") {
		t.Errorf("importing as step 0: %v", err)
	}
	// The loss curve must still reach to the step.
	path := filepath.Join(to, "checkpoint-n000000005.csv")
	if err := os.WriteFile(path, []byte("step,loss,validation\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := fit.History(to); err == nil || !strings.Contains(err.Error(), "step 5") {
		t.Errorf("a curve that was cut off: %v", err)
	}
}

// What is exported are the averaged weights of the training, rounded to half precision, and a
// second export of them is the same.
func TestExport(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 12, Batch: 3, LearningRate: 0.01, EMA: 0.9, HoldOut: 0.3}
	images := random(20, 8)
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "shipped")
	until(t, c, images, linear, dir, 7)
	if err := fit.Export(dir, to); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for name, value := range variables(t, dir) {
		if strings.HasPrefix(name, "/average/") || name == "/global_step" {
			want[name] = value
		}
	}
	got := variables(t, to)
	if len(got) != 3 || len(want) != 3 { // the linear map's weights, bias, and the step
		t.Errorf("exported are %d variables, want %d", len(got), len(want))
	}
	for name := range want {
		if len(got[name]) != len(want[name]) || name == "/global_step" && got[name] != want[name] {
			t.Errorf("%s differs", name)
			continue
		}
		for i := 0; name != "/global_step" && i < len(want[name]); i += 4 {
			value := func(s string) float64 {
				return float64(math.Float32frombits(binary.LittleEndian.Uint32([]byte(s[i : i+4]))))
			}
			if a, b := value(got[name]), value(want[name]); math.Abs(a-b) > math.Abs(b)/2048+1e-7 {
				t.Errorf("value %d of %s is %g, want %g", i/4, name, a, b)
			}
		}
	}
	again := filepath.Join(t.TempDir(), "again")
	if err := fit.Export(to, again); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(variables(t, again), got) {
		t.Error("exporting what was exported changes it")
	}
	for _, curve := range []func(string) ([]fit.Point, error){fit.History, fit.Validation} {
		a, errA := curve(dir)
		b, errB := curve(to)
		if errA != nil || errB != nil || !slices.Equal(a, b) {
			t.Errorf("the exported curve is %v, was %v; %v, %v", b, a, errB, errA)
		}
	}
	before := files(t, to)
	if len(before) != 3 {
		t.Errorf("the folder holds %d files, want 3", len(before))
	}
	if err := fit.Run(t.Context(), problem(t, images, linear), c, to, nil); err == nil ||
		!strings.Contains(err.Error(), "exported at step 7") {
		t.Errorf("training what was exported: %v", err)
	}
	if err := fit.Export(dir, to); err == nil || !strings.Contains(err.Error(), to) {
		t.Errorf("exporting twice: %v", err)
	}
	if err := fit.Export(filepath.Join(to, "none"), t.TempDir()); err == nil {
		t.Error("exported nothing")
	}
	c.Steps = 7
	if err := fit.Run(t.Context(), problem(t, images, linear), c, to, nil); err != nil {
		t.Errorf("training a finished model that was exported: %v", err)
	}
}

// values are the float32 variables of a checkpoint.
func values(t *testing.T, dir string) map[string][]float32 {
	t.Helper()
	store, err := fit.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for v := range store.IterVariables() {
		if v.DType() == dtypes.Float32 {
			all[v.Path()] = tensors.MustCopyFlatData[float32](v.MustValue())
		}
	}
	return all
}
