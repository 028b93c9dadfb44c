package posterior

import (
	"errors"
	"fmt"
	"iter"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"galdecon/galdecon/galaxy"
)

// Part is some of the candidates of one observation, as they come: its Samples and Reblurred are
// [k, height, width, channels]. Of an observation that is refused it has none.
type Part struct {
	Posterior
	// First is the number of the first of these candidates, counted from 0.
	First int
	// N candidates are drawn in all for each of M observations, one observation after the other.
	N, M int
}

// drawn returns how many candidates of the observation are drawn with this part.
func (p Part) drawn() int {
	if p.Samples == nil {
		return p.N // refused: there won't be more
	}
	return p.First + p.Samples.N
}

// Done returns the share of all candidates of all observations that is drawn with this part, up to
// 1.
func (p Part) Done() float64 {
	return float64(p.Index*p.N+p.drawn()) / float64(p.N*p.M)
}

// String returns how far the drawing is, for a line of progress: "candidate 16 of 1000", "candidate
// 16 of 1000, observation 2 of 10".
func (p Part) String() string {
	text := fmt.Sprintf("candidate %d of %d", p.drawn(), p.N)
	if p.M > 1 {
		text += fmt.Sprintf(", observation %d of %d", p.Index+1, p.M)
	}
	return text
}

// Collect joins parts to whole posteriors, in the order of their observations. Observations that
// are refused, also after their first candidates, have none; the error is then [Refusals], beside
// the posteriors of the others. report, which may be nil, is told how far the drawing is after each
// part: plotting.Progress.Update is such a function. It is an error if the candidates take more
// memory than there is; after that, and any other error, there are no posteriors.
func Collect(parts iter.Seq2[Part, error], report func(done float64, line string)) ([]Posterior,
	error) {
	var posteriors []Posterior
	var refused Refusals
	for part, err := range parts {
		var refusal *Refusal
		switch last := len(posteriors) - 1; {
		case errors.As(err, &refusal):
			refused = append(refused, refusal)
			if last >= 0 && posteriors[last].Index == refusal.Index {
				posteriors = posteriors[:last]
			}
		case err != nil:
			return nil, err
		case last < 0 || posteriors[last].Index != part.Index:
			if last < 0 {
				if err := part.checkMemory(); err != nil {
					return nil, err
				}
			}
			p := part.Posterior
			p.Samples = galaxy.NewImages(part.N, part.Samples.Height, part.Samples.Width,
				part.Samples.Channels)
			p.Reblurred = galaxy.NewImages(part.N, part.Samples.Height, part.Samples.Width,
				part.Samples.Channels)
			posteriors = append(posteriors, p)
			fallthrough
		default:
			p := &posteriors[len(posteriors)-1]
			for k := range part.Samples.N {
				copy(p.Samples.At(part.First+k), part.Samples.At(k))
				copy(p.Reblurred.At(part.First+k), part.Reblurred.At(k))
			}
		}
		if report != nil {
			report(part.Done(), part.String())
		}
	}
	if len(refused) > 0 {
		return posteriors, refused
	}
	return posteriors, nil
}

// checkMemory returns an error if the candidates, with what they are when blurred again, take more
// memory than the machine has, or the container.
func (p Part) checkMemory() error {
	there, err := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)()
	if err != nil {
		return nil // the system doesn't tell
	}
	const images, bytes = 2, 4
	values := float64(p.Samples.Height * p.Samples.Width * p.Samples.Channels)
	need := float64(p.M) * float64(p.N) * values * images * bytes
	if need > float64(there) {
		return fmt.Errorf("posterior: %d candidates for each of %d observation(s) take %.3g GB, "+
			"but there are %.3g GB of memory; draw fewer, or take them as they come, by Stream, "+
			"and keep what you need of them", p.N, p.M, need/1e9, float64(there)/1e9)
	}
	return nil
}
