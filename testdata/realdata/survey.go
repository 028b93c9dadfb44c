package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
)

// A survey of pictures: half of the galaxies are stamps that a model is adapted to, without their
// pictures, and the other half are measured. The halves follow each other, since neighbors in a
// stack may be views of one galaxy.
const (
	sharpest, widest = 0.6, 2.0 // PSFs of stamps, σ in pixels
	wide             = 1.5      // from here on those of the half that is measured
)

// surveyNoises are of the peak, in turns.
var surveyNoises = []float64{0.003, 0.01}

// stamp sees a picture, number i of its stack, through a PSF of σ from least to widest.
func (l *lab) stamp(y picture, i int, least, sigma float64) (trial, error) {
	rng := rand.New(rand.NewPCG(uint64(l.seed), uint64(i)))
	p, err := gaussian(least + (widest-least)*rng.Float64())
	if err != nil {
		return trial{}, err
	}
	blurred := convolve(float64s(y.Pixels), y.Height, y.Width, p)
	return trial{truth: y.Images, grain: y.noise, psf: p, sigma: sigma,
		aperture: aperture(y.Images), seen: like(y.Images, add(blurred, sigma, rng))}, nil
}

// surveyStamps returns what is seen of the first half of a stack.
func surveyStamps(folder, stack string) func(*lab) ([]observe.Observation, error) {
	return func(l *lab) ([]observe.Observation, error) {
		all, err := l.stack(folder, stack)
		if err != nil {
			return nil, err
		}
		var out []observe.Observation
		for i, y := range all[:len(all)/2] {
			t, err := l.stamp(y, i, sharpest, surveyNoises[i%len(surveyNoises)])
			if err != nil {
				return nil, err
			}
			o, _ := l.observation(t, newSeeing(t.grain, y.Height, y.Width, t.psf, t.sigma))
			out = append(out, o)
		}
		return out, nil
	}
}

// otherHalf measures the second half of a stack.
func otherHalf(part, folder, stack string) func(*lab) error {
	return func(l *lab) error {
		all, err := l.stack(folder, stack)
		if err != nil {
			return err
		}
		for i := len(all) / 2; i < len(all); i++ {
			for _, sigma := range surveyNoises {
				t, err := l.stamp(all[i], i, wide, sigma)
				if err != nil {
					return err
				}
				err = l.do(part, fmt.Sprint(sigma), fmt.Sprint(i), func(r *record) error {
					return l.measure(r, t)
				})
				if err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// cosmosStamps returns the galaxies of COSMOS as they come, each with the PSF that was measured for
// it and the correlation of their noise.
func cosmosStamps(l *lab) ([]observe.Observation, error) {
	galaxies, err := l.cosmosGalaxies()
	if err != nil {
		return nil, err
	}
	var out []observe.Observation
	for _, g := range galaxies {
		file, err := psf.Read(fmt.Sprintf("%s[%d]", l.real("cosmos_psfs.fits"), g.index+1))
		if err != nil {
			return nil, err
		}
		p, err := file.PSFs[0].Recenter()
		if err != nil {
			return nil, err
		}
		correlation, err := g.noise.correlation()
		if err != nil {
			return nil, err
		}
		out = append(out, observe.Observation{Exposures: []observe.Exposure{{Image: g.Images,
			PSFs: []psf.PSF{p}, InvVar: even(g.noise.sigma, len(g.Pixels)), Noise: correlation}}})
	}
	return out, nil
}

// surveys are what a model can be adapted to.
var surveys = map[string]struct {
	stamps  func(*lab) ([]observe.Observation, error)
	measure func(*lab) error // nil where there is no truth
}{
	"illustris": {surveyStamps("galaxies", "illustris"),
		otherHalf("illustris survey", "galaxies", "illustris")},
	"goods": {surveyStamps("goods", "goods_full"),
		otherHalf("goods survey", "goods", "goods_full")},
	"cosmos": {cosmosStamps, nil},
}

// adapt adapts the model in a folder to a survey, and measures it before and after the last round.
func (l *lab) adapt(survey, from, out string, a galdecon.Adaptation) ([]table, error) {
	s, ok := surveys[survey]
	if !ok {
		return nil, fmt.Errorf("there is no survey %q; choose illustris, goods or cosmos", survey)
	}
	part := survey + " survey"
	if s.measure != nil {
		if err := s.measure(l); err != nil {
			return nil, err
		}
	}
	before := l.part(part)
	stamps, err := s.stamps(l)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	result, err := galdecon.Adapt(l.ctx, from, stamps, a, filepath.Join(out, part),
		func(p galdecon.AdaptProgress) {
			if p.Check != nil {
				fmt.Fprintf(os.Stderr, "%v, after %v\n", *p.Check,
					time.Since(start).Round(time.Second))
			}
		})
	if err != nil {
		return nil, err
	}
	fmt.Printf("%s: %d stamps, %v, at most %s of memory\n%v", survey, len(stamps),
		time.Since(start).Round(time.Second), peakMemory(), result)
	if s.measure == nil {
		return nil, nil
	}
	// The last round's, whether Adapt takes it for better or not.
	last := filepath.Join(out, part, fmt.Sprintf("round-%02d", len(result.Checks)-1), "model")
	if l.model, err = galdecon.Load(last); err != nil {
		return nil, err
	}
	if l.name, err = hash(last); err != nil {
		return nil, err
	}
	if err := s.measure(l); err != nil {
		return nil, err
	}
	return surveyTables(survey, before, l.part(part)), nil
}

// peakMemory returns the most memory that the program has held, as Linux says it.
func peakMemory() string {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "an unknown amount"
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// surveyTables compares a model before and after.
func surveyTables(survey string, before, after []record) []table {
	errors := table{Title: survey + " survey, the half that is not adapted to",
		Head: []string{"noise", "n", "off by, points", "error/spread", "detail",
			"mean's error, 10⁻⁴", "over before"},
		Notes: "In brackets the half width of the band of right coverage, or intervals of 95 % " +
			"by the\nbootstrap over galaxies. Detail as above.\n"}
	shapes := table{Title: survey + " survey, truth within intervals: off by, points",
		Head: append([]string{"noise"}, quantities...)}
	for _, which := range []struct {
		name    string
		records []record
	}{{"before", before}, {"after", after}} {
		names, by := settings(which.records)
		first := map[string]record{}
		for _, r := range before {
			first[r.Setting+"|"+r.Object] = r
		}
		for _, name := range names {
			rs := by[name]
			if len(rs) < 2 {
				continue
			}
			off, half := coverage(rs)
			sum := func(value string) func(record) float64 {
				return func(r record) float64 { return r.Values[value] }
			}
			was := func(r record) float64 {
				return first[r.Setting+"|"+r.Object].Values["error"]
			}
			errors.add(which.name+", "+name, count(len(rs)), off+" ("+half+")",
				interval(rs, 0.5, 1, sum("error"), sum("spread")),
				interval(rs, 1, 1, sum("detail"), sum("detail true")),
				interval(rs, 1, 1e4, sum("error"), func(record) float64 { return 1 }),
				interval(rs, 1, 1, sum("error"), was))
			row := []string{which.name + ", " + name}
			for _, quantity := range quantities {
				row = append(row, placed(rs, quantity))
			}
			shapes.add(row...)
		}
	}
	return []table{errors, shapes}
}

// interval returns the power of the ratio of two sums over galaxies, in a unit, with its interval.
func interval(records []record, power, unit float64, above, below func(record) float64) string {
	ratio := func(pick func(int) int) float64 {
		a, b := 0.0, 0.0
		for i := range records {
			r := records[pick(i)]
			a, b = a+above(r), b+below(r)
		}
		return unit * math.Pow(a/b, power)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const draws = 2000
	var all []float64
	for range draws {
		all = append(all, ratio(func(int) int { return rng.IntN(len(records)) }))
	}
	slices.Sort(all)
	at := func(q float64) float64 { return stat.Quantile(q, stat.LinInterp, all, nil) }
	return fmt.Sprintf("%.2f [%.2f, %.2f]", ratio(func(i int) int { return i }), at(0.025),
		at(0.975))
}

// placed returns by how many points intervals of a quantity are off, with the band's half width.
func placed(records []record, quantity string) string {
	var counted []record
	for _, r := range records {
		if place, ok := r.Values[quantity+" place"]; ok {
			n := len(r.Ranks) - 1
			ranks := make([]int, n+1)
			ranks[int(math.Round(place*float64(n)))] = 1
			counted = append(counted, record{Ranks: ranks})
		}
	}
	off, half := coverage(counted)
	return off + " (" + half + ")"
}
