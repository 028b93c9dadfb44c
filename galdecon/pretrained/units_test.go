package pretrained_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/classical"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

// The whole way of a user, from an exposure to a flux with error bars, says the same in any units,
// from 1e-36 to 1e36, up to the rounding of float32: in powers of two nearly to the bit.
func TestAnyUnits(t *testing.T) {
	t.Setenv(galdecon.ConfigEnv, "")
	kernel, err := psf.Gaussian{Sigma: 1.5}.Render(15)
	if err != nil {
		t.Fatal(err)
	}
	model, err := pretrained.Load("tiny")
	if err != nil {
		t.Fatal(err)
	}
	const side = 96
	r := rand.New(rand.NewPCG(1, 2))
	light := make([]float64, side*side)
	for k := range light {
		dx, dy := float64(k%side)-47.4, float64(k/side)-48.3
		light[k] = 0.3 + 0.01*r.NormFloat64() + math.Exp(-(dx*dx+1.5*dy*dy)/18)
	}
	want := measureIn(t, 1, light, kernel, model)
	for _, unit := range []float64{math.Ldexp(1, -119), 1e-36, 3e-20, 1e-9, 1e9, 4e19, 1e36,
		math.Ldexp(1, 119)} {
		for what, v := range measureIn(t, unit, light, kernel, model) {
			if off := math.Abs(v - want[what]); !(off <= 1e-4*math.Abs(want[what])+1e-5) {
				t.Errorf("unit %g: %s is %g, want %g", unit, what, v, want[what])
			}
		}
	}
}

// measureIn returns what comes out in a unit, divided by it.
func measureIn(t *testing.T, unit float64, light []float64, kernel psf.PSF,
	model *galdecon.Model) map[string]float64 {
	t.Helper()
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("unit %g: %v", unit, err)
		}
	}
	side := int(math.Sqrt(float64(len(light))))
	im := galaxy.NewImages(1, side, side, 1)
	for k, v := range light {
		im.Pixels[k] = float32(v * unit)
	}
	im.Pixels[5] = float32(math.NaN())
	out := map[string]float64{}
	none, err := im.MarkNoData()
	fail(err)
	skies, err := im.Sky()
	fail(err)
	levels, err := im.NoiseLevels()
	fail(err)
	correlation, err := im.NoiseCorrelation()
	fail(err)
	out["bad"], out["sky"], out["its error"] = float64(none[0].Total()), skies[0].Level/unit,
		skies[0].StdErr/unit
	out["noise"], out["noise of neighbors"] = skies[0].Noise/unit, levels[0]/unit
	out["correlation"], out["ratio"] = correlation[0].At(0, 1), correlation[0].Ratio()
	fail(im.Subtract([]float64{skies[0].Level}))
	average, err := im.Average(3)
	fail(err)
	out["average"] = float64(average.Pixels[500]) / unit
	cut, err := im.Cutout(46, 49, 32)
	fail(err)
	out["column"], out["row"], out["others"] = cut.Column, cut.Row, float64(len(cut.Neighbors))
	o, err := galdecon.NewObservations(cut.Images, []psf.PSF{kernel}, levels)
	fail(err)
	standard, err := galdecon.Standardize(o)
	fail(err)
	out["standardized"] = float64(standard.Images().Pixels[500])
	out["its scale"] = standard.Images().Scale[0] / unit
	wiener, err := classical.Wiener(o, classical.WienerPrior*unit)
	fail(err)
	out["Wiener"] = float64(wiener.Pixels[500]) / unit
	lucy, err := classical.RichardsonLucy(cut.Images, []psf.PSF{kernel}, []float64{skies[0].Level},
		10)
	fail(err)
	out["Richardson-Lucy"] = float64(lucy.Pixels[500]) / unit
	path, err := model.Path(o, 3)
	fail(err)
	out["path"] = float64(path.At(path.N - 1)[500]) / unit
	posteriors, err := model.Sample(t.Context(), o, 4, 3)
	fail(err)
	p := posteriors[0]
	m, err := p.Measure(8)
	fail(err)
	for what, i := range map[string]posterior.Interval{"half-light": m.HalfLight, "g1": m.G1,
		"g2": m.G2} {
		out[what], out[what+" low"], out[what+" high"] = i.Median, i.Low, i.High
	}
	out["flux"], out["flux low"], out["flux high"] = m.Flux.Median/unit, m.Flux.Low/unit,
		m.Flux.High/unit
	mean, deviation, err := p.Moments()
	fail(err)
	out["mean"], out["deviation"] = float64(mean.Pixels[500])/unit,
		float64(deviation.Pixels[500])/unit
	chi, err := score.ChiSquared(p.Reblurred, p.Observation, p.Noise)
	fail(err)
	out["χ²"] = chi[0]
	mse, err := score.DataMSE(p.Reblurred, p.Observation)
	fail(err)
	out["data MSE"] = mse[0] / unit / unit
	psnr, err := score.PSNR(mean, p.Samples, unit)
	fail(err)
	ssim, err := score.SSIM(mean, p.Samples, unit)
	fail(err)
	out["PSNR"], out["SSIM"] = psnr[0], ssim[0]
	spectrum, err := score.PowerSpectrum(p.Samples)
	fail(err)
	out["spectrum"] = spectrum.HighFrequency(0.25)
	prior, err := score.NewPrior(p.Samples)
	fail(err)
	if out["variance"], err = prior.VarianceRatio(p.Samples); err != nil {
		t.Fatal(err)
	}
	poisson, sigma, err := psf.AddPhotonNoise(p.Samples, 50, 1000, 4)
	fail(err)
	out["photons"], out["their noise"] = float64(poisson.Pixels[500])/unit, sigma[0]/unit
	return out
}
