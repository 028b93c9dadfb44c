package classical

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/gomlx/gomlx/core/graph"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/observe"
)

// lookSteps of conjugate gradients leave an error below the noise, but for wide gaps in bright
// galaxies.
const lookSteps = 30

// WienerLook returns Wiener's deconvolution of all that was seen of one galaxy, with its true PSFs,
// weights, gaps and correlation of noise, for y that differs from 0 by a white field of standard
// deviation prior, in units of the exposures: [1, height, width, channels] on the target grid. For
// such galaxies it is the posterior's mean.
func WienerLook(o observe.Observation, prior float64) (*galaxy.Images, error) {
	if !(prior > 0) || math.IsInf(prior, 0) {
		return nil, fmt.Errorf("classical: Wiener's filter needs a positive standard deviation of "+
			"the prior, got %g", prior)
	}
	o.Unit = prior // squares of small or large pixels are beyond float32
	height, width := o.Size()
	batch, err := observe.NewBatch(height, width, o)
	if err != nil {
		return nil, fmt.Errorf("classical: %w", err)
	}
	exec, err := lookExec(batch)
	if err != nil {
		return nil, fmt.Errorf("classical: %w", errors.Join(err, batch.Free()))
	}
	out, err := executor.Images(exec, batch.Inputs()...)
	if err != nil {
		return nil, fmt.Errorf("classical: cannot deconvolve: %w", err)
	}
	for i, v := range out.Pixels {
		out.Pixels[i] = float32(prior * float64(v))
	}
	if e := o.Exposures[0].Image; len(e.IDs) > 0 {
		out.IDs = []string{e.ID(0)}
	}
	return out, nil
}

// lookExecs are compiled once for each kind of batch.
var lookExecs = struct {
	sync.Mutex
	byKind map[string]*graph.Exec
}{byKind: map[string]*graph.Exec{}}

func lookExec(b *observe.Batch) (*graph.Exec, error) {
	lookExecs.Lock()
	defer lookExecs.Unlock()
	kind := b.Kind()
	if exec := lookExecs.byKind[kind]; exec != nil {
		return exec, nil
	}
	exec, err := backend.NewExec(func(in []*graph.Node) *graph.Node {
		looks, _ := b.Looks(in)
		return b.Grid.Wiener(graph.Const(in[0].Graph(), float32(1)), lookSteps, looks...)
	})
	if err != nil {
		return nil, err
	}
	lookExecs.byKind[kind] = exec
	return exec, nil
}
