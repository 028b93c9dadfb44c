// Package scorecard compares ways to deconvolve galaxies by all that is measured in [galdecon/galdecon/score]: the two figures of
// the paper's Table 1, the errors that an astronomer asks for, and calibration. Diffusion model, CVAE, Richardson-Lucy, Wiener's
// filter and doing nothing see the same observations of galaxies whose truth is known.
//
//	options := scorecard.Defaults()
//	diffusion, model, err := scorecard.Load("diffusion", "checkpoints/tiny")
//	config, err := options.Config(model)
//	config.Methods = append(diffusion, scorecard.Classical()...)
//	card, err := scorecard.Run(ctx, config, "scores/tiny", nil)
//	fmt.Print(card)
package scorecard

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

// Setting is one way in which the galaxies are seen.
type Setting struct {
	// Sigma is that of the round Gaussian PSF, in pixels; 0 where PSFs are measured.
	Sigma float64 `json:"sigma,omitzero"`
	// Measured PSFs, those of [Config], take the place of the Gaussian; the zero value for none.
	Measured PSFSet `json:"measured,omitzero"`
	// Noise is the standard deviation of white noise, in units of the peak of the galaxies; it may be 0. Methods are told it.
	Noise float64 `json:"noise"`
	// Wrong is how wrong the PSF is that the methods are told: its σ is Sigma·(1+Wrong), a measured one is stretched by 1+Wrong.
	Wrong float64 `json:"wrong"`
}

func (s Setting) String() string {
	text, width := fmt.Sprintf("PSF of σ = %g pixels", s.Sigma), "σ"
	if s.Measured != (PSFSet{}) {
		text, width = "measured PSFs of "+s.Measured.Name, "width"
	}
	text += fmt.Sprintf(", noise %g", s.Noise)
	if s.Wrong != 0 {
		text += fmt.Sprintf(", methods are told a %s wrong by %+.3g %%", width, 100*s.Wrong)
	}
	return text
}

// Features are vectors that the variance of Eq. 3 is measured on; [galdecon/galdecon/score/inception.Network] makes the paper's.
type Features interface {
	// Features yields a vector for each image, in their order. An error is the last that it yields.
	Features(ctx context.Context, images *galaxy.Images) iter.Seq2[[]float64, error]
	// String says which features they are, and with whose they can be compared.
	String() string
}

// Config is what is compared.
type Config struct {
	// Galaxies are the truth y, [n, height, width, channels], n ≥ 2, with peaks of 1. Calibration holds for galaxies of the kind that
	// models were trained on; models must not have seen them.
	Galaxies *galaxy.Images
	// Source says in a few words where they come from; the card shows it.
	Source string
	// Prior are galaxies that models were trained on, or others of their kind, at least 2: the posterior's variance is
	// compared with theirs.
	Prior *galaxy.Images
	// PSFSize is that of the PSF grid in pixels.
	PSFSize int
	// PSFs are measured ones, on grids of any size, for settings with [PSFSet] ones: each galaxy has one, in turn.
	PSFs []psf.PSF
	// Settings are how the galaxies are seen, Methods what deconvolves them.
	Settings []Setting
	Methods  []Method
	// Candidates, at least 2, are drawn for each observation by the methods that draw any.
	Candidates int
	// Epsilon is the slack ε > 0 of Eq. 3 below which candidates are retained, score.Epsilon for the paper's.
	Epsilon float64
	// Released shows the two figures of Table 1 as the paper's released program computes them as well, see [Released].
	Released bool
	// Features are those of Eq. 3, of pixels cut off below 0 and above 1; without, its variance isn't measured.
	Features Features
	// Seed is that of the noise, the candidates and the bootstraps.
	Seed int64
}

// minSize is what SSIM needs.
const minSize = 11

// Validate reports what can't be compared.
func (c Config) Validate() error {
	for _, images := range []struct {
		name string
		*galaxy.Images
	}{{"galaxies", c.Galaxies}, {"galaxies of the prior", c.Prior}} {
		if images.Images == nil {
			return fmt.Errorf("scorecard: there are no %s", images.name)
		}
		if err := images.Validate(); err != nil {
			return fmt.Errorf("scorecard: the %s: %w", images.name, err)
		}
		if images.N < 2 {
			return fmt.Errorf("scorecard: how sure a figure is shows in the scatter between galaxies: give at least 2 %s, got %d", images.name, images.N)
		}
	}
	g, p := c.Galaxies, c.Prior
	switch {
	case p.Height != g.Height || p.Width != g.Width || p.Channels != g.Channels:
		return fmt.Errorf("scorecard: the galaxies have %d×%d pixels with %d channel(s), those of the prior %d×%d with %d; give both alike",
			g.Height, g.Width, g.Channels, p.Height, p.Width, p.Channels)
	case min(g.Height, g.Width) < minSize:
		return fmt.Errorf("scorecard: SSIM needs galaxies of at least %d×%[1]d pixels, got %d×%d", minSize, g.Height, g.Width)
	case c.Candidates < 2:
		return fmt.Errorf("scorecard: a variance needs at least 2 candidates of each observation, got %d", c.Candidates)
	case !(c.Epsilon > 0) || math.IsInf(c.Epsilon, 1):
		return fmt.Errorf("scorecard: the slack ε must be positive and finite, got %g", c.Epsilon)
	case len(c.Settings) == 0 || len(c.Methods) == 0:
		return errors.New("scorecard: give at least one setting and one method")
	}
	settings, methods := map[Setting]bool{}, map[string]bool{}
	for _, s := range c.Settings {
		if _, _, err := c.psfs(s, c.firstOfEach()...); err != nil {
			return err
		}
		if settings[s] {
			return fmt.Errorf("scorecard: the setting %q is given twice", s)
		}
		settings[s] = true
	}
	for _, m := range c.Methods {
		if m.Name == "" || m.Deconvolve == nil {
			return errors.New("scorecard: a method needs a name and a function that deconvolves")
		}
		if methods[m.Name] {
			return fmt.Errorf("scorecard: two methods are called %q; give each a name of its own", m.Name)
		}
		methods[m.Name] = true
	}
	return nil
}

// Progress says how far a run is, in observations by methods; those that were there before count.
type Progress struct {
	Setting     Setting
	Method      string
	Done, Total int
	// Drawn is the share of its candidates that the next observation has already, below 1.
	Drawn float64
}

// Share is the part of the whole that is done, up to 1.
func (p Progress) Share() float64 { return (float64(p.Done) + p.Drawn) / float64(p.Total) }

func (p Progress) String() string {
	done := strconv.Itoa(p.Done)
	if p.Drawn > 0 {
		done = strconv.FormatFloat(float64(p.Done)+p.Drawn, 'f', 1, 64)
	}
	return fmt.Sprintf("%s of %d: %s, %s", done, p.Total, p.Method, p.Setting)
}

// atOnce is about how many candidates are drawn in one call of a method: enough to keep a device busy, and what must be drawn again
// after an interrupt. A candidate's random numbers depend on its place among them.
const atOnce = 64

// Run measures all methods in all settings, and keeps the result of every observation in the folder dir (results.jsonl): a run that
// was interrupted goes on there, and a finished one isn't computed again. More methods and settings can be added later; with
// other galaxies, candidates, features, ε or seed, or with another model of the same name, it is an error. When ctx ends, what is measured
// is kept, and an error returned. report, which may be nil, is called after every few candidates.
func Run(ctx context.Context, c Config, dir string, report func(Progress)) (Card, error) {
	if err := c.Validate(); err != nil {
		return Card{}, err
	}
	prior, err := score.NewPrior(c.Prior)
	if err != nil {
		return Card{}, err
	}
	run := comparison{c, prior}
	store, err := open(dir, c.header(), c.Methods)
	if err != nil {
		return Card{}, err
	}
	defer store.close()

	if report == nil {
		report = func(Progress) {}
	}
	progress := Progress{Total: c.Galaxies.N * len(c.Settings) * len(c.Methods)}
	missing := func(s Setting, m Method, block []int) (galaxies []int) {
		for _, i := range block {
			if store.get(m.Name, s, i) == nil {
				galaxies = append(galaxies, i)
			}
		}
		return galaxies
	}
	for _, s := range c.Settings {
		for _, block := range c.blocks() {
			for _, m := range c.Methods {
				progress.Done += len(block) - len(missing(s, m, block))
			}
		}
	}
	for _, s := range c.Settings {
		for k, block := range c.blocks() {
			for _, m := range c.Methods {
				progress.Setting, progress.Method = s, m.Name
				if left := missing(s, m, block); len(left) > 0 {
					before := progress.Done
					results, err := run.measure(ctx, s, m, k, left, func(done int, drawn float64) {
						progress.Done, progress.Drawn = before+done, drawn
						report(progress)
					})
					// What is measured is kept, whatever came after it.
					progress.Done, progress.Drawn = before+len(results), 0
					if err := errors.Join(err, store.add(results)); err != nil {
						if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
							return Card{}, fmt.Errorf("scorecard: interrupted with %d of %d results kept in %s; run it again to go on: %w",
								progress.Done, progress.Total, dir, err)
						}
						return Card{}, fmt.Errorf("%w (%d of %d results are kept in %s, also for a run without this setting)", err, progress.Done, progress.Total, dir)
					}
				}
				report(progress)
			}
		}
	}
	return c.card(store)
}

// comparison is a run of a configuration, with what is measured of the prior.
type comparison struct {
	Config
	prior *score.Prior
}

// blocks divides the galaxies evenly into groups that are deconvolved at once.
func (c Config) blocks() [][]int {
	n := c.Galaxies.N
	count := min((n*c.Candidates+atOnce-1)/atOnce, n)
	size := (n + count - 1) / count
	var blocks [][]int
	for from := 0; from < n; from += size {
		var block []int
		for i := from; i < min(from+size, n); i++ {
			block = append(block, i)
		}
		blocks = append(blocks, block)
	}
	return blocks
}

// measure deconvolves the galaxies of a block, and measures those that are wanted, which are some of them, in their order. report is told how many are
// done, and which share of the next one's candidates is drawn. With an error there are the results of those that were done before.
func (c comparison) measure(ctx context.Context, s Setting, m Method, number int, wanted []int, report func(done int, drawn float64)) (results []Result, err error) {
	seed := rand.New(rand.NewPCG(uint64(c.Seed), uint64(number))).Int64()
	// All blocks are filled up to the size of the first, with repetitions, so that one executable serves all.
	blocks := c.blocks()
	galaxies := make([]int, len(blocks[0]))
	for k := range galaxies {
		galaxies[k] = blocks[number][k%len(blocks[number])]
	}
	actual, told, err := c.psfs(s, galaxies...)
	if err != nil {
		return nil, err
	}
	observations, err := galdecon.Observe(c.Galaxies.Select(galaxies...), actual, s.Noise, seed)
	if err != nil {
		return nil, err
	}
	if observations, err = observations.WithPSFs(told); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}

	var elapsed time.Duration
	drawn := 0
	defer func() {
		// All have the mean of the block: candidates that are drawn together come at once.
		for k := range results {
			results[k].Seconds = elapsed.Seconds() / float64(drawn)
		}
	}()
	var candidates *galaxy.Images // of the observation whose turn it is
	next := 0
	start := time.Now()
	for part, err := range m.Deconvolve(ctx, observations, c.Candidates, seed) {
		elapsed += time.Since(start)
		if err != nil {
			return results, fmt.Errorf("scorecard: %s (%s): %w", m.Name, s, err)
		}
		if part.Samples == nil {
			return results, fmt.Errorf("scorecard: %s (%s): there are no candidates", m.Name, s)
		}
		if candidates == nil {
			candidates = galaxy.NewImages(0, part.Samples.Height, part.Samples.Width, part.Samples.Channels)
		}
		if part.Index != next || part.First != candidates.N {
			return results, fmt.Errorf("scorecard: %s (%s): candidate %d of observation %d comes after %d of observation %d", m.Name, s, part.First, part.Index, candidates.N, next)
		}
		candidates.N, candidates.Pixels = candidates.N+part.Samples.N, append(candidates.Pixels, part.Samples.Pixels...)
		drawn += part.Samples.N
		i := galaxies[next]
		isWanted := i == wanted[len(results)]
		if candidates.N < part.N {
			if isWanted {
				report(len(results), float64(candidates.N)/float64(part.N))
			}
			start = time.Now()
			continue
		}
		if isWanted {
			r := Result{Method: m.Name, Identity: m.Identity, Setting: s, Galaxy: i, ID: c.Galaxies.ID(i)}
			if err := c.evaluate(ctx, &r, observations.Images().Select(next), told[next%len(told)], candidates); err != nil {
				return results, fmt.Errorf("scorecard: %s, %s (%s): %w", m.Name, r.ID, s, err)
			}
			results = append(results, r)
			if len(results) == len(wanted) {
				return results, nil
			}
			report(len(results), 0)
		}
		candidates, next = nil, next+1
		start = time.Now()
	}
	return results, fmt.Errorf("scorecard: %s returns candidates for %d of %d observations", m.Name, next, len(galaxies))
}

// header is what all results in a folder have in common.
func (c Config) header() header {
	features := ""
	if c.Features != nil {
		features = c.Features.String()
	}
	return header{Format: formatName, Galaxies: hash(c.Galaxies), Prior: hash(c.Prior), PSFSize: c.PSFSize,
		Candidates: c.Candidates, Epsilon: c.Epsilon, Features: features, Seed: c.Seed}
}

// hash tells images from others: the SHA-256 of their shape and pixels.
func hash(images *galaxy.Images) string {
	h := sha256.New()
	binary.Write(h, binary.LittleEndian, []int64{int64(images.N), int64(images.Height), int64(images.Width), int64(images.Channels)})
	binary.Write(h, binary.LittleEndian, images.Pixels)
	return hex.EncodeToString(h.Sum(nil))
}
