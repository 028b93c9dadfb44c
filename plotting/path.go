package plotting

import (
	"math"

	"galdecon/galdecon/galaxy"
)

// path is a closed path through candidates y_1 … y_n of a posterior, of mean μ over all n: the
// first k of them in turn, and from one to the next
//
//	y(θ) = μ + (cos θ (y_i − μ) + sin θ (y_j − μ)) / √(1 − sin 2θ / (n − 1)),  0 ≤ θ ≤ π/2
//
// Independent candidates less their mean, weighted by the cosine and the sine of an angle, have the
// variance of one, and so the covariance of all pixels (Hennig 2013, Animating Samples from
// Gaussian Distributions): the image between two candidates is as sharp and as noisy as these,
// where a mean of both would be smoother. The root mends what the n candidates' own mean μ changes: over all
// pairs i ≠ j the y(θ) of each θ have exactly the mean and the covariance of the n candidates.
type path struct {
	samples []float32 // n images, all values of one after those of another
	mean    []float32
	n       int
}

func newPath(im *galaxy.Images) path { return path{im.Pixels, mean(im), im.N} }

// at returns the image between the candidates i and j, for t from 0, which is i, to 1, which is j.
func (p path) at(i, j int, t float64) []float32 {
	wi, wj := weights(t, p.n)
	size := len(p.mean)
	yi, yj := p.samples[i*size:(i+1)*size], p.samples[j*size:(j+1)*size]
	out := make([]float32, size)
	for k, m := range p.mean {
		out[k] = float32(float64(m) + wi*float64(yi[k]-m) + wj*float64(yj[k]-m))
	}
	return out
}

// weights returns how much of the deviations of two of n candidates is in the image between them.
func weights(t float64, n int) (wi, wj float64) {
	s, c := math.Sincos(t * math.Pi / 2)
	length := math.Sqrt(1 - 2*s*c/float64(n-1))
	return c / length, s / length
}

// ease leads from 0 to 1 while t does, and rests at both: what moves stops at each candidate.
func ease(t float64) float64 { return t * t * (3 - 2*t) }
