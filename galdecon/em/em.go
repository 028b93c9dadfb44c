package em

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"galdecon/galdecon/galaxy"
)

// Prior is a model of galaxies on a square grid, with a prior that can be fitted anew.
type Prior interface {
	// Sample draws n candidates for each of some observations, members of all, in a round that
	// counts from 1. What can't be drawn is left out.
	Sample(ctx context.Context, round int, members []int, n int) (Candidates, error)
	// Fit returns a prior that was fitted to clean galaxies y [n, size, size, 1] in a round,
	// beginning with this one.
	Fit(ctx context.Context, round int, y *galaxy.Images) (Prior, error)
}

// Candidates are what was drawn for observations.
type Candidates struct {
	// Members are the observations' numbers, and Images their candidates one after the other,
	// [len(Members)·n, size, size, 1].
	Members []int
	Images  *galaxy.Images
	// Again are as many candidates of the first candidate of each, seen anew as its observation was:
	// what the sampler makes of galaxies that are known. nil is for a sampler that is exact.
	Again *galaxy.Images
}

// Config is how a prior is learned.
type Config struct {
	// Rounds is how often candidates are drawn and fitted to.
	Rounds int `json:"rounds"`
	// Candidates is the number that is drawn for each observation, at least 2.
	Candidates int `json:"candidates"`
	// Members is the number of observations that a round draws candidates of, in turns; 0 is all.
	Members int `json:"members,omitempty"`
	// Gain is how many times as far as plain EM the power at a spatial frequency may move in a
	// round; 1 is plain EM.
	Gain float64 `json:"gain"`
	// Seed determines whose turn it is, and how candidates are chosen by weights.
	Seed int64 `json:"seed"`
}

// Validate returns an error if nothing can be learned as configured.
func (c Config) Validate() error {
	switch {
	case c.Rounds < 1 || c.Members < 0:
		return fmt.Errorf("em: a prior is learned in at least 1 round from at least 1 "+
			"observation, got %d and %d", c.Rounds, c.Members)
	case c.Candidates < 2:
		return fmt.Errorf("em: how much an observation says is seen by at least 2 candidates, "+
			"got %d", c.Candidates)
	case !(c.Gain >= 1) || math.IsInf(c.Gain, 0):
		return fmt.Errorf("em: the gain must be at least 1, that of plain EM, and finite; got %g",
			c.Gain)
	}
	return nil
}

// Round is what a round has drawn.
type Round struct {
	// Number counts from 1.
	Number int
	// Members is the number of observations that candidates were drawn of.
	Members int
	Spectrum
	// Spread is the root mean square of candidates around the mean of their observation's over that
	// of all. It falls to 0 where a prior collapses.
	Spread float64
}

// CollapseError says that candidates hardly differ any more: the prior has learned its observations
// by heart.
type CollapseError struct {
	Round        int
	Spread, From float64 // now and in the first round
}

func (e *CollapseError) Error() string {
	return fmt.Sprintf("em: the prior collapsed in round %d: the spread of an observation's "+
		"candidates fell from %.3g to %.3g of their size; take more observations, fewer rounds or "+
		"fewer steps", e.Round, e.From, e.Spread)
}

// collapsed is the share of the first round's spread below which a prior has collapsed.
const collapsed = 0.1

// Run learns a prior from observations, as many as there are weights, beginning with a given one.
// Weights, positive, say how much each counts: more where it shows more, and by nothing that
// depends on the galaxy, or the prior is biased. report, which may be nil, is called with every
// round and the prior that was fitted in it; an error of its own ends the learning. The prior
// returned is that of the last round, with all rounds. Where candidates lose their spread the error
// is a [*CollapseError], and the prior that before the collapse.
func Run(ctx context.Context, prior Prior, weights []float64, c Config,
	report func(Round, Prior) error) (Prior, []Round, error) {
	if err := c.Validate(); err != nil {
		return nil, nil, err
	}
	var rounds []Round
	var fitted []float64 // the power of what the prior was fitted to
	for number := 1; number <= c.Rounds; number++ {
		drawn, err := prior.Sample(ctx, number, c.turn(len(weights), number), c.Candidates)
		if err != nil {
			return prior, rounds, err
		}
		if len(drawn.Members) == 0 {
			return prior, rounds, fmt.Errorf("em: no candidate could be drawn in round %d", number)
		}
		w := make([]float64, len(drawn.Members))
		for i, m := range drawn.Members {
			w[i] = weights[m]
		}
		spectrum, spread, err := c.spectrum(number, drawn, w, fitted)
		if err != nil {
			return prior, rounds, err
		}
		round := Round{Number: number, Members: len(w), Spectrum: spectrum, Spread: spread}
		if number > 1 && spread < collapsed*rounds[0].Spread {
			return prior, rounds, &CollapseError{number, spread, rounds[0].Spread}
		}
		y := c.choose(drawn.Images, w, number)
		if err := filter(y, spectrum.Factor); err != nil {
			return prior, rounds, err
		}
		if prior, err = prior.Fit(ctx, number, y); err != nil {
			return prior, rounds, err
		}
		rounds = append(rounds, round)
		fitted = spectrum.Target()
		if report != nil {
			if err := report(round, prior); err != nil {
				return prior, rounds, err
			}
		}
	}
	return prior, rounds, nil
}

// turn returns the observations whose turn it is in a round, sorted: permutations of all, drawn
// from the seed, follow each other, so that all have had theirs before one has its second.
func (c Config) turn(n, round int) []int {
	if c.Members == 0 || c.Members >= n {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		return all
	}
	first := (round - 1) * c.Members
	var members []int
	for k := range c.Members {
		at := first + k
		order := rand.New(rand.NewPCG(uint64(c.Seed), uint64(at/n))).Perm(n)
		// The end of one permutation and the start of the next may share a member.
		if m := order[at%n]; !slices.Contains(members, m) {
			members = append(members, m)
		}
	}
	slices.Sort(members)
	return members
}

// choose returns as many of the candidates as there are, those of an observation as often as its
// weight says: by a comb through the sum of the weights, so that equal ones choose each once.
func (c Config) choose(candidates *galaxy.Images, weights []float64, round int) *galaxy.Images {
	n := candidates.N / len(weights)
	total := 0.0
	for _, w := range weights {
		total += w
	}
	tooth := total / float64(candidates.N)
	r := rand.New(rand.NewPCG(uint64(c.Seed), 1<<63+uint64(round)))
	at := tooth * r.Float64()
	used := make([]int, len(weights))
	var chosen []int
	sum, i := weights[0], 0
	for len(chosen) < candidates.N {
		for at >= sum && i < len(weights)-1 {
			i++
			sum += weights[i]
		}
		chosen = append(chosen, i*n+used[i]%n)
		used[i]++
		at += tooth
	}
	return candidates.Select(chosen...)
}
