// Package executor compiles graph functions on a backend, and frees what they leave on the device.
// It needs the core of GoMLX alone, so that what draws candidates doesn't link XLA.
package executor

import (
	"errors"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/galaxy"
)

// New makes an executor of a graph function on a backend, which compiles it once for each shape. It
// takes any number of shapes: GoMLX by itself would refuse the 33rd.
func New[F graph.ExecGraphFn](device compute.Backend, f F) (*graph.Exec, error) {
	exec, err := graph.NewExec(device, f)
	if err != nil {
		return nil, err
	}
	return exec.SetMaxCache(-1), nil
}

// Free frees the device's memory that tensors hold; nil ones are passed over. Otherwise it would
// wait for the garbage collector, to whom a tensor on the device looks small.
func Free(all ...*tensors.Tensor) (err error) {
	for _, t := range all {
		if t != nil {
			err = errors.Join(err, t.FinalizeAll())
		}
	}
	return err
}

// Images runs an executor whose one result is images, copies them to the host, and frees the
// device's memory, that of tensors among the inputs included. The images have no labels.
func Images(exec *graph.Exec, inputs ...any) (images *galaxy.Images, err error) {
	var held []*tensors.Tensor
	defer func() { err = errors.Join(err, Free(held...)) }()
	for _, in := range inputs {
		if t, ok := in.(*tensors.Tensor); ok {
			held = append(held, t)
		}
	}
	result, err := exec.Call1(inputs...)
	if err != nil {
		return nil, err
	}
	held = append(held, result)
	return galaxy.FromTensor(result)
}
