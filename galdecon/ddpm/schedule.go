package ddpm

import (
	"fmt"
	"math"
)

// Schedule is the noise of the forward process (Ho et al. 2020): y_t = √ᾱ_t y_0 + √(1−ᾱ_t) ε.
// AlphaBar[t] is ᾱ_t for t = 0 (clean, ᾱ = 1) to T (noise, ᾱ ≈ 0).
type Schedule struct {
	AlphaBar []float64
}

// T returns the number of noise levels.
func (s Schedule) T() int { return len(s.AlphaBar) - 1 }

// Linear returns the paper's schedule: β_t = 1 − ᾱ_t/ᾱ_{t−1} rises linearly, at T = 1000 from 1e-4
// to 0.02. For another T the β are scaled by 1000/T (and stay ≤ 0.999), so that ᾱ_T stays about as
// small.
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

// Cosine returns the schedule of Nichol and Dhariwal (2021, Eq. 17), with their offset 0.008 and β
// ≤ 0.999.
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

// LogSNR returns λ_t = ½ log(ᾱ_t/(1−ᾱ_t)), which falls with t; it is +∞ for t = 0.
func (s Schedule) LogSNR(t int) float64 {
	return 0.5 * (math.Log(s.AlphaBar[t]) - math.Log1p(-s.AlphaBar[t]))
}

// Times picks n of the T noise levels for a sampler that takes n steps: n+1 times from T down to 0,
// evenly spaced in log-SNR as far as whole times allow (Lu et al. 2022). A step goes from one of
// them to the next.
func (s Schedule) Times(n int) ([]int, error) {
	if n < 1 || n > s.T() {
		return nil, fmt.Errorf("ddpm: the number of sampling steps must be between 1 and T = %d, "+
			"got %d", s.T(), n)
	}
	times := make([]int, n+1)
	t := s.T()
	for i := range n {
		// Each time once, and enough of them left for the other steps.
		t = s.notNoisier(t, n-i, i, n)
		times[i] = t
		t--
	}
	return times, nil
}

// notNoisier returns the highest time from least to t that isn't noisier than the i-th, counted
// from 0, of n levels that are evenly spaced in log-SNR, from that of T to that of 1; least where
// all are.
func (s Schedule) notNoisier(t, least, i, n int) int {
	first, last := s.LogSNR(s.T()), s.LogSNR(1)
	want := first + (last-first)*float64(i)/float64(max(n-1, 1))
	for t > least && s.LogSNR(t) < want-1e-9 {
		t--
	}
	return t
}

// evenly returns all times, 1 to T.
func (s Schedule) evenly() []int32 {
	times := make([]int32, s.T())
	for i := range times {
		times[i] = int32(i + 1)
	}
	return times
}

// byLogSNR returns as many times that are spread evenly in log-SNR, as those of a sampler are: low
// noise, at which brightness is decided to within the noise of the data, is 3 % of all times and a
// quarter of a sampler's.
func (s Schedule) byLogSNR() []int32 {
	times := make([]int32, s.T())
	t := s.T()
	for i := range times {
		t = s.notNoisier(t, 1, i, len(times))
		times[i] = int32(t)
	}
	return times
}
