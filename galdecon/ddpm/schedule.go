package ddpm

import (
	"fmt"
	"math"
)

// Schedule is the noise of the forward process (Ho et al. 2020): y_t = √ᾱ_t y_0 + √(1−ᾱ_t) ε. AlphaBar[t] is ᾱ_t for t = 0
// (clean, ᾱ = 1) to T (noise, ᾱ ≈ 0).
type Schedule struct {
	AlphaBar []float64
}

// T is the number of noise levels.
func (s Schedule) T() int { return len(s.AlphaBar) - 1 }

// Linear is the paper's schedule: β_t = 1 − ᾱ_t/ᾱ_{t−1} rises linearly, at T = 1000 from 1e-4 to 0.02. For another T the β are
// scaled by 1000/T, so that ᾱ_T stays the same.
func Linear(T int) (Schedule, error) {
	if T < 2 {
		return Schedule{}, fmt.Errorf("ddpm: a schedule needs T ≥ 2 noise levels, got %d", T)
	}
	scale := 1000 / float64(T)
	bar := []float64{1}
	for t := range T {
		beta := scale * (1e-4 + (0.02-1e-4)*float64(t)/float64(T-1))
		bar = append(bar, bar[t]*(1-min(beta, 0.999)))
	}
	return Schedule{bar}, nil
}

// Cosine is the schedule of Nichol and Dhariwal (2021, Eq. 17), with their offset 0.008 and β ≤ 0.999.
func Cosine(T int) (Schedule, error) {
	if T < 2 {
		return Schedule{}, fmt.Errorf("ddpm: a schedule needs T ≥ 2 noise levels, got %d", T)
	}
	f := func(t int) float64 {
		c := math.Cos((float64(t)/float64(T) + 0.008) / 1.008 * math.Pi / 2)
		return c * c
	}
	bar := []float64{1}
	for t := range T {
		beta := 1 - f(t+1)/f(t)
		bar = append(bar, bar[t]*(1-min(beta, 0.999)))
	}
	return Schedule{bar}, nil
}

// Times picks n of the T noise levels for a sampler that takes n steps: n+1 times, evenly spaced, from T down to 0. A step
// goes from one of them to the next.
func (s Schedule) Times(n int) ([]int, error) {
	if n < 1 || n > s.T() {
		return nil, fmt.Errorf("ddpm: the number of sampling steps must be between 1 and T = %d, got %d", s.T(), n)
	}
	times := make([]int, n+1)
	for i := range times {
		times[i] = (s.T()*(n-i) + n/2) / n
	}
	return times, nil
}
