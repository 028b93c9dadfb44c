package scorecard

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"galdecon/galdecon"
	"galdecon/galdecon/calibration"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
)

// BandConfig is how a model is measured on galaxies in several bands: drawn together, and each band
// apart.
type BandConfig struct {
	// Galaxies is their number, and Size that of their stamps in pixels; each is seen in so many
	// Bands by the model's survey, with a PSF, depth and gaps for each, and Candidates are drawn.
	Galaxies, Size, Bands, Candidates int
	Seed                              int64
}

// BandCard is what comes of it.
type BandCard struct {
	Model string `json:"model"`
	BandConfig
	// Drawn is how many galaxies are taken by the model in all bands.
	Drawn int `json:"drawn"`
	// Error is the error of the mean of candidates drawn together over that of each band apart, in
	// all bands, the geometric mean over galaxies; Noisiest and Deepest are those of the bands with
	// the most and the least noise of each galaxy, relative to its brightest pixel.
	Error    score.Estimate `json:"error"`
	Noisiest score.Estimate `json:"noisiest"`
	Deepest  score.Estimate `json:"deepest"`
	// Color is how often intervals of neighboring bands' flux ratios hold the truth, of candidates
	// drawn together, and ColorApart of those drawn apart. Width is the width of the ratios' error
	// bars together over that apart.
	Color      calibration.Coverage `json:"color"`
	ColorApart calibration.Coverage `json:"color_apart"`
	Width      score.Estimate       `json:"width"`
	// Flux is that of fluxes in all bands, drawn together.
	Flux calibration.Coverage `json:"flux"`
}

// bandSeed is that of galaxies that nothing else is learned of or scored on.
const bandSeed = 4

// Run measures a model. report, which may be nil, is told how far it is.
func (c BandConfig) Run(ctx context.Context, name string, m *galdecon.Model,
	report func(done float64, line string)) (*BandCard, error) {
	if c.Galaxies < 20 || c.Bands < 2 || c.Bands > galdecon.MaxBands || c.Candidates < 3 {
		return nil, fmt.Errorf("scorecard: bands are measured on at least 20 galaxies in 2 to %d "+
			"bands, with at least 3 candidates; got %d, %d and %d", galdecon.MaxBands, c.Galaxies,
			c.Bands, c.Candidates)
	}
	sized := m.Config
	sized.Size = c.Size
	truths, err := synthetic.Galaxies(sized.SyntheticBands(c.Galaxies, c.Bands, bandSeed))
	if err != nil {
		return nil, err
	}
	observations, names, err := c.observe(m.Config, truths)
	if err != nil {
		return nil, err
	}
	s := bandScores{BandConfig: c, names: names}
	for i, o := range observations {
		together, err := m.SampleBands(ctx, []observe.Observation{o}, c.Candidates, c.Seed)
		if refused, rest := posterior.SplitRefusals(err); rest != nil {
			return nil, rest
		} else if len(refused) > 0 {
			continue
		}
		var each []observe.Observation
		for _, band := range names {
			each = append(each, o.In(band))
		}
		apart, err := m.SampleLooks(ctx, each, c.Candidates, c.Seed+1)
		if refused, rest := posterior.SplitRefusals(err); rest != nil {
			return nil, rest
		} else if len(refused) > 0 {
			continue
		}
		s.add(truths.Select(i), together[0], posterior.Bands{Names: names, Posteriors: apart})
		if report != nil {
			report(float64(i+1)/float64(c.Galaxies), fmt.Sprintf("galaxy %d of %d", i+1,
				c.Galaxies))
		}
	}
	return s.card(name)
}

// observe sees galaxies in bands, as the model's survey does, in stamps without coarse pixels.
func (c BandConfig) observe(config galdecon.Config, truths *galaxy.Images) (
	all []observe.Observation, names []string, err error) {
	survey := *config.Survey
	survey.Coarse = 0
	all = make([]observe.Observation, truths.N)
	for band := range c.Bands {
		names = append(names, fmt.Sprintf("band %d", band+1))
		seen, err := galdecon.ObserveSurvey(survey, plane(truths, band), c.Seed+int64(100+band))
		if err != nil {
			return nil, nil, err
		}
		for i, o := range seen {
			o.Exposures[0].Band = names[band]
			all[i].Exposures = append(all[i].Exposures, o.Exposures[0])
		}
	}
	return all, names, nil
}

// plane returns images of one band.
func plane(images *galaxy.Images, band int) *galaxy.Images {
	out := galaxy.NewImages(images.N, images.Height, images.Width, 1)
	out.IDs = images.IDs
	for k := range out.Pixels {
		out.Pixels[k] = images.Pixels[k*images.Channels+band]
	}
	return out
}

// bandScores are those of galaxies, one after the other.
type bandScores struct {
	BandConfig
	names  []string
	drawn  int
	errors [3][]float64 // of all bands, the noisiest, the deepest: log of together over apart
	colors [2]ratios    // together and apart
	fluxes ratios
	widths []float64 // of colors: log of together over apart
}

// ratios are true ones and those of candidates, as logarithms, of each galaxy.
type ratios struct {
	truth   [][]float64
	samples [][][]float64
}

func (r *ratios) coverage(seed int64) (calibration.Coverage, error) {
	ensemble, err := calibration.Vectors(r.truth, r.samples)
	if err != nil {
		return calibration.Coverage{}, err
	}
	return ensemble.Ranks(seed).Central(seed)
}

// add scores a galaxy.
func (s *bandScores) add(truth *galaxy.Images, together, apart posterior.Bands) {
	s.drawn++
	noise := make([]float64, len(s.names))
	var errors [2][]float64
	for band := range s.names {
		y := plane(truth, band)
		p := together.Posteriors[band]
		noise[band] = p.Noise / float64(slices.Max(p.Observation.Pixels))
		errors[0] = append(errors[0], meanError(y, p.Samples))
		errors[1] = append(errors[1], meanError(y, apart.Posteriors[band].Samples))
	}
	most, least := 0, 0
	for band, v := range noise {
		if v > noise[most] {
			most = band
		}
		if v < noise[least] {
			least = band
		}
	}
	all := 0.0
	logs := make([]float64, len(s.names))
	for band := range s.names {
		logs[band] = math.Log(errors[0][band] / errors[1][band])
		all += logs[band] / float64(len(s.names))
	}
	for i, e := range []float64{all, logs[most], logs[least]} {
		s.errors[i] = append(s.errors[i], e)
	}
	s.addColors(truth, together, apart)
}

// meanError returns the root of the mean square error of the posterior's mean, in units of the
// truth's root mean square: that of the mean of n candidates less what they scatter, their variance
// over n, but for a tenth at least.
func meanError(truth, candidates *galaxy.Images) float64 {
	n := float64(candidates.N)
	square, scatter, power := 0.0, 0.0, 0.0
	for p, y := range truth.Pixels {
		sum, squares := 0.0, 0.0
		for i := range candidates.N {
			v := float64(candidates.At(i)[p])
			sum, squares = sum+v, squares+v*v
		}
		mean := sum / n
		variance := (squares - n*mean*mean) / (n - 1)
		square += (mean - float64(y)) * (mean - float64(y))
		scatter += variance / n
		power += float64(y) * float64(y)
	}
	return math.Sqrt(max(square-scatter, square/10) / power)
}

// addColors measures neighboring bands, where all candidates can be.
func (s *bandScores) addColors(truth *galaxy.Images, together, apart posterior.Bands) {
	aperture := float64(s.Size) / 4
	var fluxes []float64
	drawn := make([][]float64, s.Candidates)
	for band := range s.names {
		flux, err := score.Measure(plane(truth, band), aperture)
		if err != nil || !(flux.Aperture > 0) {
			return
		}
		each, err := together.Posteriors[band].Photometry(aperture)
		if err != nil || len(each) != s.Candidates {
			return
		}
		fluxes = append(fluxes, math.Log(flux.Aperture))
		for k, m := range each {
			if !(m.Aperture > 0) {
				return
			}
			drawn[k] = append(drawn[k], math.Log(m.Aperture))
		}
	}
	var truths []float64
	var samples [2][][]float64
	width := 0.0
	for k := range samples {
		samples[k] = make([][]float64, s.Candidates)
	}
	for band := range s.names[1:] {
		truths = append(truths, fluxes[band]-fluxes[band+1])
		for k, b := range []posterior.Bands{together, apart} {
			ratios, failed, err := b.Ratios(s.names[band], s.names[band+1], aperture)
			if err != nil || failed > 0 {
				return
			}
			for i, r := range ratios {
				samples[k][i] = append(samples[k][i], math.Log(r))
			}
			i := posterior.NewInterval(ratios)
			sign := []float64{1, -1}[k]
			width += sign * math.Log((i.High-i.Low)/i.Median) / float64(len(s.names)-1)
		}
	}
	s.fluxes.truth = append(s.fluxes.truth, fluxes)
	s.fluxes.samples = append(s.fluxes.samples, drawn)
	for k := range s.colors {
		s.colors[k].truth = append(s.colors[k].truth, truths)
		s.colors[k].samples = append(s.colors[k].samples, samples[k])
	}
	s.widths = append(s.widths, width)
}

// card returns what was found.
func (s *bandScores) card(name string) (*BandCard, error) {
	card := &BandCard{Model: name, BandConfig: s.BandConfig, Drawn: s.drawn}
	var err error
	logs := append(s.errors[:], s.widths)
	for i, to := range []*score.Estimate{&card.Error, &card.Noisiest, &card.Deepest, &card.Width} {
		e, err := score.Mean(logs[i], s.Seed)
		if err != nil {
			return nil, err
		}
		e.Value, e.Low, e.High = math.Exp(e.Value), math.Exp(e.Low), math.Exp(e.High)
		*to = e
	}
	if card.Color, err = s.colors[0].coverage(s.Seed); err != nil {
		return nil, err
	}
	if card.ColorApart, err = s.colors[1].coverage(s.Seed); err != nil {
		return nil, err
	}
	card.Flux, err = s.fluxes.coverage(s.Seed)
	return card, err
}

// String returns the card as text.
func (c *BandCard) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %d of %d galaxies of %d pixels drawn in %d bands, %d candidates each\n",
		c.Model, c.Drawn, c.Galaxies, c.Size, c.Bands, c.Candidates)
	ratio := func(what string, e score.Estimate) {
		fmt.Fprintf(&text, "%-52s %.3f (%.3f to %.3f)\n", what, e.Value, e.Low, e.High)
	}
	ratio("error of the mean, together over apart", c.Error)
	ratio("  in the band with the most noise", c.Noisiest)
	ratio("  in the band with the least noise", c.Deepest)
	ratio("error bars of colors, together over apart", c.Width)
	coverage := func(what string, v calibration.Coverage) {
		fmt.Fprintf(&text, "%-52s %.1f points (± %.1f)\n", what, 100*v.Distance,
			100*v.HalfWidth)
	}
	coverage("colors together off by at most", c.Color)
	coverage("colors apart off by at most", c.ColorApart)
	coverage("fluxes together off by at most", c.Flux)
	return text.String()
}
