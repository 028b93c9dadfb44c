package observe

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/internal/executor"
)

// Observation is all that was seen of one galaxy.
type Observation struct {
	Exposures []Exposure
	// Height and Width of the target grid; 0 are those that the first exposure covers from the
	// corner on.
	Height, Width int
	// Unit is the value that is 1 on the target grid, such as the galaxy's peak; 0 is 1.
	Unit float64
}

// Size returns the target grid's height and width.
func (o Observation) Size() (height, width int) {
	height, width = o.Height, o.Width
	if len(o.Exposures) > 0 && o.Exposures[0].Image != nil {
		e := o.Exposures[0]
		bin := max(e.Bin, 1)
		if height == 0 {
			height = e.Image.Height * bin
		}
		if width == 0 {
			width = e.Image.Width * bin
		}
	}
	return height, width
}

// Bands returns the names of the exposures' bands, each once, in their order.
func (o Observation) Bands() []string {
	var names []string
	for _, e := range o.Exposures {
		if !slices.Contains(names, e.Band) {
			names = append(names, e.Band)
		}
	}
	return names
}

// In returns the observation in one band: the exposures of that name, on the same target grid.
func (o Observation) In(band string) Observation {
	one := o
	one.Height, one.Width = o.Size()
	one.Exposures = nil
	for _, e := range o.Exposures {
		if e.Band == band {
			one.Exposures = append(one.Exposures, e)
		}
	}
	return one
}

// Batch is a number of observations as tensors on one grid, to which smaller ones are padded by
// pixels without data. All have as many exposures: those that an observation lacks see nothing.
type Batch struct {
	Grid Grid
	// Top and Left are where the first pixel of each observation's own grid lies.
	Top, Left []int

	exposures []batched
}

// batched holds the tensors of one exposure of a batch; noise and shifts are nil where none of it
// has them.
type batched struct {
	x, invVar, psfs, noise, rows, columns *tensors.Tensor
}

// NewBatch puts observations in the middle of a grid of height × width pixels. The exposures are
// completed, see [Exposure.Complete]. The first that is wrong is a [*MemberError]: leave it out to
// have the others.
func NewBatch(height, width int, observations ...Observation) (*Batch, error) {
	b := &Batch{}
	exposures, bands, largest := 0, 0, 1
	all := make([][]Exposure, len(observations))
	for i, o := range observations {
		h, w := o.Size()
		if h < 1 || w < 1 || h > height || w > width {
			return nil, &MemberError{
				i,
				0,
				&ShapeError{What: "the grid of an observation", Got: []int{h, w},
					Want: "positive, and no larger than the batch's; cut it into tiles"},
			}
		}
		for j, e := range o.Exposures {
			e, err := e.Complete()
			if err != nil {
				return nil, &MemberError{i, j, err}
			}
			if bands == 0 {
				bands = e.Image.Channels
			}
			if e.Image.Channels != bands {
				return nil, &MemberError{
					i,
					j,
					&ShapeError{What: "the number of bands of an exposure",
						Got: []int{e.Image.Channels, bands}, Want: "the same in a batch"},
				}
			}
			for band := range e.PSFs {
				size, _ := e.kernel(band)
				largest = max(largest, size)
			}
			for _, p := range e.Draws { // so that each of them has the same grid
				largest = max(largest, p.Size+e.Bin)
			}
			if e.Noise != nil {
				largest = max(largest, (e.Noise.Size-1)*e.Bin+1)
			}
			all[i] = append(all[i], e)
		}
		exposures = max(exposures, len(o.Exposures))
		b.Top, b.Left = append(b.Top, (height-h)/2), append(b.Left, (width-w)/2)
	}
	if exposures == 0 {
		return nil, &NoDataError{
			What: "a batch",
			Need: 1,
			Hint: "give at least one observation with an exposure",
		}
	}
	largest = kernelSize(largest)
	b.Grid = NewGrid(height, width, largest)
	for j := range exposures {
		t, err := b.stack(j, bands, largest, observations, all)
		if err != nil {
			return nil, err
		}
		b.exposures = append(b.exposures, t)
	}
	return b, nil
}

// kernelSize returns the odd size, one of a few, that kernels of up to size × size pixels are put
// on: batches whose PSFs have about the same size share their programs.
func kernelSize(size int) int {
	for _, s := range []int{21, 41, 65, 97, 129, 193, 257} {
		if size <= s {
			return s
		}
	}
	return size + 1 - size%2
}

// stack makes the tensors of the exposures of one index.
func (b *Batch) stack(
	index, bands, size int,
	observations []Observation,
	all [][]Exposure,
) (batched, error) {
	n, pixels := len(all), b.Grid.Height*b.Grid.Width*bands
	x, invVar := make([]float32, n*pixels), make([]float32, n*pixels)
	psfs, noise := make([]float32, n*size*size*bands), make([]float32, n*size*size)
	rows, columns := make([]float32, n), make([]float32, n)
	shared, shifted := false, false
	for i, exposures := range all {
		noise[i*size*size+size*size/2] = 1
		if index >= len(exposures) {
			continue
		}
		e, unit := exposures[index], observations[i].Unit
		if unit == 0 {
			unit = 1
		}
		if !(unit > 0) || math.IsInf(unit, 0) {
			return batched{}, &MemberError{
				i,
				index,
				&ValueError{What: "the unit of an observation", Got: unit,
					Want: "positive and finite", Hint: "give the galaxy's peak, or leave it out"},
			}
		}
		part := func(plane []float32) []float32 { return plane[i*pixels : (i+1)*pixels] }
		row, column, err := e.lay(
			part(x),
			part(invVar),
			b.Grid.Height,
			b.Grid.Width,
			b.Top[i],
			b.Left[i],
			unit,
		)
		if err != nil {
			return batched{}, &MemberError{i, index, err}
		}
		// Pixels at p + row see the galaxy there: it is moved the other way.
		rows[i], columns[i] = float32(-row), float32(-column)
		shifted = shifted || row != 0 || column != 0
		for band := range bands {
			k, values := e.kernel(band)
			for p, v := range values {
				at := (p/k-k/2+size/2)*size + p%k - k/2 + size/2
				psfs[(i*size*size+at)*bands+band] = float32(v)
			}
		}
		if e.Noise != nil {
			shared = true
			m, half := e.Noise.Size, e.Noise.Size/2
			for p, v := range e.Noise.Values {
				at := ((p/m-half)*e.Bin+size/2)*size + (p%m-half)*e.Bin + size/2
				noise[i*size*size+at] = float32(v)
			}
		}
	}
	image := []int{n, b.Grid.Height, b.Grid.Width, bands}
	t := batched{
		x:      tensors.FromFlatDataAndDimensions(x, image...),
		invVar: tensors.FromFlatDataAndDimensions(invVar, image...),
		psfs:   tensors.FromFlatDataAndDimensions(psfs, n, size, size, bands),
	}
	if shared {
		t.noise = tensors.FromFlatDataAndDimensions(noise, n, size, size)
	}
	if shifted {
		t.rows, t.columns = tensors.FromFlatDataAndDimensions(
			rows,
			n,
		), tensors.FromFlatDataAndDimensions(
			columns,
			n,
		)
	}
	return t, nil
}

// Inputs returns the tensors of a batch as an executor takes them, in the order of [Batch.Looks].
func (b *Batch) Inputs() (in []any) {
	for _, e := range b.exposures {
		in = append(in, e.x, e.invVar, e.psfs)
		if e.noise != nil {
			in = append(in, e.noise)
		}
		if e.rows != nil {
			in = append(in, e.rows, e.columns)
		}
	}
	return in
}

// Free frees the device's memory that the batch holds. It can't be used afterwards.
func (b *Batch) Free() error {
	var all []*tensors.Tensor
	for _, e := range b.exposures {
		all = append(all, e.x, e.invVar, e.psfs, e.noise, e.rows, e.columns)
	}
	return executor.Free(all...)
}

// Kind tells batches apart whose graphs differ: by their grid, their number of exposures, and which
// of these have correlated noise and shifts.
func (b *Batch) Kind() string {
	kind := fmt.Sprint(b.Grid)
	for _, e := range b.exposures {
		kind += fmt.Sprintf(" %t,%t", e.noise != nil, e.rows != nil)
	}
	return kind
}

// Exposures returns the number of exposures of each observation.
func (b *Batch) Exposures() int { return len(b.exposures) }

// Looks returns the exposures within a graph from the nodes of [Batch.Inputs], and the nodes that
// are left.
func (b *Batch) Looks(in []*graph.Node) (looks []Look, rest []*graph.Node) {
	for _, e := range b.exposures {
		l := Look{X: in[0], InvVar: in[1], Transfer: b.Grid.Transfer(in[2])}
		in = in[3:]
		if e.noise != nil {
			l.NoisePower, in = b.Grid.NoisePower(in[0]), in[1:]
		}
		if e.rows != nil {
			l.Transfer, in = b.Grid.Shift(l.Transfer, in[0], in[1]), in[2:]
		}
		looks = append(looks, l)
	}
	return looks, in
}

// Carried returns the looks whose nodes, those of [Look.Nodes] one look after the other, have been
// carried into a loop's body, and the nodes that are left.
func (b *Batch) Carried(nodes []*graph.Node) (looks []Look, rest []*graph.Node) {
	for _, e := range b.exposures {
		form := Look{}
		if e.noise != nil {
			form.NoisePower = nodes[0] // any: With puts the right one in its place
		}
		var l Look
		l, nodes = form.With(nodes)
		looks = append(looks, l)
	}
	return looks, nodes
}
