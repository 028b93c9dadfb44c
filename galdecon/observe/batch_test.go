package observe_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
)

func image(height, width, bands int, values []float64) *galaxy.Images {
	im := galaxy.NewImages(1, height, width, bands)
	for i, v := range values {
		im.Pixels[i] = float32(v)
	}
	return im
}

func gaussian(t *testing.T, size int, sigma float64) psf.PSF {
	t.Helper()
	p, err := psf.Gaussian{Sigma: sigma}.Render(size)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// seen returns A y of the first exposure of a batch of one.
func seen(t *testing.T, b *observe.Batch, y []float64) []float32 {
	t.Helper()
	return call(t, func(in []*graph.Node) *graph.Node {
		looks, rest := b.Looks(in)
		return b.Grid.A(looks[0], rest[0])
	}, append(b.Inputs(), tensor(y, 1, b.Grid.Height, b.Grid.Width, 1))...)
}

// An exposure on a coarser grid sees the mean over its pixels, where it lies, and nothing between
// them.
func TestBinnedExposure(t *testing.T) {
	const coarse = 6
	rng := rand.New(rand.NewPCG(21, 1))
	for _, bin := range []int{1, 2, 3, 4} {
		size := coarse * bin
		y := normal(rng, size*size, 1)
		p := gaussian(t, 7, 1.1)
		kernel := make([]float64, len(p.Pixels))
		for i, v := range p.Pixels {
			kernel[i] = float64(v)
		}
		x := image(coarse, coarse, 1, normal(rng, coarse*coarse, 1))
		b, err := observe.NewBatch(size, size, observe.Observation{Exposures: []observe.Exposure{{
			Image: x, PSFs: []psf.PSF{p}, InvVar: ones(coarse * coarse), Bin: bin}}})
		if err != nil {
			t.Fatal(err)
		}
		got := seen(t, b, y)
		blurred := convolution(size, kernel, 7, 7)
		weights, values := b.Inputs()[1], b.Inputs()[0]
		w, v := flat(t, weights), flat(t, values)
		n := 0
		for i := range w {
			if w[i] == 0 {
				continue
			}
			row, col := i/size/bin, i%size/bin
			n++
			if v[i] != x.Pixels[row*coarse+col] {
				t.Fatalf("bin %d: coarse pixel (%d, %d) isn't at %d", bin, row, col, i)
			}
			mean := 0.0
			for dy := range bin {
				for dx := range bin {
					for j, k := range blurred.RawRowView((row*bin+dy)*size + col*bin + dx) {
						mean += k * y[j] / float64(bin*bin)
					}
				}
			}
			// At the grid's borders both are dark beyond; light outside the grid is none.
			if math.Abs(float64(got[i])-mean) > 1e-5 {
				t.Fatalf(
					"bin %d: coarse pixel (%d, %d) sees %g, the mean is %g",
					bin,
					row,
					col,
					got[i],
					mean,
				)
			}
		}
		if n != coarse*coarse {
			t.Errorf("bin %d: %d pixels have data, want %d", bin, n, coarse*coarse)
		}
	}
}

// An exposure that lies elsewhere by whole pixels and parts of them sees the galaxy from there.
func TestPlacedExposure(t *testing.T) {
	const size, part = 24, 12
	const sigma, galaxyAtRow, galaxyAtColumn = 2.0, 11.0, 13.0
	y := make([]float64, size*size)
	y[int(galaxyAtRow)*size+int(galaxyAtColumn)] = 1
	for _, place := range [][2]float64{{6, 6}, {6.3, 7.6}, {4.5, 5.25}} {
		b, err := observe.NewBatch(size, size, observe.Observation{Height: size, Width: size,
			Exposures: []observe.Exposure{
				{Image: image(part, part, 1, nil), PSFs: []psf.PSF{gaussian(t, 25, sigma)},
					InvVar: ones(part * part), Row: place[0], Column: place[1]},
			}})
		if err != nil {
			t.Fatal(err)
		}
		got, w := seen(t, b, y), flat(t, b.Inputs()[1])
		top, left := int(math.Round(place[0])), int(math.Round(place[1]))
		for p := range part * part {
			i := (top+p/part)*size + left + p%part
			dy, dx := float64(p/part)+place[0]-galaxyAtRow, float64(p%part)+place[1]-galaxyAtColumn
			want := math.Exp(-(dy*dy+dx*dx)/(2*sigma*sigma)) / (2 * math.Pi * sigma * sigma)
			if w[i] != 1 || math.Abs(float64(got[i])-want) > 1e-5 {
				t.Fatalf(
					"place %v: pixel %d has weight %g and sees %g, want %g",
					place,
					p,
					w[i],
					got[i],
					want,
				)
			}
		}
	}
}

// A smaller stamp in a larger grid, in another unit, beside one with two exposures.
func TestBatchOfSeveral(t *testing.T) {
	rng := rand.New(rand.NewPCG(22, 1))
	one := observe.Exposure{
		Image: image(10, 12, 2, normal(rng, 240, 5)),
		PSFs:  []psf.PSF{gaussian(t, 5, 1), gaussian(t, 9, 2)},
	}
	two := observe.Exposure{
		Image:  image(16, 16, 2, normal(rng, 512, 1)),
		PSFs:   []psf.PSF{gaussian(t, 7, 1)},
		InvVar: ones(512),
		Noise:  &observe.Correlation{Size: 3, Values: neighbors(0.2)},
	}
	two.Image.Pixels[7] = float32(math.NaN())
	b, err := observe.NewBatch(
		16,
		16,
		observe.Observation{Exposures: []observe.Exposure{one}, Unit: 5},
		observe.Observation{Exposures: []observe.Exposure{two, two}},
	)
	if err != nil {
		t.Fatal(err)
	}
	if b.Top[0] != 3 || b.Left[0] != 2 || b.Top[1] != 0 {
		t.Errorf("observations lie at rows %v, columns %v", b.Top, b.Left)
	}
	y := call(t, func(in []*graph.Node) *graph.Node {
		looks, _ := b.Looks(in)
		return b.Grid.Wiener(graph.Const(in[0].Graph(), float32(0.5)), 3, looks...)
	}, b.Inputs()...)
	for i, v := range y {
		if math.IsNaN(float64(v)) {
			t.Fatalf("value %d of the deconvolution is NaN", i)
		}
	}
	// Noise of 5 in a unit of 5 is 1.
	w := flat(t, b.Inputs()[1])
	if at := (3*16 + 2) * 2; w[0] != 0 || math.Abs(1/math.Sqrt(float64(w[at]))-1) > 0.25 {
		t.Errorf("inverse variances are %g outside and %g inside", w[0], w[at])
	}
	if w[16*16*2+7] != 0 {
		t.Error("NaN has data")
	}
}

type exposure = observe.Exposure

func TestBadExposures(t *testing.T) {
	good := func() observe.Exposure {
		return observe.Exposure{
			Image:  image(8, 8, 1, nil),
			PSFs:   []psf.PSF{gaussian(t, 5, 1)},
			InvVar: ones(64),
		}
	}
	for name, c := range map[string]struct {
		change func(*exposure)
		target any
	}{
		"no PSF":          {func(e *exposure) { e.PSFs = nil }, new(*observe.PSFError)},
		"bad PSF":         {func(e *exposure) { e.PSFs[0].Size = 2 }, new(*observe.PSFError)},
		"few":             {func(e *exposure) { e.InvVar = ones(63) }, new(*observe.ShapeError)},
		"negative weight": {func(e *exposure) { e.InvVar[9] = -1 }, new(*observe.ValueError)},
		"nothing seen":    {func(e *exposure) { clear(e.InvVar) }, new(*observe.NoDataError)},
		"elsewhere":       {func(e *exposure) { e.Row = 100 }, new(*observe.NoDataError)},
		"no noise to see": {func(e *exposure) { e.InvVar = nil }, new(*observe.ValueError)},
		"two images": {func(e *exposure) { e.Image.N, e.Image.Width = 2, 4 },
			new(*observe.ShapeError)},
		"place of NaN": {func(e *exposure) { e.Column = math.NaN() }, new(*observe.ValueError)},
		"huge weights": {func(e *exposure) { e.InvVar[0] = 1e60 }, new(*observe.ValueError)},
		"correlation of 2": {func(e *exposure) {
			e.Noise = &observe.Correlation{Size: 1, Values: []float64{2}}
		}, new(*observe.ValueError)},
		"no correlation": {func(e *exposure) {
			e.Noise = &observe.Correlation{Size: 3, Values: []float64{
				0, 0, 0, 0.9, 1, 0.9, 0, 0, 0}}
		}, new(*observe.ValueError)},
		"even correlation": {func(e *exposure) {
			e.Noise = &observe.Correlation{Size: 2, Values: ones(4)}
		}, new(*observe.ShapeError)},
	} {
		t.Run(name, func(t *testing.T) {
			bad := good()
			c.change(&bad)
			_, err := observe.NewBatch(
				8,
				8,
				observe.Observation{Exposures: []observe.Exposure{good()}},
				observe.Observation{
					Exposures: []observe.Exposure{good(), bad},
					Height:    8,
					Width:     8,
				},
			)
			var member *observe.MemberError
			if !errors.As(err, &member) || member.Observation != 1 || member.Exposure != 1 ||
				!errors.As(err, c.target) {
				t.Errorf("got %v (%T)", err, errors.Unwrap(err))
			}
		})
	}
	one := observe.Observation{Exposures: []observe.Exposure{good()}}
	if _, err := observe.NewBatch(7, 8, one); err == nil {
		t.Error("a stamp that is larger than the grid was taken")
	}
	if _, err := observe.NewBatch(8, 8); err == nil {
		t.Error("an empty batch was made")
	}
}

func ones(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}
