package galaxy

import "math"

// clip takes pixels out of the sky that lie more than five standard deviations off, and for counts
// three more, until there are none.
func (s *skyPart) clip() {
	for {
		var n, sum, squares float64
		for k, is := range s.in {
			if is {
				n, sum, squares = n+1, sum+s.from[k], squares+s.from[k]*s.from[k]
			}
		}
		mean := sum / n
		limit := 5*math.Sqrt(max(squares/n-mean*mean, 0)) + 3*s.Step
		out := 0.0
		for k, is := range s.in {
			if is && math.Abs(s.from[k]-mean) > limit {
				s.in[k] = false
				out++
			}
		}
		if out == 0 || n-out < 16 {
			return
		}
	}
}

// fit returns the plane c[0] + c[1] (row − y0) + c[2] (column − x0) that lies nearest to the sky.
func (s *skyPart) fit(y0, x0 float64, width int) (c [3]float64) {
	var a [3][4]float64 // the normal equations
	for k, is := range s.in {
		if !is {
			continue
		}
		t := [4]float64{1, float64(k/width) - y0, float64(k%width) - x0, s.from[k]}
		for i := range 3 {
			for j := range 4 {
				a[i][j] += t[i] * t[j]
			}
		}
	}
	flat := [3]float64{a[0][3] / a[0][0]}
	// The matrix is positive: no pivots are needed.
	for i := range 3 {
		for j := i + 1; j < 3; j++ {
			f := a[j][i] / a[i][i]
			for k := i; k < 4; k++ {
				a[j][k] -= f * a[i][k]
			}
		}
	}
	for i := 2; i >= 0; i-- {
		c[i] = a[i][3]
		for j := i + 1; j < 3; j++ {
			c[i] -= a[i][j] * c[j]
		}
		c[i] /= a[i][i]
		if math.IsNaN(c[i]) || math.IsInf(c[i], 0) { // the pixels lie on a line
			return flat
		}
	}
	return c
}

// measure sets the noise and the error of the level.
func (s *skyPart) measure() {
	var n, squares, below, lower float64
	for k, is := range s.in {
		if !is {
			continue
		}
		v := s.from[k]
		n, squares = n+1, squares+v*v
		if v < 0 {
			below, lower = below+1, lower+v*v
		}
	}
	s.Noise = math.Sqrt(lower / max(below, 1))
	if s.Step > 0 {
		s.Noise = math.Sqrt(squares / n)
	}
	s.StdErr = s.Noise / math.Sqrt(n)
	if s.Step == 0 {
		return
	}
	// Noise of σ that was rounded to steps d leaves the mean off by d/2 exp(−2π²σ²/d²) at most. That
	// of photons, which scatter by their root, isn't rounded.
	variance := s.Noise * s.Noise / (s.Step * s.Step)
	if variance < 0.5*math.Abs(s.Level)/s.Step {
		before := max(variance-1.0/12, 0)
		s.StdErr = math.Hypot(s.StdErr, s.Step/2*math.Exp(-2*math.Pi*math.Pi*before))
	}
}
