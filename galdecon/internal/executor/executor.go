// Package executor compiles graph functions on a backend, and frees what they leave on the device. It needs the core of GoMLX
// alone, so that what draws candidates doesn't link XLA.
package executor

import (
	"errors"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// New makes an executor of a graph function on a backend, which compiles it once for each shape. It takes any number of shapes: GoMLX
// by itself would refuse the 33rd.
func New[F graph.ExecGraphFn](device compute.Backend, f F) (*graph.Exec, error) {
	exec, err := graph.NewExec(device, f)
	if err != nil {
		return nil, err
	}
	return exec.SetMaxCache(-1), nil
}

// Free frees the device's memory that tensors hold; nil ones are passed over. Otherwise it would wait for the garbage collector, to whom a tensor on
// the device looks small.
func Free(all ...*tensors.Tensor) (err error) {
	for _, t := range all {
		if t != nil {
			err = errors.Join(err, t.FinalizeAll())
		}
	}
	return err
}
