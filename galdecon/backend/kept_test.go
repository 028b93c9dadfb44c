package backend_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/backend/compiled"
	"galdecon/galdecon/internal/executor"
)

// computeEnv has TestMain compute, and print the bits of the results, instead of testing: with
// "kept" through the cache, with "uncached" without.
const computeEnv = "GALDECON_TEST_COMPUTES"

func TestMain(m *testing.M) {
	open := backend.Open
	switch os.Getenv(computeEnv) {
	case "":
		os.Exit(m.Run())
	case "uncached":
		open = backend.OpenUncached
	}
	b, err := open(os.Getenv("GALDECON_BACKEND"))
	if err == nil {
		err = computeAll(b, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// programs is how many programs computeAll compiles.
const programs = 3

// computeAll prints the results of programs with what ours are made of: a loop, random numbers,
// convolutions and their gradients, Fourier transforms, several results, and inputs given away.
func computeAll(b compute.Backend, w io.Writer) error {
	state, err := graph.RNGStateFromSeed(3)
	if err != nil {
		return err
	}
	images := shapes.Make(dtypes.Float32, 4, 16, 16, 8)
	random, err := executor.New(b, func(state *graph.Node) (next, x, kernel *graph.Node) {
		state, x = graph.RandomNormal(state, images)
		state, kernel = graph.RandomUniform(state, shapes.Make(dtypes.Float32, 3, 3, 8, 8))
		return state, x, kernel
	})
	if err != nil {
		return err
	}
	loop, err := executor.New(b, func(state, x *graph.Node) (*graph.Node, *graph.Node) {
		g := x.Graph()
		inner := func(g *graph.Graph) (n, state, x *graph.Node) {
			return graph.Parameter(g, "n", shapes.Make(dtypes.Int32)),
				graph.Parameter(g, "state", graph.RNGStateShape), graph.Parameter(g, "x", images)
		}
		more := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			n, _, _ := inner(g)
			return []*graph.Node{graph.LessThan(n, graph.Const(g, int32(5)))}
		})
		step := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			n, state, x := inner(g)
			state, noise := graph.RandomNormal(state, x.Shape())
			return []*graph.Node{graph.OnePlus(n), state, graph.Add(graph.Tanh(x), noise)}
		})
		out := graph.While(more, step, graph.Const(g, int32(0)), state, x)
		return out[1], out[2]
	})
	if err != nil {
		return err
	}
	gradient, err := executor.New(b, func(x, kernel *graph.Node) (loss, slope, sum *graph.Node) {
		y := graph.Convolve(x, kernel).PadSame().Done()
		spectrum := graph.FFT(graph.ConvertDType(y, dtypes.Complex64))
		loss = graph.ReduceAllMean(graph.Square(graph.Softmax(y)))
		return loss, graph.Gradient(loss, kernel)[0], graph.ReduceAllSum(graph.Abs(spectrum))
	})
	if err != nil {
		return err
	}
	show := func(results ...*tensors.Tensor) error {
		for _, r := range results {
			if err := r.ConstBytes(func(data []byte) {
				fmt.Fprintf(w, "%s %x\n", r.Shape(), sha256.Sum256(data))
			}); err != nil {
				return err
			}
		}
		return nil
	}
	first, err := random.Call(state)
	if err != nil {
		return err
	}
	if err := show(first...); err != nil {
		return err
	}
	for range 3 { // the loop eats its own results
		given, err := graph.DonateTensorBuffer(first[1], b, 0)
		if err != nil {
			return err
		}
		next, err := loop.Call(first[0], given)
		if err != nil {
			return err
		}
		if err := show(next...); err != nil {
			return err
		}
		first[0], first[1] = next[0], next[1]
	}
	last, err := gradient.Call(first[1], first[2])
	if err != nil {
		return err
	}
	return show(last...)
}

// process has another process compute and returns what it prints and what it says on stderr.
func process(t *testing.T, mode, plugin, home string) (results, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(),
		computeEnv+"="+mode, "GALDECON_BACKEND="+plugin, "GALDECON_HOME="+home)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", mode, err, &errs)
	}
	if out.Len() == 0 {
		t.Fatalf("%s printed nothing", mode)
	}
	return out.String(), errs.String()
}

// entries are the files of the programs kept below a home, by name.
func entries(t *testing.T, home string) map[string]os.FileInfo {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(home, "compiled"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]os.FileInfo{}
	for _, f := range files {
		if info, err := f.Info(); err != nil {
			t.Fatal(err)
		} else if info.Mode().IsRegular() {
			all[f.Name()] = info
		}
	}
	return all
}

// remade counts the files that have been written anew.
func remade(before, after map[string]os.FileInfo) int {
	n := 0
	for name, info := range after {
		if old, ok := before[name]; ok && !os.SameFile(old, info) {
			n++
		}
	}
	return n
}

func cpuPlugin(t *testing.T) string {
	t.Helper()
	if _, err := backend.Default(); err != nil { // installs it
		t.Fatal(err)
	}
	path, err := backend.Plugin("cpu")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestKept checks that what a process loads computes the same bits as what is compiled, with and
// without a cache, and that it isn't compiled again; that damaged entries, and whole ones that are
// no programs, are compiled and replaced; and that the entries of another plugin aren't used.
func TestKept(t *testing.T) {
	plugin, home := cpuPlugin(t), t.TempDir()
	want, _ := process(t, "uncached", plugin, home)
	if _, err := os.Stat(filepath.Join(home, "compiled")); err == nil {
		t.Error("OpenUncached keeps programs")
	}
	check := func(what, plugin string) map[string]os.FileInfo {
		t.Helper()
		got, said := process(t, "kept", plugin, home)
		if got != want {
			t.Errorf("%s: results\n%swant\n%s", what, got, want)
		}
		if said != "" {
			t.Errorf("%s: on stderr: %s", what, said)
		}
		return entries(t, home)
	}
	cold := check("compiled", plugin)
	if len(cold) != programs {
		t.Errorf("%d programs kept, want %d", len(cold), programs)
	}
	warm := check("loaded", plugin)
	if len(warm) != programs || remade(cold, warm) != 0 {
		t.Errorf("%d programs kept, %d of them compiled again; want %d and none",
			len(warm), remade(cold, warm), programs)
	}

	cache := compiled.Cache{Dir: filepath.Join(home, "compiled"), Limit: compiled.Limit}
	for what, damage := range map[string]func(path string, whole []byte) error{
		"cut off": func(path string, whole []byte) error {
			return os.WriteFile(path, whole[:len(whole)/2], 0o600)
		},
		"changed": func(path string, whole []byte) error {
			whole[len(whole)/2] ^= 1
			return os.WriteFile(path, whole, 0o600)
		},
		"no programs": func(path string, whole []byte) error {
			key, err := hex.DecodeString(filepath.Base(path))
			if err != nil {
				return err
			}
			return cache.Store(compiled.Key(key), []byte("no program"))
		},
	} {
		for name := range cold {
			path := filepath.Join(cache.Dir, name)
			whole, err := os.ReadFile(path)
			if err == nil {
				err = damage(path, whole)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		damaged := entries(t, home)
		mended := check(what, plugin)
		if len(mended) != programs || remade(damaged, mended) != programs {
			t.Errorf("%s: %d of %d entries made anew, want all", what, remade(damaged, mended),
				len(mended))
		}
		warm = mended
	}

	other := filepath.Join(t.TempDir(), filepath.Base(plugin))
	library, err := os.ReadFile(plugin)
	if err != nil {
		t.Fatal(err)
	}
	// the loader doesn't mind
	if err := os.WriteFile(other, append(library, 0), 0o700); err != nil {
		t.Fatal(err)
	}
	both := check("another plugin", other)
	if len(both) != 2*programs || remade(warm, both) != 0 {
		t.Errorf("another plugin: %d programs kept, want %d", len(both), 2*programs)
	}
}

// TestKeptTogether has processes compile the same programs at the same time, for one cache.
func TestKeptTogether(t *testing.T) {
	plugin, home := cpuPlugin(t), t.TempDir()
	results := make([]string, 2)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { results[i], _ = process(t, "kept", plugin, home) })
	}
	all.Wait()
	before := entries(t, home)
	later, _ := process(t, "kept", plugin, home)
	if after := entries(t, home); len(after) != programs || remade(before, after) != 0 {
		t.Errorf("afterwards %d programs are kept, %d of them compiled again; want %d and none",
			len(after), remade(before, after), programs)
	}
	if slices.ContainsFunc(results, func(r string) bool { return r != later }) {
		t.Errorf("results of processes at the same time:\n%s\nlater:\n%s",
			strings.Join(results, "\n"), later)
	}
}

// TestNotKept checks that all is compiled where nothing can be written, and that it is said once.
func TestNotKept(t *testing.T) {
	plugin := cpuPlugin(t)
	want, _ := process(t, "uncached", plugin, t.TempDir())
	got, said := process(t, "kept", plugin, "/dev/null/galdecon")
	if got != want {
		t.Errorf("results\n%swant\n%s", got, want)
	}
	for _, text := range []string{"/dev/null/galdecon", "GALDECON_HOME"} {
		if strings.Count(said, "\n") != 1 || !strings.Contains(said, text) {
			t.Errorf("on stderr: %q, want one line with %s", said, text)
		}
	}
}
