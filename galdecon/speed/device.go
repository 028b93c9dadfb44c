package speed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/klauspost/cpuid/v2"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/internal/executor"
	"galdecon/internal/home"
)

// describe returns what this process computes on, and the rate of a matrix product.
func (j job) describe() (r result, err error) {
	device, err := backend.Default()
	if err != nil {
		return r, err
	}
	path, err := backend.Plugin(os.Getenv(home.BackendEnv))
	if err != nil {
		return r, err
	}
	r.Setup = Setup{
		Device:    deviceName(device),
		Plugin:    pluginName(device, path),
		Processor: cpuid.CPU.BrandName + simd(),
		Cores:     runtime.NumCPU(),
		Flags:     os.Getenv("XLA_FLAGS"),
		Versions:  []string{runtime.Version()},
	}
	r.Setup.CPU = strings.Contains(strings.ToLower(r.Setup.Device), "cpu")
	if info, ok := debug.ReadBuildInfo(); ok {
		r.Setup.Build = info.Main.Version
		for _, m := range info.Deps {
			if m.Path == "github.com/gomlx/gomlx" || m.Path == "github.com/gomlx/go-xla" {
				r.Setup.Versions = append(r.Setup.Versions, strings.TrimPrefix(m.Path,
					"github.com/gomlx/")+" "+m.Version)
			}
		}
	}
	seconds, operations, err := product(device, j.AtLeast)
	r.Timed = []timed{{Seconds: seconds, Operations: operations}}
	return r, err
}

// deviceName names the first device, without the number that it has among processes.
func deviceName(device compute.Backend) string {
	name, _, _ := strings.Cut(device.DeviceDescription(0), " [processId=")
	return name
}

// pluginName tells a plugin from others: its file's name and size, and the version of its API.
func pluginName(device compute.Backend, path string) string {
	name := filepath.Base(path)
	if info, err := os.Stat(path); err == nil {
		name += fmt.Sprintf(" of %d bytes", info.Size())
	}
	if api := regexp.MustCompile(`plugin \(.*\) (v[0-9.]+)`).FindStringSubmatch(
		device.Description()); api != nil {
		name += ", PJRT's API " + api[1]
	}
	return name
}

// simd names the widest of the processor's extensions that matter for products of float32.
func simd() string {
	for _, f := range []cpuid.FeatureID{cpuid.AVX512F, cpuid.AVX2} {
		if cpuid.CPU.Has(f) {
			return " with " + f.String()
		}
	}
	return ""
}

const (
	// Matrices of n×n grow from smallest until a product takes long enough for the machine to be
	// busy all the time, or until they are largest.
	smallest, largest = 1024, 16384
	longEnough        = 50 * time.Millisecond
)

// product returns the time of the fastest product of two n×n matrices of float32 in some time, and
// its number of operations.
func product(
	device compute.Backend, atLeast time.Duration,
) (seconds, operations float64, err error) {
	for n := smallest; n <= largest; n *= 2 {
		if seconds, err = fastest(device, n, longEnough); err != nil {
			break
		}
		if seconds > longEnough.Seconds() || n == largest {
			seconds, err = fastest(device, n, atLeast)
			return seconds, 2 * float64(n) * float64(n) * float64(n), err
		}
	}
	return 0, 0, fmt.Errorf("speed: a product of matrices: %w", err)
}

// fastest returns the time of the fastest product: of a peak it isn't the median that matters.
func fastest(device compute.Backend, n int, atLeast time.Duration) (seconds float64, err error) {
	// Of the largest number of a product the compiler can't tell less than by the whole product.
	exec, err := executor.New(device, func(a, b *graph.Node) *graph.Node {
		return graph.ReduceAllMax(graph.Dot(a, b).Product())
	})
	if err != nil {
		return 0, err
	}
	defer exec.Finalize()
	var factors [2]*tensors.Tensor
	for i := range factors {
		factors[i] = drawn(shapes.Make(dtypes.Float32, n, n))
	}
	defer func() { err = errors.Join(err, executor.Free(factors[:]...)) }()
	call := func() error { return scalar(exec.Call1(factors[0], factors[1])) }
	if err := call(); err != nil { // compiles
		return 0, err
	}
	for begun := time.Now(); seconds == 0 || time.Since(begun) < atLeast; {
		start := time.Now()
		if err := call(); err != nil {
			return 0, err
		}
		if took := time.Since(start).Seconds(); seconds == 0 || took < seconds {
			seconds = took
		}
	}
	return seconds, nil
}
