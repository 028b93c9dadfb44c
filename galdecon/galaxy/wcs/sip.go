package wcs

import "math"

// sip are SIP's polynomials: u + Σ a_pq u^p v^q, and b likewise for v.
type sip struct{ a, b []term }

// term is one of a polynomial's.
type term struct {
	p, q  int
	value float64
}

func (s *sip) at(u, v float64) (float64, float64) {
	return u + polynomial(s.a, u, v), v + polynomial(s.b, u, v)
}

func polynomial(terms []term, u, v float64) float64 {
	var sum float64
	for _, t := range terms {
		sum += t.value * power(u, t.p) * power(v, t.q)
	}
	return sum
}

func power(v float64, n int) float64 {
	out := 1.0
	for range n {
		out *= v
	}
	return out
}

const (
	inverseSteps = 50
	inverseError = 1e-10 // of a pixel
)

// inverse returns the u and v that are corrected to U and V, by fixed-point iteration: corrections
// change little from a pixel to the next.
func (s *sip) inverse(U, V float64) (u, v float64) {
	u, v = U, V
	for range inverseSteps {
		cu, cv := s.at(u, v)
		u, v = u+U-cu, v+V-cv
		if math.Abs(U-cu)+math.Abs(V-cv) < inverseError {
			break
		}
	}
	return u, v
}
