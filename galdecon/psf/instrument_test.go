package psf_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/moments"
	"galdecon/galdecon/psf"
)

// ∂⟨v, Π*y⟩/∂Π by finite differences. The product is linear in Π, so central differences with a
// step of 1 are exact but for rounding.
func TestGradientByPSF(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	const b, h, w, c = 2, 7, 9, 2
	for _, k := range []int{3, 4} {
		y, v := random(rng, b*h*w*c), random(rng, b*h*w*c)
		psfs := random(rng, b*k*k)
		args := func() []any {
			return []any{tensors.FromFlatDataAndDimensions(y, b, h, w, c),
				tensors.FromFlatDataAndDimensions(v, b, h, w, c),
				tensors.FromFlatDataAndDimensions(psfs, b, k, k)}
		}
		product := func(y, v,
			p *graph.Node) *graph.Node {
			return graph.ReduceAllSum(graph.Mul(psf.Convolve(y, p), v))
		}
		out, err := graph.CallOnce(devicetest.Device(t),
			func(y, v, p *graph.Node) *graph.Node { return graph.Gradient(product(y, v, p), p)[0] },
			args()...)
		if err != nil {
			t.Fatal(err)
		}
		exec, err := graph.NewExec(devicetest.Device(t), product)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float64, len(psfs))
		for i := range psfs {
			at := psfs[i]
			for _, side := range []float32{1, -1} {
				psfs[i] = at + side
				value, err := exec.Call1(args()...)
				if err != nil {
					t.Fatal(err)
				}
				want[i] += float64(side) * float64(tensors.ToScalar[float32](value)) / 2
			}
			psfs[i] = at
		}
		compare(t, "gradient", tensors.MustCopyFlatData[float32](out), want, 1e-3)
	}
}

// The width of a Gaussian PSF reaches the observation with the right derivative: what an encoder of
// PSFs would learn from.
func TestGradientByWidth(t *testing.T) {
	const size, step = 7, 1e-2
	rng := rand.New(rand.NewPCG(11, 12))
	y, v := random(rng, 64), random(rng, 64)
	product := func(sigma, y, v *graph.Node) *graph.Node {
		return graph.ReduceAllSum(graph.Mul(psf.Convolve(y, psf.Gaussians(sigma, size)), v))
	}
	at := func(f func(sigma, y, v *graph.Node) *graph.Node, sigma float32) float64 {
		out, err := graph.CallOnce(devicetest.Device(t), f, []float32{sigma},
			tensors.FromFlatDataAndDimensions(y, 1, 8, 8, 1),
			tensors.FromFlatDataAndDimensions(v, 1, 8, 8, 1))
		if err != nil {
			t.Fatal(err)
		}
		return float64(tensors.MustCopyFlatData[float32](out)[0])
	}
	got := at(func(sigma, y,
		v *graph.Node) *graph.Node {
		return graph.Gradient(product(sigma, y, v), sigma)[0]
	}, 1.2)
	want := (at(product, 1.2+step) - at(product, 1.2-step)) / (2 * step)
	if math.Abs(got-want) > 1e-2*math.Abs(want) {
		t.Errorf("the derivative is %g, want %g", got, want)
	}
}

func observe(t *testing.T, in psf.Instrument, y *tensors.Tensor, seed int64) (x, psfs,
	noise []float32) {
	t.Helper()
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(seed); err != nil {
		t.Fatal(err)
	}
	out, err := model.CallOnceN(devicetest.Device(t), store,
		func(scope *model.Scope, y *graph.Node) []*graph.Node {
			x, psfs, noise := in.Observe(scope, y)
			return []*graph.Node{x, psfs, noise}
		}, y)
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1]),
		tensors.MustCopyFlatData[float32](out[2])
}

// σ is uniform in its range, the PSFs are Gaussians of sum 1, the noise is white and of its
// standard deviation, and all of it follows from the seed.
func TestInstrumentObserve(t *testing.T) {
	const batch, size, side = 400, 15, 8
	in := psf.Instrument{Size: size, SigmaMin: 0.8, SigmaMax: 1.6, NoiseMin: 0.002, NoiseMax: 0.02}
	rng := rand.New(rand.NewPCG(13, 14))
	pixels := random(rng, batch*side*side)
	y := func() *tensors.Tensor {
		return tensors.FromFlatDataAndDimensions(pixels, batch, side,
			side, 1)
	}
	x, psfs, levels := observe(t, in, y(), 1)
	var sigmas, logarithms []float64
	noise := 0.0
	for i := range batch {
		p := psfs[i*size*size : (i+1)*size*size]
		sum, second := 0.0, 0.0
		for j, w := range p {
			d := float64(j/size - size/2)
			sum, second = sum+float64(w), second+float64(w)*d*d
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Fatalf("PSF %d sums to %g", i, sum)
		}
		// sampled at pixel centers, and cut at 4.4σ: right to a few parts in a thousand
		sigma := math.Sqrt(second)
		if sigma < in.SigmaMin*0.99 || sigma > in.SigmaMax*1.01 {
			t.Fatalf("σ of PSF %d is %g, want %g to %g", i, sigma, in.SigmaMin, in.SigmaMax)
		}
		sigmas = append(sigmas, sigma)
		clean := directSum(pixels[i*side*side:(i+1)*side*side], side, side, 1,
			psf.PSF{Size: size, Pixels: p})
		for j, v := range clean {
			d := float64(x[i*side*side+j]) - v
			d /= float64(levels[i])
			noise += d * d / float64(batch*side*side)
		}
		logarithms = append(logarithms, math.Log(float64(levels[i])))
	}
	if got := math.Sqrt(noise); math.Abs(got-1) > 0.02 { // ± 0.4 % by chance
		t.Errorf("the noise is %g of what it says", got)
	}
	slices.Sort(logarithms)
	for _, q := range []float64{0.1, 0.5, 0.9} {
		low, high := math.Log(in.NoiseMin), math.Log(in.NoiseMax)
		if got, want := logarithms[int(q*batch)],
			low+q*(high-low); math.Abs(got-want) > 4*0.025*(high-low) {
			t.Errorf("the %g quantile of the noise is e^%g, want e^%g", q, got, want)
		}
	}
	slices.Sort(sigmas)
	for _, q := range []float64{0.1, 0.5, 0.9} {
		want := in.SigmaMin + q*(in.SigmaMax-in.SigmaMin)
		if got := sigmas[int(q*batch)]; math.Abs(got-want) > 4*0.025*(in.SigmaMax-in.SigmaMin) {
			t.Errorf("the %g quantile of σ is %g, want %g", q, got, want)
		}
	}
	again, psfsAgain, _ := observe(t, in, y(), 1)
	if !slices.Equal(x, again) || !slices.Equal(psfs, psfsAgain) {
		t.Error("the same seed gives another observation")
	}
	if other, _, _ := observe(t, in, y(), 2); slices.Equal(x, other) {
		t.Error("another seed gives the same observation")
	}
	in.NoiseMin, in.NoiseMax = 0, 0
	x, psfs, levels = observe(t, in, y(), 1)
	if slices.Max(levels) != 0 {
		t.Error("an instrument without noise says it has some")
	}
	compare(t, "without noise", x[:side*side],
		directSum(pixels[:side*side], side, side, 1, psf.PSF{Size: size, Pixels: psfs[:size*size]}),
		1e-5)
}

func TestInstrumentValidate(t *testing.T) {
	good := psf.Instrument{Size: 9, SigmaMin: 1, SigmaMax: 2, ShearMax: 0.1, InvBetaMax: 0.3,
		NoiseMin: 0.01, NoiseMax: 0.01}
	for _, in := range []psf.Instrument{good, {Size: 1, SigmaMin: 1, SigmaMax: 1}} {
		if err := in.Validate(); err != nil {
			t.Errorf("%+v: %v", in, err)
		}
	}
	for name, test := range map[string]struct {
		change func(*psf.Instrument)
		want   string
	}{
		"no grid":        {func(in *psf.Instrument) { in.Size = 0 }, "at least 1 pixel, got 0"},
		"zero σ":         {func(in *psf.Instrument) { in.SigmaMin = 0 }, "0 < min"},
		"NaN σ":          {func(in *psf.Instrument) { in.SigmaMin = math.NaN() }, "0 < min"},
		"range reversed": {func(in *psf.Instrument) { in.SigmaMax = 0.5 }, "got 1 to 0.5"},
		"NaN largest σ":  {func(in *psf.Instrument) { in.SigmaMax = math.NaN() }, "0 < min"},
		"infinite σ":     {func(in *psf.Instrument) { in.SigmaMax = math.Inf(1) }, "0 < min"},
		"negative noise": {func(in *psf.Instrument) { in.NoiseMin = -1 }, "noise"},
		"noise from 0":   {func(in *psf.Instrument) { in.NoiseMin = 0 }, "noise"},
		"noise reversed": {func(in *psf.Instrument) { in.NoiseMax = 0.001 }, "0.01 to 0.001"},
		"NaN noise":      {func(in *psf.Instrument) { in.NoiseMax = math.NaN() }, "noise"},
		"infinite noise": {func(in *psf.Instrument) { in.NoiseMax = math.Inf(1) }, "noise"},
		"a line":         {func(in *psf.Instrument) { in.ShearMax = 1 }, "ellipticity"},
		"NaN shear":      {func(in *psf.Instrument) { in.ShearMax = math.NaN() }, "ellipticity"},
		"infinite light": {func(in *psf.Instrument) { in.InvBetaMax = 1 }, "1/β"},
	} {
		in := good
		test.change(&in)
		if err := in.Validate(); err == nil || !strings.HasPrefix(err.Error(), "psf: ") ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

// Shapes are drawn from the disk of ellipticities, and wings take light from the core.
func TestInstrumentShapes(t *testing.T) {
	const batch, size = 500, 41
	in := psf.Instrument{Size: size, SigmaMin: 3, SigmaMax: 3, ShearMax: 0.2}
	y := func() *tensors.Tensor {
		return tensors.FromFlatDataAndDimensions(make([]float32, batch*64*64), batch, 64, 64, 1)
	}
	_, psfs, _ := observe(t, in, y(), 1)
	var inner, sum1, sum2 float64
	for i := range batch {
		var xx, yy, xy float64
		for j, w := range psfs[i*size*size : (i+1)*size*size] {
			dx, dy := float64(j%size-size/2), float64(j/size-size/2)
			xx, yy, xy = xx+float64(w)*dx*dx, yy+float64(w)*dy*dy, xy+float64(w)*dx*dy
		}
		// For an ellipse, e = (xx − yy, 2xy)/(xx + yy + 2√(xx·yy − xy²)) is g.
		root := math.Sqrt(xx*yy - xy*xy)
		g1, g2 := (xx-yy)/(xx+yy+2*root), 2*xy/(xx+yy+2*root)
		if g := math.Hypot(g1, g2); g > 0.2*1.005 {
			t.Fatalf("PSF %d has the ellipticity %g", i, g)
		} else if g < 0.1 {
			inner++
		}
		if math.Abs(root-9) > 0.1 {
			t.Fatalf("PSF %d has the area %g, want that of a circle of σ = 3", i, root)
		}
		sum1, sum2 = sum1+g1, sum2+g2
	}
	// A quarter of the disk lies within half of its radius; a component has a standard deviation of
	// 0.1.
	if share := inner / batch; math.Abs(share-0.25) > 4*0.02 {
		t.Errorf("%g of the ellipticities are below half of the largest, want 0.25", share)
	}
	for i, sum := range []float64{sum1, sum2} {
		if mean := sum / batch; math.Abs(mean) > 4*0.1/math.Sqrt(batch) {
			t.Errorf("component %d of the ellipticity is %g on average, want 0", i+1, mean)
		}
	}
	in.ShearMax, in.InvBetaMax = 0, 0.4
	_, psfs, _ = observe(t, in, y(), 1)
	least, most := math.Inf(1), 0.0
	for i := range batch {
		p := psfs[i*size*size : (i+1)*size*size]
		center := p[size*size/2]
		least, most = min(least, float64(center)), max(most, float64(center))
		// The full width at half maximum doesn't depend on the wings.
		if half := p[size*size/2+3] / center; math.Abs(float64(half)-math.Exp(-0.5)) > 0.02 {
			t.Fatalf("PSF %d falls to %g at 1 σ", i, half)
		}
	}
	if gauss := 1 / (2 * math.Pi * 9); math.Abs(most-gauss) > 0.01*gauss || least > 0.8*gauss {
		t.Errorf("the central weights are %g to %g, want the Gaussian's %g at most, and less "+
			"with wings", least, most, gauss)
	}
}

func TestInstrumentCheck(t *testing.T) {
	in := psf.Instrument{Size: 15, SigmaMin: 1, SigmaMax: 2, ShearMax: 0.2, InvBetaMax: 0.3}
	p := func(sigma, beta float64, shear moments.Shear) psf.PSF {
		t.Helper()
		k, err := psf.Moffat{FWHM: 2 * math.Sqrt(2*math.Ln2) * sigma, Beta: beta,
			Shear: shear}.Render(15)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	ring := make([]float32, 225)
	for i := range ring {
		if r := math.Hypot(float64(i%15-7), float64(i/15-7)); r > 3 && r < 5 {
			ring[i] = 1
		}
	}
	hollow, err := psf.New(15, ring)
	if err != nil {
		t.Fatal(err)
	}
	pedestal := p(1.5, math.Inf(1), moments.Shear{})
	for i := range pedestal.Pixels {
		pedestal.Pixels[i] += 0.08 * pedestal.Pixels[112]
	}
	pedestal, err = psf.New(15, pedestal.Pixels)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		p    psf.PSF
		want string
	}{
		"a fifth of a pixel off": {offset(t, 15, 1.5, 0.1, -0.17), ""},
		"half a pixel off": {offset(t, 15, 1.5, 0.5, 0),
			"+0.50 rows and +0.00 columns from its center, which would move a galaxy by as much; " +
				"see PSF.Recenter"},
		"two pixels off":      {offset(t, 15, 1.5, 0, -2), "-2.00 columns"},
		"even, off":           {offset(t, 14, 2, 0.3, 0), "+0.30 rows"},
		"with a background":   {pedestal, "sky is left in this PSF: a pedestal of 0.07"},
		"a Gaussian":          {p(1.5, math.Inf(1), moments.Shear{}), ""},
		"a Moffat profile":    {p(2, 3.5, moments.Shear{G1: 0.1, G2: -0.15}), ""},
		"the narrowest":       {p(1, math.Inf(1), moments.Shear{}), ""},
		"narrower":            {p(0.7, math.Inf(1), moments.Shear{}), "σ = 0.70"},
		"wider":               {p(3, math.Inf(1), moments.Shear{}), "σ = 3.00"},
		"longer":              {p(1.5, math.Inf(1), moments.Shear{G2: 0.4}), "|g| = 0.40"},
		"more wings":          {p(1.5, 1.8, moments.Shear{}), "β = 1.8"},
		"something different": {hollow, "psf: "},
	} {
		err := in.Check(test.p)
		if test.want == "" && err != nil ||
			test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

// An even grid that cuts a PSF off holds more light on one side, but the PSF is centered.
func TestInstrumentCheckEvenGrids(t *testing.T) {
	for _, size := range []int{10, 14} {
		in := psf.Instrument{Size: size, SigmaMin: 1, SigmaMax: 5, ShearMax: 0.4, InvBetaMax: 0.4}
		for _, sigma := range []float64{2, 4, 5} {
			for _, shear := range []moments.Shear{{}, {G1: 0.2, G2: 0.3}} {
				k := must(psf.Moffat{FWHM: 2.3548200450309493 * sigma, Beta: 2.5,
					Shear: shear}.Render(size))(t)
				for what, k := range map[string]psf.PSF{"a Moffat profile": k,
					"recentered": must(k.Recenter())(t)} {
					if err := in.Check(k); err != nil {
						t.Errorf("%s of σ = %g on %d×%d pixels: %v", what, sigma, size, size, err)
					}
				}
			}
		}
	}
}

// A PSF that was put together by hand is checked where it is used.
func TestPSFByHand(t *testing.T) {
	nan := float32(math.NaN())
	for name, test := range map[string]struct {
		p    psf.PSF
		want string
	}{
		"empty":          {psf.PSF{}, "0×0"},
		"weights lack":   {psf.PSF{Size: 2, Pixels: []float32{1}}, "needs 4 weights, got 1"},
		"negative size":  {psf.PSF{Size: -1, Pixels: []float32{1}}, "got 1"},
		"not normalized": {psf.PSF{Size: 2, Pixels: []float32{1, 1, 1, 1}}, "sum to 4"},
		"NaN":            {psf.PSF{Size: 1, Pixels: []float32{nan}}, "sum to NaN"},
	} {
		for what, err := range map[string]error{
			"Validate": test.p.Validate(),
			"Resize":   second(test.p.Resize(5)),
			"Stack":    second(psf.Stack(test.p)),
		} {
			if err == nil || !strings.HasPrefix(err.Error(), "psf: ") ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("%s, %s: error %v, want one with %q", name, what, err, test.want)
			}
		}
	}
}

func TestShapesThatDontMatch(t *testing.T) {
	for name, test := range map[string]struct {
		psfs []int
		want string
	}{
		"PSFs of another batch": {[]int{3, 5, 5},
			"2 images need as many PSFs, or one for all; got 3"},
		"oblong PSFs":          {[]int{2, 5, 4}, "square"},
		"PSFs without a batch": {[]int{5, 5}, "[batch, k, k], got (Float32)[5, 5]"},
	} {
		n := 1
		for _, d := range test.psfs {
			n *= d
		}
		_, err := graph.CallOnce(devicetest.Device(t), psf.Convolve,
			tensors.FromFlatDataAndDimensions(make([]float32, 2*64), 2, 8, 8, 1),
			tensors.FromFlatDataAndDimensions(make([]float32, n), test.psfs...))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}
