package observe_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
)

var survey = observe.Survey{Seed: 1, PSFSize: 15, PSFs: 32, SigmaMin: 0.5, SigmaMax: 2,
	ShearMax: 0.2, NoiseMin: 0.01, NoiseMax: 0.1, Photon: 0.5, Correlated: 0.5, Gaps: 0.5,
	Padded: 0.25, Coarse: 0.1, EdgeMax: 0.4}

// blobs returns n round galaxies of 24 pixels.
func blobs(n int) *tensors.Tensor {
	const side = 24
	pixels := make([]float32, n*side*side)
	for i := range pixels {
		row, column := float64(i/side%side)-11.5, float64(i%side)-12
		pixels[i] = float32(math.Exp(-(row*row + column*column) / 18))
	}
	return tensors.FromFlatDataAndDimensions(pixels, n, side, side, 1)
}

// exposures draws n of them, with what is left of each without the galaxy, in units of its noise.
func exposures(t *testing.T, s observe.Survey, n int, seed int64) (all []observe.Exposure,
	whitened []float32) {
	t.Helper()
	bank, err := s.Draw()
	if err != nil {
		t.Fatal(err)
	}
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(seed); err != nil {
		t.Fatal(err)
	}
	exec, err := model.NewExec(devicetest.Device(t), store,
		func(scope *model.Scope, y *graph.Node) []*graph.Node {
			out := s.Expose(scope, y, bank)
			grid := observe.NewGrid(24, 24, s.PSFSize)
			left := graph.Sub(out[0], grid.A(observe.Look{Transfer: grid.Transfer(out[2])}, y))
			return append(out, graph.Mul(left, graph.Sqrt(out[1])))
		})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Call(blobs(n))
	if err != nil {
		t.Fatal(err)
	}
	var host [5][]float32
	for i := range out {
		host[i] = tensors.MustCopyFlatData[float32](out[i])
	}
	return bank.Exposures(24, 24, host[0], host[1], host[2], host[3]), host[4]
}

// What a survey says of its noise is true of it, and it has all that it says, as often.
func TestSurvey(t *testing.T) {
	const n = 400
	all, whitened := exposures(t, survey, n, 1)
	var left []float64
	shared, gaps, coarse := 0, 0, 0
	for i, e := range all {
		if _, err := e.Complete(); err != nil {
			t.Fatalf("exposure %d: %v", i, err)
		}
		if e.Noise != nil {
			shared++
		}
		seen := 0
		for k, w := range e.InvVar {
			if w > 0 {
				seen++
				left = append(left, float64(whitened[i*len(e.InvVar)+k]))
			}
		}
		if seen < len(e.InvVar) {
			gaps++
		}
		if 3*seen < len(e.InvVar) {
			coarse++
		}
		sum := 0.0
		for _, v := range e.PSFs[0].Pixels {
			sum += float64(v)
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Errorf("PSF %d has the sum %g", i, sum)
		}
	}
	mean, deviation := stat.MeanStdDev(left, nil)
	if math.Abs(mean) > 0.02 || math.Abs(deviation-1) > 0.02 {
		t.Errorf("the noise has the mean %.3f and the deviation %.3f in units of what is said",
			mean, deviation)
	}
	// A share p of n has the deviation √(p(1−p)/n) ≤ 0.025. One correlation of 48 is white, as
	// are a few filters of hardly a pixel's width.
	share := func(what string, count int, low, high float64) {
		if s := float64(count) / n; s < low || s > high {
			t.Errorf("%.2f of the exposures have %s, want %.2f to %.2f", s, what, low, high)
		}
	}
	share("correlated noise", shared, 0.4, 0.58)
	// 0.25 padded, 0.1 coarse, and 0.5 of those with 1 − 0.6·0.75·0.8·0.7·0.8 = 0.8 of any gap.
	share("gaps", gaps, 0.5, 0.7)
	share("data at a quarter of the pixels or less", coarse, 0.08, 0.3)
	again, _ := exposures(t, survey, n, 1)
	other, _ := exposures(t, survey, n, 2)
	if !slices.Equal(all[3].Image.Pixels, again[3].Image.Pixels) ||
		slices.Equal(all[3].Image.Pixels, other[3].Image.Pixels) {
		t.Error("the seed doesn't determine the exposures")
	}
}

func TestSurveyValidate(t *testing.T) {
	for name, spoil := range map[string]func(*observe.Survey){
		"a share above 1":   func(s *observe.Survey) { s.Gaps = 1.1 },
		"a share of NaN":    func(s *observe.Survey) { s.Photon = math.NaN() },
		"no PSFs":           func(s *observe.Survey) { s.PSFs = 0 },
		"an even grid":      func(s *observe.Survey) { s.PSFSize = 16 },
		"widths in reverse": func(s *observe.Survey) { s.SigmaMin = 3 },
		"no noise":          func(s *observe.Survey) { s.NoiseMin = 0 },
		"a shear of 1":      func(s *observe.Survey) { s.ShearMax = 1 },
	} {
		s := survey
		spoil(&s)
		if _, err := s.Draw(); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

// The unit of a point of light is known, and it is in proportion to the image.
func TestUnit(t *testing.T) {
	const side = 24
	pixels := make([]float32, 2*side*side)
	pixels[12*side+12], pixels[side*side+12*side+12] = 1, 1
	var kernels []float32
	for _, sigma := range []float64{0.8, 2} {
		p, err := psf.Gaussian{Sigma: sigma}.Render(15)
		if err != nil {
			t.Fatal(err)
		}
		kernels = append(kernels, p.Pixels...)
	}
	out, err := graph.CallOnce(devicetest.Device(t), func(y, psfs, by *graph.Node) *graph.Node {
		grid := observe.NewGrid(side, side, 15)
		look := observe.Look{Transfer: grid.Transfer(psfs)}
		look.X = graph.Mul(grid.A(look, y), by)
		look.InvVar = graph.OnesLike(y)
		return grid.Unit(look)
	}, tensors.FromFlatDataAndDimensions(pixels, 2, side, side, 1),
		tensors.FromFlatDataAndDimensions(kernels, 2, 15, 15),
		tensors.FromFlatDataAndDimensions([]float32{1, 3}, 2, 1, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	// Brought to the grid by its own PSF, a point of light 1 has the peak Σ p² = 1/(4πσ²), and the
	// PSF the area 4πσ²: in all 1/(2√π σ).
	units := tensors.MustCopyFlatData[float32](out)
	for i, want := range []float64{1 / (2 * math.Sqrt(math.Pi) * 0.8),
		3 / (2 * math.Sqrt(math.Pi) * 2)} {
		if math.Abs(float64(units[i])/want-1) > 0.05 {
			t.Errorf("the unit of point %d is %.4f, want %.4f", i, units[i], want)
		}
	}
}
