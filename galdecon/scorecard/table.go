package scorecard

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"galdecon/galdecon/score"
)

// unit is that of squared pixels in the text, the paper's ε.
const unit = score.Epsilon

// brightEdge is more than the edges of galaxies have that models are trained on: most have less
// than 0.01 of the peak.
const brightEdge = 0.02

// published figures, for which others measured other images otherwise.
const published = `Published, of other images:
  Xue et al. 2023, Table 1 (128×128 pixels in color, official Inception features): diffusion
  retains 100 % with a variance of 15.86, in 10 s a candidate on an A100; the CVAE 53.9 % with
  15.13, in 0.01 s.
  Galaxy-Deconv, 500 galaxies, mean |Δg| at a signal-to-noise ratio of 20 / 200: unrolled ADMM
  0.138 / 0.035, Richardson-Lucy (10 iterations) 0.320 / 0.056, blurred 0.170 / 0.084. Its
  estimator is another (FPFS, with its response), so that only an order can be compared.
  Flux and half-light radius of deconvolved galaxies: comparable figures that are published
  aren't known to us.
  Calibration of deconvolved galaxies: none is published.
`

// String returns the card as three tables of at most 160 columns, with remarks.
func (c Card) String() string {
	var text strings.Builder
	from := ""
	if c.Source != "" {
		from = " (" + c.Source + ")"
	}
	fmt.Fprintf(&text, "%d galaxies%s, %d candidates of each observation, seed %d; in brackets: "+
		"95 %% confidence\n", c.Galaxies, from, c.Candidates, c.Seed)
	if c.Edge > brightEdge {
		fmt.Fprintf(&text, "Warning: half of the stamps have edges above %.2g of the peak. "+
			"Models are trained on dark skies: if that is sky, subtract it.\n", c.Edge)
	}

	text.WriteString("\nCandidates\n")
	c.table(&text, "retained, %\tvariance\tdropped\tχ²\tpixel variance\tover prior\thigh "+
		"frequencies\tseconds", func(r Row) []string {
		return []string{interval(r.Retained, 100, 1), significant(r.FeatureVariance),
			dropped(r.FeatureVariance), interval(r.ChiSquared, 1, 2),
			short(r.PixelVariance, 1/unit),
			short(r.VarianceRatio, 1), interval(r.HighFrequency, 1, 2), seconds(r)}
	})
	fmt.Fprintf(&text, "retained: MSE of Π*y to x below ε = %g", c.Epsilon)
	if c.noiseAboveEpsilon() {
		text.WriteString("; with noise of that variance or more not even the truth is, and χ² " +
			"tells instead")
	}
	text.WriteString("\nvariance: Eq. 4, of observations with 2 retained candidates or more; " +
		"dropped: the others\n")
	if c.Features != "" {
		fmt.Fprintf(&text, "features: %s\n", c.Features)
	}
	text.WriteString("χ²: MSE of Π*y to x over the noise's variance, 1 for the truth; pixel " +
		"variance in 1e-4, and over that of the prior; high frequencies: power\n" +
		"of candidates over the truth's, from 0.25 cycles a pixel; seconds a candidate, with the " +
		"compiler's where all were drawn at once\n")

	if slices.ContainsFunc(c.Rows, func(r Row) bool { return r.Released != nil }) {
		text.WriteString("\nTable 1 here, and as the paper's released program computes it\n")
		c.table(&text, "retained here, %\treleased, %\tvariance here\treleased\tdropped "+
			"here\treleased", func(r Row) []string {
			if r.Released == nil {
				return nil
			}
			return []string{interval(r.Retained, 100, 1), interval(r.Released.Retained, 100, 1),
				significant(r.FeatureVariance), significant(r.Released.FeatureVariance),
				dropped(r.FeatureVariance), dropped(r.Released.FeatureVariance)}
		})
		fmt.Fprintf(&text, "released: ε = %g whatever the noise, and candidates whose error is "+
			"above 2 pass for retained, and for varied\n", score.Epsilon)
	}

	text.WriteString("\nBest estimate: the mean of the candidates against the truth\n")
	head := "MSE, 1e-4\tPSNR, dB\tSSIM\tflux, %\thalf-light, %\t|Δg|\tfailed"
	refused := slices.ContainsFunc(c.Rows, func(r Row) bool { return r.Refused > 0 })
	if refused {
		head += "\trefused"
	}
	c.table(&text, head, func(r Row) []string {
		failed := c.Galaxies - r.Refused
		if r.Flux != nil {
			failed = r.Flux.Dropped
		}
		cells := []string{interval(r.MSE, 1/unit, 2), interval(r.PSNR, 1, 1),
			interval(r.SSIM, 1, 3), interval(r.Flux, 100, 1), interval(r.HalfLight, 100, 1),
			interval(r.Ellipticity, 1, 3),
			strconv.Itoa(failed)}
		if refused {
			cells = append(cells, strconv.Itoa(r.Refused))
		}
		return cells
	})
	text.WriteString("flux, half-light radius: mean relative errors without sign, |Δg|: of " +
		"adaptive moments; failed: galaxies that can't be measured\n")
	if refused {
		text.WriteString("refused: observations that the method doesn't take; its figures in all " +
			"tables are of the others\n")
		told := map[string]bool{}
		for _, r := range c.Rows {
			if r.Refused > 0 && !told[r.Method] {
				told[r.Method] = true
				fmt.Fprintf(&text, "  %s, for example: %s\n", r.Method, r.Refusal)
			}
		}
	}

	if names := c.calibrated(); len(names) > 0 {
		text.WriteString("\nCalibration: the largest distance of coverage from credibility, in % " +
			"± the half width of its band\n")
		c.table(&text, "error / spread\t"+strings.Join(names, "\t")+"\tleft out",
			func(r Row) []string {
				if len(r.Calibration) == 0 {
					return nil
				}
				cells, failed := []string{interval(r.Calibration[0].ErrorOverSpread, 1, 2)}, 0
				for _, of := range r.Calibration {
					if of.Coverage == nil {
						cells = append(cells, "—")
					} else {
						cells = append(cells, fmt.Sprintf("%.1f ± %.1f", 100*of.Coverage.Distance,
							100*of.Coverage.HalfWidth))
					}
					failed = max(failed, of.Failed)
				}
				return append(cells, strconv.Itoa(failed))
			})
		text.WriteString("error / spread: of pixels, 1 if calibrated, above if over-confident; " +
			"TARP: flux, radius and ellipticity together; left out: galaxies that\n" +
			"can't be measured in all candidates\n")
	}
	text.WriteString("\n" + published)
	return text.String()
}

// table writes the rows for which there are cells, after the name of the method, with a line before
// each setting.
func (c Card) table(text *strings.Builder, head string, cells func(r Row) []string) {
	var aligned strings.Builder
	t := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "method\t%s\t\n", head)
	var settings []Setting
	for _, r := range c.Rows {
		if values := cells(r); values != nil {
			settings = append(settings, r.Setting)
			fmt.Fprintf(t, "%s\t%s\t\n", r.Method, strings.Join(values, "\t"))
		}
	}
	t.Flush()
	// A line of its own would keep the writer from aligning those before and after it.
	line := 0
	for row := range strings.Lines(aligned.String()) {
		if k := line - 1; k >= 0 && (k == 0 || settings[k] != settings[k-1]) {
			fmt.Fprintln(text, settings[k])
		}
		text.WriteString(strings.TrimRight(row, " \n") + "\n")
		line++
	}
}

// calibrated returns the quantities whose calibration is known.
func (c Card) calibrated() (names []string) {
	for _, r := range c.Rows {
		if len(r.Calibration) > 0 {
			for _, of := range r.Calibration {
				names = append(names, of.Quantity)
			}
			return names
		}
	}
	return nil
}

// noiseAboveEpsilon tells whether there is noise in which not even the truth is retained.
func (c Card) noiseAboveEpsilon() bool {
	for _, r := range c.Rows {
		if r.Retained == nil && r.Refused < c.Galaxies {
			return true
		}
	}
	return false
}

// seconds returns how long a candidate takes.
func seconds(r Row) string {
	if r.Seconds == 0 {
		return "—"
	}
	return fmt.Sprintf("%.2g", r.Seconds)
}

// interval returns the estimate with its interval, in units of 1/scale.
func interval(n *score.Estimate, scale float64, digits int) string {
	if n == nil {
		return "—"
	}
	return fmt.Sprintf("%.*f [%.*f, %.*f]", digits, n.Value*scale, digits, n.Low*scale, digits,
		n.High*scale)
}

// significant returns the estimate with its interval, to three significant digits.
func significant(n *score.Estimate) string {
	if n == nil {
		return "—"
	}
	return fmt.Sprintf("%.3g [%.3g, %.3g]", n.Value, n.Low, n.High)
}

// dropped returns how many observations aren't in the estimate.
func dropped(n *score.Estimate) string {
	if n == nil {
		return "—"
	}
	return strconv.Itoa(n.Dropped)
}

// short returns the estimate without its interval.
func short(n *score.Estimate, scale float64) string {
	if n == nil {
		return "—"
	}
	return fmt.Sprintf("%.3g", n.Value*scale)
}

// numbers are the columns of the CSV with intervals.
var numbers = []struct {
	name string
	of   func(r Row) *score.Estimate
}{
	{"retained", func(r Row) *score.Estimate { return r.Retained }},
	{"feature_variance", func(r Row) *score.Estimate { return r.FeatureVariance }},
	{"released_retained", func(r Row) *score.Estimate {
		if r.Released == nil {
			return nil
		}
		return r.Released.Retained
	}},
	{"released_feature_variance", func(r Row) *score.Estimate {
		if r.Released == nil {
			return nil
		}
		return r.Released.FeatureVariance
	}},
	{"reconvolution", func(r Row) *score.Estimate { return r.Reconvolution }},
	{"chi_squared", func(r Row) *score.Estimate { return r.ChiSquared }},
	{"pixel_variance", func(r Row) *score.Estimate { return r.PixelVariance }},
	{"over_prior", func(r Row) *score.Estimate { return r.VarianceRatio }},
	{"high_frequency", func(r Row) *score.Estimate { return r.HighFrequency }},
	{"mse", func(r Row) *score.Estimate { return r.MSE }},
	{"psnr", func(r Row) *score.Estimate { return r.PSNR }},
	{"ssim", func(r Row) *score.Estimate { return r.SSIM }},
	{"flux", func(r Row) *score.Estimate { return r.Flux }},
	{"half_light", func(r Row) *score.Estimate { return r.HalfLight }},
	{"ellipticity", func(r Row) *score.Estimate { return r.Ellipticity }},
}

// WriteCSV writes a line for each row, after one with the names of the columns, and then one for
// each of Differences, whose method is "first − second". Numbers have their full precision; four
// columns belong to each: its value, the ends of its interval, and how many observations were
// dropped. What doesn't exist is empty.
func (c Card) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	names := []string{"method", "sigma", "psfs", "noise", "wrong", "galaxies", "source",
		"candidates", "refused", "epsilon", "features", "seed", "seconds"}
	for _, column := range numbers {
		names = append(names, estimateNames(column.name)...)
	}
	calibrated := c.calibrated()
	for _, quantity := range calibrated {
		names = append(names, calibrationNames(quantity)...)
	}
	out.Write(names)
	rows := slices.Clone(c.Rows)
	for _, d := range c.Differences {
		rows = append(rows, Row{Method: d.Diffusion + " − " + d.CVAE, Setting: d.Setting,
			Candidates: c.Candidates, Refused: d.Refused, Retained: d.Retained,
			FeatureVariance: d.Variance})
	}
	for _, r := range rows {
		sigma, seconds := full(r.Setting.Sigma), full(r.Seconds)
		if r.Setting.Sigma == 0 {
			sigma = ""
		}
		if r.Seconds == 0 {
			seconds = ""
		}
		line := []string{r.Method, sigma, r.Setting.PSFs.Name, full(r.Setting.Noise),
			full(r.Setting.WidthError), strconv.Itoa(c.Galaxies), c.Source,
			strconv.Itoa(r.Candidates), strconv.Itoa(r.Refused),
			full(c.Epsilon), c.Features, strconv.FormatInt(c.Seed, 10), seconds}
		for _, column := range numbers {
			line = append(line, estimateCells(column.of(r))...)
		}
		for k := range calibrated {
			var of *Calibration
			if k < len(r.Calibration) {
				of = &r.Calibration[k]
			}
			line = append(line, of.cells()...)
		}
		out.Write(line)
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("scorecard: cannot write the table: %w", err)
	}
	return nil
}
