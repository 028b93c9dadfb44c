package scorecard

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
)

// Progress says how far a run is, in observations by methods; those that were there before count.
type Progress struct {
	// Setting and Method are those at work; a survey has no setting.
	Setting Setting
	Method  string
	// Done is the number of observations that are measured, by any method, of Total.
	Done, Total int
	// Drawn is how many of the next observations have their candidates already, below 1 but for a
	// survey.
	Drawn float64
}

// Share returns the part of the whole that is done, up to 1.
func (p Progress) Share() float64 { return (float64(p.Done) + p.Drawn) / float64(p.Total) }

func (p Progress) String() string {
	done, what := strconv.Itoa(p.Done), p.Method
	if p.Setting != (Setting{}) {
		what += ", " + p.Setting.String()
	}
	if p.Drawn > 0 {
		done = strconv.FormatFloat(float64(p.Done)+p.Drawn, 'f', 1, 64)
	}
	return fmt.Sprintf("%s of %d: %s", done, p.Total, what)
}

// atOnce is about how many candidates are drawn in one call of a method: enough to keep a device
// busy, and what must be drawn again after an interrupt. A candidate's random numbers depend on its
// place among them.
const atOnce = 64

// Run measures all methods in all settings, and keeps the result of every observation in the folder
// dir (results.jsonl): a run that was interrupted goes on there, and a finished one isn't computed
// again. More methods and settings can be added later; with other galaxies, candidates, features, ε
// or seed, or with another model of the same name, it is an error. An observation that a method
// refuses ([galdecon.Refusal]) is counted, and the others are measured. When ctx ends, what is
// measured is kept, and an error returned. report, which may be nil, is called after every few
// candidates.
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
							return Card{}, fmt.Errorf("scorecard: interrupted with %d of %d "+
								"results kept in %s; run it again to go on: %w",
								progress.Done, progress.Total, dir, err)
						}
						return Card{}, fmt.Errorf("%w (%d of %d results are kept in %s, also for "+
							"a run without this setting)", err, progress.Done, progress.Total, dir)
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

// measure deconvolves the galaxies of a block, and measures those that are wanted, which are some
// of them, in their order. report is told how many are done, and which share of the next one's
// candidates is drawn. With an error there are the results of those that were done before.
func (c comparison) measure(
	ctx context.Context, s Setting, m Method, number int, wanted []int,
	report func(done int, drawn float64),
) (results []Result, err error) {
	seed := rand.New(rand.NewPCG(uint64(c.Seed), uint64(number))).Int64()
	// All blocks are filled up to the size of the first, with repetitions, so that one executable
	// serves all.
	blocks := c.blocks()
	galaxies := make([]int, len(blocks[0]))
	for k := range galaxies {
		galaxies[k] = blocks[number][k%len(blocks[number])]
	}
	actual, assumed, err := c.psfs(s, galaxies...)
	if err != nil {
		return nil, err
	}
	observations, err := galdecon.Observe(c.Galaxies.Select(galaxies...), actual, s.Noise, seed)
	if err != nil {
		return nil, err
	}
	if observations, err = observations.WithPSFs(assumed); err != nil {
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
			if results[k].Refused == "" {
				results[k].Seconds = elapsed.Seconds() / float64(drawn)
			}
		}
	}()
	var candidates *galaxy.Images // of the observation whose turn it is
	next := 0
	start := time.Now()
	for part, err := range m.Deconvolve(ctx, observations, c.Candidates, seed) {
		elapsed += time.Since(start)
		isWanted := next < len(galaxies) && galaxies[next] == wanted[len(results)]
		var refusal *posterior.Refusal
		if errors.As(err, &refusal) && refusal.Index == next && next < len(galaxies) {
			if isWanted {
				i := galaxies[next]
				results = append(results, Result{
					Method: m.Name, Identity: m.Identity, Setting: s, Galaxy: i,
					ID:      c.Galaxies.ID(i),
					Refused: refusal.What,
				})
				if len(results) == len(wanted) {
					return results, nil
				}
				report(len(results), 0)
			}
			candidates, next = nil, next+1
			start = time.Now()
			continue
		}
		if err != nil {
			return results, fmt.Errorf("scorecard: %s (%s): %w", m.Name, s, err)
		}
		if part.Samples == nil {
			return results, fmt.Errorf("scorecard: %s (%s): there are no candidates", m.Name, s)
		}
		if candidates == nil {
			candidates = galaxy.NewImages(0, part.Samples.Height, part.Samples.Width,
				part.Samples.Channels)
		}
		if part.Index != next || part.First != candidates.N {
			return results, fmt.Errorf("scorecard: %s (%s): candidate %d of observation %d comes "+
				"after %d of observation %d", m.Name, s, part.First, part.Index, candidates.N, next)
		}
		candidates.N, candidates.Pixels = candidates.N+part.Samples.N,
			append(candidates.Pixels, part.Samples.Pixels...)
		drawn += part.Samples.N
		if candidates.N < part.N {
			if isWanted {
				report(len(results), float64(candidates.N)/float64(part.N))
			}
			start = time.Now()
			continue
		}
		if isWanted {
			i := galaxies[next]
			r := Result{Method: m.Name, Identity: m.Identity, Setting: s, Galaxy: i,
				ID: c.Galaxies.ID(i)}
			if err := c.evaluate(ctx, &r, observations.Images().Select(next),
				assumed[next%len(assumed)], candidates); err != nil {
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
	return results, fmt.Errorf("scorecard: %s returns candidates for %d of %d observations", m.Name,
		next, len(galaxies))
}

// header returns what all results in a folder have in common.
func (c Config) header() header {
	features := ""
	if c.Features != nil {
		features = c.Features.String()
	}
	return header{Format: formatName, Galaxies: hash(c.Galaxies), Prior: hash(c.Prior),
		PSFSize:    c.PSFSize,
		Candidates: c.Candidates, Epsilon: c.Epsilon, Features: features, Seed: c.Seed}
}

// hash tells images from others: the SHA-256 of their shape and pixels.
func hash(images *galaxy.Images) string {
	h := sha256.New()
	binary.Write(h, binary.LittleEndian, []int64{int64(images.N), int64(images.Height),
		int64(images.Width), int64(images.Channels)})
	binary.Write(h, binary.LittleEndian, images.Pixels)
	return hex.EncodeToString(h.Sum(nil))
}
