package observe_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
)

// TestConditions sees a galaxy of another brightness under the conditions of two observations, one
// with a gap and a larger stamp, and checks noise, gaps and blur.
func TestConditions(t *testing.T) {
	const size = 16
	observation := func(side int, sigma, noise float64) observe.Observation {
		p, err := psf.Gaussian{Sigma: sigma}.Render(9)
		if err != nil {
			t.Fatal(err)
		}
		e := observe.Exposure{Image: galaxy.NewImages(1, side, side, 1), PSFs: []psf.PSF{p}}
		for range side * side {
			e.InvVar = append(e.InvVar, 1/(noise*noise))
		}
		return observe.Observation{Exposures: []observe.Exposure{e}}
	}
	sharp, wide := observation(16, 0.7, 0.5), observation(24, 1.5, 0.2)
	row := 4 + 3 // of the middle 16
	for col := range 24 {
		wide.Exposures[0].InvVar[row*24+col] = 0
	}
	c, err := observe.NewConditions(size, []observe.Observation{sharp, wide}, []float64{10, 20})
	if err != nil {
		t.Fatal(err)
	}
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	store := model.NewStore()
	exec, err := model.NewExec(device, store,
		func(scope *model.Scope, y *graph.Node) []*graph.Node {
			grid, looks := c.Observe(scope, y)
			return []*graph.Node{looks[0].X, looks[0].InvVar, grid.A(looks[0], y)}
		})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	const batch = 64
	galaxies := galaxy.NewImages(batch, size, size, 1)
	for i := range batch {
		galaxies.At(i)[8*size+8] = 1000
	}
	out, err := exec.Call(galaxies.Tensor())
	if err != nil {
		t.Fatal(err)
	}
	var x, invVar, clean []float32
	for k, to := range []*[]float32{&x, &invVar, &clean} {
		if *to, err = tensors.CopyFlatData[float32](out[k]); err != nil {
			t.Fatal(err)
		}
	}
	kinds := map[bool]int{}
	var chi, count float64
	for i := range batch {
		at := i * size * size
		bright := 0.0
		for k := range size * size {
			bright = max(bright, float64(clean[at+k]))
		}
		gap := invVar[at+3*size] == 0
		kinds[gap]++
		relative := 0.05 // 0.5/10 of the sharp one
		if gap {
			relative = 0.01
		}
		for k := range size * size {
			w := float64(invVar[at+k])
			if gap && k/size == 3 {
				if w != 0 || x[at+k] != 0 {
					t.Fatalf("a gap has the weight %g and the value %g", w, x[at+k])
				}
				continue
			}
			if want := 1 / math.Pow(relative*bright, 2); math.Abs(w/want-1) > 1e-3 {
				t.Fatalf("1/σ² is %g instead of %g", w, want)
			}
			d := float64(x[at+k]-clean[at+k]) * math.Sqrt(w)
			chi, count = chi+d*d, count+1
		}
	}
	if kinds[true] < batch/4 || kinds[false] < batch/4 {
		t.Errorf("%d and %d of %d galaxies are seen as the two observations are", kinds[true],
			kinds[false], batch)
	}
	if chi /= count; math.Abs(chi-1) > 5*math.Sqrt(2/count) {
		t.Errorf("the noise has a variance of %.3f times what the weights say", chi)
	}
	if _, err := observe.NewConditions(size, nil, nil); err == nil {
		t.Error("no observations make conditions")
	}
}

func TestSharpness(t *testing.T) {
	var all []observe.Observation
	for _, sigma := range []float64{0.7, 1.4, 2.8} {
		p, err := psf.Gaussian{Sigma: sigma}.Render(25)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, observe.Observation{Exposures: []observe.Exposure{{PSFs: []psf.PSF{p}}}})
	}
	s := observe.Sharpness(all, 0.1)
	if !(s[0] > s[1] && s[1] > s[2] && s[2] > 0 && s[0] < 1) {
		t.Errorf("PSFs of σ 0.7, 1.4 and 2.8 pixels say %v", s)
	}
}

// TestDraw checks variance and correlation of noise that is drawn, and what NoiseLevel finds of it.
func TestDraw(t *testing.T) {
	c, err := observe.CorrelationOf(3, []float64{0, 0.3, 0, 0.3, 1, 0.3, 0, 0.3, 0})
	if err != nil {
		t.Fatal(err)
	}
	const side = 200
	noise := c.Draw(rand.New(rand.NewPCG(1, 2)), side, side)
	var square, right float64
	plane := make([]float32, len(noise))
	for k, v := range noise {
		plane[k] = float32(v)
		square += v * v / float64(len(noise))
		if k%side < side-1 {
			right += v * noise[k+1] / float64(len(noise))
		}
	}
	half := c.Size / 2
	want := c.Values[half*c.Size+half+1]
	if math.Abs(square-1) > 0.03 || math.Abs(right-want) > 0.03 {
		t.Errorf("variance %.3f, correlation of neighbors %.3f instead of %.3f", square, right, want)
	}
	level, err := observe.NoiseLevel(plane, nil, side, side)
	if err != nil {
		t.Fatal(err)
	}
	if r := c.Roughness(); math.Abs(level/r-1) > 0.03 || r > 0.95 {
		t.Errorf("noise of deviation 1 shows %.3f instead of %.3f", level, r)
	}
	if white := (observe.Correlation{Size: 1, Values: []float64{1}}).Roughness(); white != 1 {
		t.Errorf("white noise shows %g of its deviation", white)
	}
}
