package posterior

import (
	"errors"
	"fmt"
	"iter"
	"slices"

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

// Whole joins parts to whole posteriors, in the order of their observations, and yields each when
// the next one begins, so that no more than one is held. Observations that are refused, also after
// their first candidates, have none: their [Refusal] is yielded. Another error is the last.
func Whole(parts iter.Seq2[Part, error]) iter.Seq2[Posterior, error] {
	return func(yield func(Posterior, error) bool) {
		var now *Posterior
		for part, err := range parts {
			var refusal *Refusal
			refused := errors.As(err, &refusal)
			if err != nil && !refused {
				yield(Posterior{}, err)
				return
			}
			index := part.Index
			if refused {
				index = refusal.Index
			}
			if now != nil && now.Index != index {
				if !yield(*now, nil) {
					return
				}
				now = nil
			}
			if refused {
				now = nil
				if !yield(Posterior{Index: index}, err) {
					return
				}
				continue
			}
			if now == nil {
				p := part.Posterior
				p.Samples, p.Reblurred = part.room(p.Samples), part.room(p.Reblurred)
				p.More = slices.Clone(p.More)
				for i, v := range p.More {
					p.More[i].Reblurred = part.room(v.Reblurred)
				}
				now = &p
			}
			for k := range part.Samples.N {
				copy(now.Samples.At(part.First+k), part.Samples.At(k))
				copy(now.Reblurred.At(part.First+k), part.Reblurred.At(k))
				for i, v := range part.More {
					copy(now.More[i].Reblurred.At(part.First+k), v.Reblurred.At(k))
				}
			}
		}
		if now != nil {
			yield(*now, nil)
		}
	}
}

// Drawn joins parts as [Whole] does, and leaves out observations that are refused.
func Drawn(parts iter.Seq2[Part, error]) iter.Seq2[Posterior, error] {
	return func(yield func(Posterior, error) bool) {
		for p, err := range Whole(parts) {
			var refusal *Refusal
			if !errors.As(err, &refusal) && !yield(p, err) {
				return
			}
		}
	}
}

// room returns images of the shape of some, one for each candidate that is drawn in all.
func (p Part) room(some *galaxy.Images) *galaxy.Images {
	return galaxy.NewImages(p.N, some.Height, some.Width, some.Channels)
}

// Collect returns what [Whole] joins. The error is [Refusals] where observations are refused,
// beside the posteriors of the others. report, which may be nil, is told how far the drawing is
// after each part: plotting.Progress.Update is such a function. It is an error if the candidates
// take more memory than there is; after that, and any other error, there are no posteriors.
func Collect(parts iter.Seq2[Part, error], report func(done float64, line string)) ([]Posterior,
	error) {
	var posteriors []Posterior
	var refused Refusals
	for p, err := range Whole(Watch(affordable(parts), report)) {
		var refusal *Refusal
		switch {
		case errors.As(err, &refusal):
			refused = append(refused, refusal)
		case err != nil:
			return nil, err
		default:
			posteriors = append(posteriors, p)
		}
	}
	if len(refused) > 0 {
		return posteriors, refused
	}
	return posteriors, nil
}

// Watch returns parts whose progress is reported, each when it has been taken, to report, which may
// be nil.
func Watch(parts iter.Seq2[Part, error], report func(done float64, line string),
) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		for part, err := range parts {
			if !yield(part, err) {
				return
			}
			if report != nil {
				report(part.Done(), part.String())
			}
		}
	}
}

// affordable returns parts, and the error where all candidates together take more memory than there
// is, which the first part tells.
func affordable(parts iter.Seq2[Part, error]) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		checked := false
		for part, err := range parts {
			if err == nil && !checked {
				checked = true
				if err := part.checkMemory(); err != nil {
					yield(Part{}, err)
					return
				}
			}
			if !yield(part, err) {
				return
			}
		}
	}
}

// checkMemory returns an error if the candidates, with what they are when blurred again, take more
// memory than the machine has, or the container.
func (p Part) checkMemory() error {
	there, err := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)()
	if err != nil {
		return nil // the system doesn't tell
	}
	const bytes = 4
	values := float64(len(p.Samples.Pixels)) / float64(p.Samples.N)
	for _, v := range p.Views() {
		values += float64(len(v.Reblurred.Pixels)) / float64(v.Reblurred.N)
	}
	need := float64(p.M) * float64(p.N) * values * bytes
	if need > float64(there) {
		return fmt.Errorf("posterior: %d candidates for each of %d observation(s) take %.3g GB, "+
			"but there are %.3g GB of memory; draw fewer, or take them as they come, by Stream, "+
			"and keep what you need of them", p.N, p.M, need/1e9, float64(there)/1e9)
	}
	return nil
}
