// Command bands measures what bands of a galaxy tell of each other: synthetic galaxies whose parts
// have spectra of their own are seen in r, i and z, through PSFs and with noise as unequal as those
// of a survey's filters, and drawn in all bands together and in each apart:
//
//	go run ./testdata/bands -model galaxy -n 100 -candidates 9 -side 32
//
// It prints the error of the mean of the candidates together over that apart, the geometric mean
// over galaxies with its 95 % interval, for each band and for all, and how far the intervals of
// colors are off their levels. A mean of n candidates has 1/n of their variance in its square, in
// both alike, so that ratios are a little nearer to 1 than those of the posteriors' means.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"slices"

	"galdecon/galdecon"
	"galdecon/galdecon/calibration"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

// filters are how galaxies are seen: σ of the Gaussian PSF in pixels, and the noise in units of the
// brightest pixel of the sharp galaxy in that band.
var filters = []struct {
	name         string
	sigma, noise float64
}{{"r", 1, 0.005}, {"i", 1.4, 0.02}, {"z", 1.8, 0.06}}

// seed of galaxies that neither the training nor a scorecard sees.
const seed = 91

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bands:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	name := flag.String("model", "galaxy", "name or folder of the model")
	n := flag.Int("n", 100, "number of galaxies")
	candidates := flag.Int("candidates", 9, "number of candidates of each")
	side := flag.Int("side", 32, "side of the stamps in pixels")
	flag.Parse()
	m, err := pretrained.Load(*name)
	if err != nil {
		return err
	}
	sized := m.Config
	sized.Size = *side
	truths, err := synthetic.Galaxies(sized.SyntheticBands(*n, len(filters), seed))
	if err != nil {
		return err
	}
	r := result{aperture: float64(*side) / 4, logs: make([][]float64, len(filters)+1)}
	for i := range truths.N {
		if err := r.galaxy(ctx, m, truths.Select(i), i, *candidates); err != nil {
			return err
		}
	}
	return r.print(truths.N)
}

// result is what was found, galaxy by galaxy.
type result struct {
	aperture     float64
	drawn        int
	logs         [][]float64 // of errors together over apart: of each band, and of all
	truth        [][]float64 // logarithms of the ratios of neighboring bands' fluxes
	joint, apart [][][]float64
	widths       []float64 // of colors' error bars together over apart, as logarithms
}

// galaxy draws and scores one.
func (r *result) galaxy(
	ctx context.Context, m *galdecon.Model, truth *galaxy.Images, i, candidates int,
) error {
	o, planes, err := see(truth, int64(100*i))
	if err != nil {
		return err
	}
	together, err := m.SampleBands(ctx, []observe.Observation{o}, candidates, int64(i))
	if refused, rest := posterior.SplitRefusals(err); rest != nil || len(refused) > 0 {
		return rest
	}
	apart := posterior.Bands{Names: together[0].Names}
	for _, band := range apart.Names {
		p, err := m.SampleLooks(ctx, []observe.Observation{o.In(band)}, candidates, int64(i))
		if refused, rest := posterior.SplitRefusals(err); rest != nil || len(refused) > 0 {
			return rest
		}
		apart.Posteriors = append(apart.Posteriors, p[0])
	}
	r.drawn++
	all := 0.0
	for b := range filters {
		var errors [2]float64
		for k, drawn := range []posterior.Bands{together[0], apart} {
			a, err := score.Trial{Truth: planes[b], Observation: o.Exposures[b].Image,
				Samples: drawn.Posteriors[b].Samples}.Accuracy()
			if err != nil {
				return err
			}
			errors[k] = a.Mean
		}
		ratio := math.Log(errors[0]/errors[1]) / 2 // of roots
		r.logs[b] = append(r.logs[b], ratio)
		all += ratio / float64(len(filters))
	}
	r.logs[len(filters)] = append(r.logs[len(filters)], all)
	return r.colors(planes, together[0], apart)
}

// see returns a galaxy [1, height, width, bands] as it is seen, and its bands.
func see(truth *galaxy.Images, seed int64) (o observe.Observation, planes []*galaxy.Images,
	err error) {
	for b, f := range filters {
		plane := galaxy.NewImages(1, truth.Height, truth.Width, 1)
		for p := range plane.Pixels {
			plane.Pixels[p] = truth.Pixels[p*truth.Channels+b]
		}
		k, err := psf.Gaussian{Sigma: f.sigma}.Render(15)
		if err != nil {
			return o, nil, err
		}
		noise := f.noise * float64(slices.Max(plane.Pixels))
		x, err := galdecon.Observe(plane, []psf.PSF{k}, noise, seed+int64(b))
		if err != nil {
			return o, nil, err
		}
		planes = append(planes, plane)
		o.Exposures = append(o.Exposures, observe.Exposure{Band: f.name, Image: x.Images(),
			PSFs:   []psf.PSF{k},
			InvVar: slices.Repeat([]float64{1 / noise / noise}, len(plane.Pixels))})
	}
	return o, planes, nil
}

// colors compares the colors of neighboring bands, where all candidates have one.
func (r *result) colors(planes []*galaxy.Images, together, apart posterior.Bands) error {
	var truth []float64
	samples := make([][][]float64, 2)
	width := 0.0
	for b := range filters[1:] {
		var fluxes [2]float64
		for k := range fluxes {
			seen, err := score.Measure(planes[b+k], r.aperture)
			if err != nil || !(seen.Aperture > 0) {
				return nil
			}
			fluxes[k] = math.Log(seen.Aperture)
		}
		truth = append(truth, fluxes[0]-fluxes[1])
		for k, drawn := range []posterior.Bands{together, apart} {
			ratios, failed, err := drawn.Ratios(filters[b].name, filters[b+1].name, r.aperture)
			if err != nil || failed > 0 {
				return nil
			}
			for i, v := range ratios {
				if b == 0 {
					samples[k] = append(samples[k], nil)
				}
				samples[k][i] = append(samples[k][i], math.Log(v))
			}
			bar := posterior.NewInterval(ratios)
			width += float64(1-2*k) * math.Log(bar.High/bar.Low) / float64(len(filters)-1)
		}
	}
	r.truth, r.widths = append(r.truth, truth), append(r.widths, width)
	r.joint, r.apart = append(r.joint, samples[0]), append(r.apart, samples[1])
	return nil
}

// print prints the table.
func (r *result) print(n int) error {
	fmt.Printf("%d of %d galaxies drawn in all bands, the colors of %d measured\n", r.drawn, n,
		len(r.truth))
	for b, logs := range append(r.logs, r.widths) {
		name := "error of the mean in all bands"
		switch {
		case b < len(filters):
			f := filters[b]
			name = fmt.Sprintf("error of the mean in %s (σ %.1f, noise %g)", f.name, f.sigma,
				f.noise)
		case b > len(filters):
			name = "error bars of colors"
		}
		e, err := score.Mean(logs, seed)
		if err != nil {
			return err
		}
		fmt.Printf("%-44s together over apart %.3f (%.3f to %.3f)\n", name,
			math.Exp(e.Value), math.Exp(e.Low), math.Exp(e.High))
	}
	for k, samples := range [][][][]float64{r.joint, r.apart} {
		ensemble, err := calibration.Vectors(r.truth, samples)
		if err != nil {
			return err
		}
		c, err := ensemble.Ranks(seed).Central(seed)
		if err != nil {
			return err
		}
		fmt.Printf("colors %-8s off by at most %.1f points (± %.1f)\n",
			[]string{"together", "apart"}[k], 100*c.Distance, 100*c.HalfWidth)
	}
	return nil
}
