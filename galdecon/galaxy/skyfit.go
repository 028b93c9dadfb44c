package galaxy

import (
	"math"
	"slices"
)

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

// measure sets the noise and the error of the level. counts are how many good pixels the squares of
// 5×5 pixels have.
func (p plane) measure(s *skyPart, counts []float64) {
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
	s.StdErr = math.Hypot(max(s.Noise/math.Sqrt(n), p.blockError(s)), p.unseen(s, counts))
	if s.Step == 0 {
		return
	}
	// Noise of σ that was rounded to steps d leaves the mean off by d/2 exp(−2π²σ²/d²) at most.
	// That of photons, which scatter by their root, isn't rounded.
	variance := s.Noise * s.Noise / (s.Step * s.Step)
	if variance < 0.5*math.Abs(s.Level)/s.Step {
		before := max(variance-1.0/12, 0)
		s.StdErr = math.Hypot(s.StdErr, s.Step/2*math.Exp(-2*math.Pi*math.Pi*before))
	}
}

// blockError returns the standard error of the level by how much the means of 8×8 blocks of the
// image differ, which correlated noise and a sky that is no plane make larger; 0 where there are
// too few.
func (p plane) blockError(s *skyPart) float64 {
	side := max(8, (min(p.height, p.width)+7)/8)
	columns := (p.width + side - 1) / side
	sums := make([]float64, columns*((p.height+side-1)/side))
	counts := slices.Clone(sums)
	var sum, n float64
	for k, is := range s.in {
		if is {
			block := k/p.width/side*columns + k%p.width/side
			sums[block], counts[block] = sums[block]+s.from[k], counts[block]+1
			sum, n = sum+s.from[k], n+1
		}
	}
	variance, blocks := 0.0, 0.0
	for i, count := range counts {
		if count > 0 {
			off := sums[i] - sum/n*count
			variance, blocks = variance+off*off, blocks+1
		}
	}
	if blocks < 16 {
		return 0
	}
	return math.Sqrt(variance*blocks/(blocks-3)) / n // a plane took three degrees of freedom
}

// unseen returns the light a pixel that galaxies have which are too faint to be found, as the
// number of those found tells. With counts that double with each halving of the brightness, one
// found at five standard deviations of the mean over 5×5 pixels, which is 25 times the noise, goes
// with as much light for each factor of e down to which there are others: in fields of known sky it
// was 70 times the noise.
func (p plane) unseen(s *skyPart, counts []float64) float64 {
	means := p.boxSums(s.from, 5)
	good := 0.0
	for k, n := range counts {
		if means[k] /= max(n, 1); !p.bad[k] {
			good++
		}
	}
	_, deviation := spread(means, s.in)
	peaks := 0.0
	for k, v := range means {
		if !p.bad[k] && v > 5*deviation*math.Sqrt(25/counts[k]) && p.isTop(means, k) {
			peaks++
		}
	}
	return 70 * s.Noise * peaks / good
}

// isTop reports whether no value within three pixels is larger.
func (p plane) isTop(values []float64, k int) bool {
	y, x := k/p.width, k%p.width
	for i := max(y-3, 0); i <= min(y+3, p.height-1); i++ {
		for j := max(x-3, 0); j <= min(x+3, p.width-1); j++ {
			if values[i*p.width+j] > values[k] {
				return false
			}
		}
	}
	return true
}
