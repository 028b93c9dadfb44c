package scorecard

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/recalibration"
)

// Strata is the test of a model over all that a survey may see: galaxies whose truth is known, of
// each one exposure with a PSF, weights, gaps and noise of its own, in strata of these. [LoadStrata]
// makes it, and [Strata.Run] runs it.
type Strata struct {
	// Name stands in the tables, Identity tells the model's weights and sampler from others'.
	Name, Identity string
	// Survey is what draws the exposures.
	Survey observe.Survey
	// Galaxies returns those of the numbers from first on, without noise, [n, height, width, 1].
	// The model must not have seen them.
	Galaxies func(first, n int) (*galaxy.Images, error)
	// Sample yields n candidates y of each observation in the way of
	// [galdecon.Model.StreamLooks], of which Samples, Reblurred, Index, First and N count. Equal
	// seeds give equal candidates.
	Sample func(ctx context.Context, observations []observe.Observation, n int,
		seed int64) iter.Seq2[galdecon.Part, error]
	// Recalibration, where it isn't nil, is compared with candidates as they are; Unused says why
	// that of the model isn't used. Results that are kept don't depend on it.
	Recalibration *recalibration.Recalibration
	Unused        string
	// Prior is the root mean square of the galaxies, which Wiener's filter is told.
	Prior float64
	// N is the number of galaxies, Candidates, at least 2, that of candidates for each.
	N, Candidates int
	// Seed is that of the exposures, the candidates and the bootstraps.
	Seed int64
}

// LoadStrata loads the model in a folder, which must have a Survey, with its own sampler or a named
// one, see [Sampler]. Galaxies are those of [galdecon.Config.SyntheticGalaxies] that nothing is
// trained on, and exposures those of the model's survey, but for coarser stamps, which have no data
// on most pixels without having gaps. N, Candidates and Seed are those of [Defaults].
func LoadStrata(name, dir, sampler string) (Strata, error) {
	m, err := galdecon.Load(dir)
	if err != nil {
		return Strata{}, err
	}
	c := m.Config
	if c.Survey == nil {
		return Strata{}, fmt.Errorf("scorecard: the model %s isn't trained on a survey; take one "+
			"with a Survey, such as galaxy, or compare it in the other way", name)
	}
	if sampler == "" {
		sampler = defaultSampler
	}
	own, err := Sampler(sampler, c)
	if err != nil {
		return Strata{}, err
	}
	if m, err = m.WithSampler(own); err != nil {
		return Strata{}, fmt.Errorf("scorecard: the sampler %q: %w", sampler, err)
	}
	if sampler != defaultSampler {
		name += ", " + sampler
	}
	weights, err := hashModel(dir)
	if err != nil {
		return Strata{}, err
	}
	prior, err := synthetic.Galaxies(c.SyntheticGalaxies(priorGalaxies, trainingSeed))
	if err != nil {
		return Strata{}, err
	}
	d := Defaults()
	s := Strata{Name: name, Identity: model(name, m, weights).Identity, Survey: *c.Survey,
		Sample: m.StreamLooks, Prior: math.Sqrt(meanSquare(prior.Pixels)),
		N: d.N, Candidates: d.Candidates, Seed: d.Seed}
	if s.Recalibration, err = m.Recalibration(); err != nil {
		s.Unused = err.Error()
	}
	s.Survey.Coarse = 0
	s.Galaxies = func(first, n int) (*galaxy.Images, error) {
		held := c.SyntheticGalaxies(n, heldOut)
		held.First = first
		return synthetic.Galaxies(held)
	}
	return s, nil
}

// Validate returns an error if the test is impossible.
func (s Strata) Validate() error {
	switch {
	case s.Name == "" || s.Galaxies == nil || s.Sample == nil:
		return errors.New("scorecard: a test in strata needs a name, galaxies and what samples; " +
			"see LoadStrata")
	case s.N < 2:
		return fmt.Errorf("scorecard: how sure a figure is shows in the scatter between galaxies: "+
			"give at least 2 galaxies, got %d", s.N)
	case s.Candidates < 2:
		return fmt.Errorf("scorecard: a variance needs at least 2 candidates of each observation, "+
			"got %d", s.Candidates)
	case !(s.Prior > 0) || math.IsInf(s.Prior, 1):
		return fmt.Errorf("scorecard: the root mean square of the galaxies must be positive and "+
			"finite, got %g", s.Prior)
	}
	return s.Survey.Validate()
}

const (
	strataFormat = "galdecon strata 1"
	// segment is how many galaxies are exposed together, which bounds memory.
	segment = 256
)

// strataHeader is what all results in a folder have in common.
type strataHeader struct {
	Format string `json:"format"`
	Model  string `json:"model"`
	// Galaxies tells them from others by the first.
	Galaxies   string         `json:"galaxies_sha256"`
	Survey     observe.Survey `json:"survey"`
	Prior      float64        `json:"prior"`
	Candidates int            `json:"candidates"`
	Seed       int64          `json:"seed"`
}

func (s Strata) header() (strataHeader, error) {
	first, err := s.Galaxies(0, 1)
	if err != nil {
		return strataHeader{}, err
	}
	return strataHeader{Format: strataFormat, Model: s.Identity, Galaxies: hash(first),
		Survey: s.Survey, Prior: s.Prior, Candidates: s.Candidates, Seed: s.Seed}, nil
}

// differs says what a header has that isn't wanted.
func (h strataHeader) differs(want strataHeader) string {
	switch {
	case h.Format != want.Format:
		return fmt.Sprintf("of the format %q instead of %q", h.Format, want.Format)
	case h.Model != want.Model:
		return fmt.Sprintf("of another model (%s instead of %s)", h.Model, want.Model)
	case h.Galaxies != want.Galaxies:
		return "of other galaxies"
	case h.Survey != want.Survey:
		return "of another survey"
	case h.Prior != want.Prior:
		return "with another prior of Wiener's filter"
	case h.Candidates != want.Candidates:
		return fmt.Sprintf("of %d instead of %d candidates", h.Candidates, want.Candidates)
	case h.Seed != want.Seed:
		return fmt.Sprintf("with the seed %d instead of %d", h.Seed, want.Seed)
	}
	return ""
}

// Run measures the candidates of all galaxies, and keeps the result of every one in the folder dir
// (results.jsonl): a run that was interrupted goes on there, to the same bit, and one of more
// galaxies adds to them. With another model, survey, number of candidates or seed it is an error.
// What the model refuses is counted. When ctx ends, what is measured is kept, but for about 64
// candidates, and an error returned. report, which may be nil, is called after every few candidates.
func (s Strata) Run(ctx context.Context, dir string, report func(Progress)) (StrataCard, error) {
	if err := s.Validate(); err != nil {
		return StrataCard{}, err
	}
	header, err := s.header()
	if err != nil {
		return StrataCard{}, err
	}
	results := map[int]*LookResult{}
	kept, err := openLines(dir, header, strataHeader.differs, func(r *LookResult, _ string) error {
		results[r.Galaxy] = r
		return nil
	})
	if err != nil {
		return StrataCard{}, err
	}
	defer kept.close()
	if report == nil {
		report = func(Progress) {}
	}
	progress := Progress{Method: s.Name, Total: s.N}
	for i := range s.N {
		if results[i] != nil {
			progress.Done++
		}
	}
	for first := 0; first < s.N; first += segment {
		n := min(segment, s.N-first)
		err := s.segment(ctx, first, n, results, func(found []*LookResult) error {
			lines := make([]any, len(found))
			for i, r := range found {
				lines[i] = r
			}
			if err := kept.write(lines...); err != nil {
				return err
			}
			for _, r := range found {
				results[r.Galaxy] = r
			}
			progress.Done, progress.Drawn = progress.Done+len(found), 0
			report(progress)
			return nil
		}, func(drawn float64) {
			progress.Drawn = drawn
			report(progress)
		})
		if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return StrataCard{}, fmt.Errorf("scorecard: interrupted with %d of %d results kept in "+
				"%s; run it again to go on: %w", progress.Done, s.N, dir, err)
		}
		if err != nil {
			return StrataCard{}, fmt.Errorf("%w (%d of %d results are kept in %s)", err,
				progress.Done, s.N, dir)
		}
	}
	all := make([]*LookResult, s.N)
	for i := range all {
		all[i] = results[i]
	}
	return s.card(all)
}

// Streams of random numbers of a seed.
const (
	exposureStream = iota
	candidateStream
)

// derive returns the seed of a part of the test.
func (s Strata) derive(stream, number int) int64 {
	return rand.New(rand.NewPCG(uint64(s.Seed), uint64(stream)<<32|uint64(number))).Int64()
}

func meanSquare(pixels []float32) float64 {
	sum := 0.0
	for _, v := range pixels {
		sum += float64(v) * float64(v)
	}
	return sum / float64(len(pixels))
}
