package posterior_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
)

// part is some candidates of one pixel, whose value says which they are.
func part(index, first, count, n, m int) posterior.Part {
	p := posterior.Part{Posterior: posterior.Posterior{Index: index}, First: first, N: n, M: m}
	p.Samples, p.Reblurred, p.Seed = galaxy.NewImages(count, 1, 1, 1),
		galaxy.NewImages(count, 1, 1, 1), 7
	for k := range count {
		p.Samples.Pixels[k], p.Reblurred.Pixels[k] = float32(100*index+first+k),
			-float32(100*index+first+k)
	}
	return p
}

func stream(parts []posterior.Part, err error) iter.Seq2[posterior.Part, error] {
	return func(yield func(posterior.Part, error) bool) {
		for _, p := range parts {
			if !yield(p, nil) {
				return
			}
		}
		if err != nil {
			yield(posterior.Part{}, err)
		}
	}
}

func TestCollect(t *testing.T) {
	parts := []posterior.Part{part(0, 0, 2, 3, 2), part(0, 2, 1, 3, 2), part(1, 0, 3, 3, 2)}
	var done []float64
	var lines []string
	got, err := posterior.Collect(stream(parts, nil),
		func(d float64, line string) { done, lines = append(done, d), append(lines, line) })
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range got {
		for k := range 3 {
			if want := float32(100*i + k); p.Samples.Pixels[k] != want ||
				p.Reblurred.Pixels[k] != -want {
				t.Errorf("candidate %d of observation %d is %g and blurred %g, want ±%g", k, i,
					p.Samples.Pixels[k], p.Reblurred.Pixels[k], want)
			}
		}
		if p.Samples.N != 3 || p.Reblurred.N != 3 || p.Seed != 7 {
			t.Errorf("observation %d has %d candidates, %d blurred, seed %d", i, p.Samples.N,
				p.Reblurred.N, p.Seed)
		}
	}
	if want := []float64{2.0 / 6, 3.0 / 6, 1}; len(got) != 2 || !slices.Equal(done, want) ||
		lines[1] != "candidate 3 of 3, observation 1 of 2" {
		t.Errorf("%d posteriors, progress %v %q, want 2 and %v", len(got), done, lines, want)
	}
	if p := part(0, 2, 1, 4, 1); p.String() != "candidate 3 of 4" || p.Done() != 0.75 {
		t.Errorf("a part of one observation is %q, done %g", p, p.Done())
	}
	wanted := errors.New("lost")
	if got, err := posterior.Collect(stream(parts[:1], wanted), nil); got != nil || err != wanted {
		t.Errorf("with an error: %v, error %v", got, err)
	}
}

// Candidates that no memory holds are refused when the first come, with what they take and what
// there is.
func TestCollectMoreThanMemory(t *testing.T) {
	taken := 0
	parts := func(yield func(posterior.Part, error) bool) {
		for k := range 3 {
			taken++
			if !yield(part(0, k, 1, 1e15, 1), nil) {
				return
			}
		}
	}
	_, err := posterior.Collect(parts, nil)
	for _, word := range []string{"posterior: ", fmt.Sprint(int(1e15)), "8e+06 GB", "GB of memory",
		"Stream"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error %v, want one with %q", err, word)
		}
	}
	if taken != 1 {
		t.Errorf("%d parts were drawn before the error", taken)
	}
}
