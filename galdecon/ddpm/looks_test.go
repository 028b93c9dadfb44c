package ddpm_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/unet"
)

// gaussianLook is an exposure with a gap, a map of weights and correlated noise, of a galaxy that
// is white noise around a mean, and its matrices. The noise's deviation rises to twice from left to
// right.
type gaussianLook struct {
	exposure observe.Exposure
	blur     *mat.Dense    // A, of the pixels seen
	noise    *mat.SymDense // N, of the pixels seen
	x        *mat.VecDense // the pixels seen
}

const lookSide = 12

func makeGaussianLook(t *testing.T, mean, std, deviation float64) gaussianLook {
	t.Helper()
	const n = lookSide * lookSide
	kernel, err := psf.Gaussian{Sigma: 0.8}.Render(5)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := observe.CorrelationOf(3, []float64{0, 0.2, 0, 0.2, 1, 0.2, 0, 0.2, 0})
	if err != nil {
		t.Fatal(err)
	}
	white := rand.New(rand.NewPCG(1, 2))
	y := mat.NewVecDense(n, nil)
	for i := range n {
		y.SetVec(i, mean+std*white.NormFloat64())
	}
	sigma := func(i int) float64 { return deviation * (1 + float64(i%lookSide)/lookSide) }
	var seen []int
	for i := range n {
		if row, column := i/lookSide, i%lookSide; column != 5 && (row > 2 || column > 2) {
			seen = append(seen, i)
		}
	}
	lag := func(values []float64, size, i, j int) float64 {
		dy, dx := i/lookSide-j/lookSide+size/2, i%lookSide-j%lookSide+size/2
		if dy < 0 || dx < 0 || dy >= size || dx >= size {
			return 0
		}
		return values[dy*size+dx]
	}
	weights := make([]float64, len(kernel.Pixels))
	for i, v := range kernel.Pixels {
		weights[i] = float64(v)
	}
	l := gaussianLook{blur: mat.NewDense(len(seen), n, nil),
		noise: mat.NewSymDense(len(seen), nil)}
	for a, i := range seen {
		for j := range n {
			l.blur.Set(a, j, lag(weights, kernel.Size, i, j))
		}
		for b, j := range seen[:a+1] {
			l.noise.SetSym(a, b, sigma(i)*sigma(j)*lag(shared.Values, shared.Size, i, j))
		}
	}
	var factor mat.Cholesky
	if !factor.Factorize(l.noise) {
		t.Fatal("the noise has no covariance")
	}
	var root mat.TriDense
	factor.LTo(&root)
	unit := mat.NewVecDense(len(seen), nil)
	for a := range seen {
		unit.SetVec(a, white.NormFloat64())
	}
	var noise mat.VecDense
	noise.MulVec(&root, unit)
	l.x = mat.NewVecDense(len(seen), nil)
	l.x.MulVec(l.blur, y)
	l.x.AddVec(l.x, &noise)
	image := galaxy.NewImages(1, lookSide, lookSide, 1)
	invVar := make([]float64, n)
	for a, i := range seen {
		image.Pixels[i], invVar[i] = float32(l.x.AtVec(a)), 1/(sigma(i)*sigma(i))
	}
	l.exposure = observe.Exposure{Image: image, PSFs: []psf.PSF{kernel}, InvVar: invVar,
		Noise: &shared}
	return l
}

// exact returns the mean and the covariance of the posterior for the prior N(mean, std²).
func (l gaussianLook) exact(t *testing.T, mean, std float64) (m *mat.VecDense, c *mat.Dense) {
	t.Helper()
	seen, n := l.blur.Dims()
	var normal, gain, rest mat.Dense
	normal.Mul(l.blur, l.blur.T())
	normal.Scale(std*std, &normal)
	normal.Add(&normal, l.noise)
	if err := gain.Solve(&normal, l.blur); err != nil { // symmetric: the gain's transpose but for P
		t.Fatal(err)
	}
	gain.Scale(std*std, &gain)
	prior, left := mat.NewVecDense(n, nil), mat.NewVecDense(seen, nil)
	for i := range n {
		prior.SetVec(i, mean)
	}
	left.MulVec(l.blur, prior)
	left.SubVec(l.x, left)
	m, c = mat.NewVecDense(n, nil), mat.NewDense(n, n, nil)
	m.MulVec(gain.T(), left)
	m.AddVec(m, prior)
	rest.Mul(gain.T(), l.blur)
	c.Scale(-std*std, &rest)
	for i := range n {
		c.Set(i, i, c.At(i, i)+std*std)
	}
	return m, c
}

// A network starts as 0, and the model with it as the exact posterior of white Gaussian galaxies,
// also behind gaps, with a map of weights and correlated noise.
func TestLooksStartAsGaussianPosterior(t *testing.T) {
	const n, draws = lookSide * lookSide, 1600
	c := ddpm.Config{T: 950, Prediction: ddpm.Velocity, DataConsistency: true, Mean: 0.2, Std: 0.3,
		Network: unet.Config{Features: []int{2}, Blocks: 1, Embedding: 2}}
	look := makeGaussianLook(t, 0.6, 0.9, 0.05)
	batch := func(members int) *observe.Batch {
		var all []observe.Observation
		for range members {
			all = append(all, observe.Observation{Exposures: []observe.Exposure{look.exposure}})
		}
		b, err := observe.NewBatch(lookSide, lookSide, all...)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	store := model.NewStore()
	lookLoss(t, c, store, batch(2))
	unit := unitOf(t, batch(1))

	sampler, err := ddpm.NewLookGenerator(devicetest.Device(t), c,
		ddpm.Sampler{Steps: 20, SecondOrder: true}, store.Scope("/model"))
	if err != nil {
		t.Fatal(err)
	}
	samples, seen, err := sampler.Draw(seed(t, 4), batch(draws))
	if err != nil {
		t.Fatal(err)
	}
	drawn := tensors.MustCopyFlatData[float32](samples)
	m, covariance := look.exact(t, c.Mean*unit, c.Std*unit)
	values := make([]float64, draws)
	var off, scale, variance, want float64
	for i := range n {
		for d := range draws {
			values[d] = float64(drawn[d*n+i])
		}
		mean, v := stat.MeanVariance(values, nil)
		off, scale = off+math.Pow(mean-m.AtVec(i), 2), scale+covariance.At(i, i)
		variance, want = variance+v, want+covariance.At(i, i)
	}
	// Monte-Carlo error is 1/√draws of the spread. 4 conjugate-gradient steps leave the mean off by
	// 0.09 of it, beside gaps, 8 by less than 0.08; 20 steps of the sampler give up to 4 % more
	// variance.
	if off := math.Sqrt(off / scale); off > 0.11 {
		t.Errorf("the mean is off by %.3f of the spread", off)
	}
	if ratio := variance / want; math.Abs(ratio-1) > 0.06 {
		t.Errorf("the variance is %.3f of the exact one", ratio)
	}
	y, x := mat.NewVecDense(n, nil), mat.NewVecDense(look.x.Len(), nil)
	for i := range n {
		y.SetVec(i, float64(drawn[i]))
	}
	x.MulVec(look.blur, y)
	first, a := tensors.MustCopyFlatData[float32](seen[0]), 0
	for i, w := range look.exposure.InvVar {
		if w == 0 {
			continue
		}
		if math.Abs(float64(first[i])-x.AtVec(a)) > 1e-4 {
			t.Fatalf("pixel %d of what would be seen is %g, want %g", i, first[i], x.AtVec(a))
		}
		a++
	}
	path, err := sampler.Path(seed(t, 4), batch(2))
	if err != nil {
		t.Fatal(err)
	}
	if got := path.Shape().Dimensions; got[0] != 20 || got[1] != 2 {
		t.Errorf("the path has the shape %v", got)
	}
}

// Where there is less noise than at the sampler's last level, candidates still scatter as it lets
// them: what they would look like, blurred again, is uncertain by noise alone.
func TestLooksScatterAsLittleNoiseLetsThem(t *testing.T) {
	const draws = 200
	c := ddpm.Config{T: 950, Prediction: ddpm.Velocity, DataConsistency: true, Mean: 0.2, Std: 0.3,
		Network: unet.Config{Features: []int{2}, Blocks: 1, Embedding: 2}}
	look := makeGaussianLook(t, 0.6, 0.9, 0.002)
	b, err := observe.NewBatch(lookSide, lookSide, slices.Repeat([]observe.Observation{
		{Exposures: []observe.Exposure{look.exposure}}}, draws)...)
	if err != nil {
		t.Fatal(err)
	}
	store := model.NewStore()
	lookLoss(t, c, store, b)
	unit := unitOf(t, b)
	sampler, err := ddpm.NewLookGenerator(devicetest.Device(t), c,
		ddpm.Sampler{Steps: 20, SecondOrder: true}, store.Scope("/model"))
	if err != nil {
		t.Fatal(err)
	}
	_, seen, err := sampler.Draw(seed(t, 4), b)
	if err != nil {
		t.Fatal(err)
	}
	blurred := tensors.MustCopyFlatData[float32](seen[0])
	_, covariance := look.exact(t, c.Mean*unit, c.Std*unit)
	var half, of mat.Dense
	half.Mul(look.blur, covariance)
	of.Mul(&half, look.blur.T())
	values := make([]float64, draws)
	var variance, want float64
	a := 0
	for i, w := range look.exposure.InvVar {
		if w == 0 {
			continue
		}
		for d := range draws {
			values[d] = float64(blurred[d*lookSide*lookSide+i])
		}
		variance, want = variance+stat.Variance(values, nil), want+of.At(a, a)
		a++
	}
	// Without noise for the last data step it is 0.56. What the steps before it lose isn't drawn.
	if ratio := variance / want; ratio < 0.7 || ratio > 1.1 {
		t.Errorf("the variance is %.3f of the exact one", ratio)
	}
}

// lookLoss returns the loss of galaxies of 0.2, whose weights it makes.
func lookLoss(t *testing.T, c ddpm.Config, store *model.Store, b *observe.Batch) float32 {
	t.Helper()
	exec, err := model.NewExec(devicetest.Device(t), store,
		func(scope *model.Scope, in []*graph.Node) *graph.Node {
			looks, _ := b.Looks(in)
			return c.LookLoss(scope.Store().Scope("/model"), graph.AddScalar(
				graph.ZerosLike(looks[0].X), 0.2), b.Grid, looks...)
		})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Call(b.Inputs()...)
	if err != nil {
		t.Fatal(err)
	}
	return tensors.ToScalar[float32](out[0])
}

// unitOf returns the unit that a model finds for an observation.
func unitOf(t *testing.T, b *observe.Batch) float64 {
	t.Helper()
	unit, err := graph.CallOnce(devicetest.Device(t), func(in []*graph.Node) *graph.Node {
		looks, _ := b.Looks(in)
		return b.Grid.Unit(looks...)
	}, b.Inputs()...)
	if err != nil {
		t.Fatal(err)
	}
	return float64(tensors.MustCopyFlatData[float32](unit)[0])
}
