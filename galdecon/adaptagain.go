package galdecon

import (
	"context"
	"math"
	"math/rand/v2"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
)

// againStream are random numbers of the seed for noise of candidates that are seen anew.
const againStream = 1 << 41

// seenAgain returns what would be seen of the first candidate of a posterior under the conditions
// of its observation, with other noise.
func seenAgain(o observe.Observation, post Posterior, r *rand.Rand) (observe.Observation, error) {
	out := o
	out.Exposures = nil
	views := post.Views()
	for k, e := range o.Exposures {
		e, err := e.Complete()
		if err != nil {
			return out, err
		}
		e.Image = e.Image.Clone()
		deviates := exposureNoise(e, r)
		for at, w := range e.InvVar {
			if w > 0 {
				e.Image.Pixels[at] = views[k].Reblurred.At(0)[at] +
					float32(deviates[at]/math.Sqrt(w))
			}
		}
		out.Exposures = append(out.Exposures, e)
	}
	return out, nil
}

// exposureNoise draws noise of an exposure in units of its deviation.
func exposureNoise(e observe.Exposure, r *rand.Rand) []float64 {
	if e.Noise != nil {
		return e.Noise.Draw(r, e.Image.Height, e.Image.Width)
	}
	out := make([]float64, len(e.Image.Pixels))
	for k := range out {
		out[k] = r.NormFloat64()
	}
	return out
}

// again draws n candidates of each first candidate, as it was seen anew, in the units of images,
// the candidates that there were. Where none can be drawn it has those of images, which say nothing
// of the sampler's error.
func (p *surveyPrior) again(ctx context.Context, round, n int, anew []observe.Observation,
	images *galaxy.Images) (*galaxy.Images, error) {
	out := images.Clone()
	if len(anew) == 0 {
		return out, nil
	}
	key := func(i int) uint64 { return placeKey(p.drawn.Members[i]) }
	// Other random numbers than those of the candidates that were seen.
	parts := p.model.streamLooks(ctx, anew, key, n, p.Seed+int64(round)+againStream)
	for post, err := range posterior.Drawn(parts) {
		if err != nil {
			return nil, err
		}
		p.say(round, "trying the sampler", float64(post.Index+1)/float64(len(anew)), nil)
		for k := range n {
			copy(out.At(post.Index*n+k), middle(post.Samples, k, p.Size,
				p.drawn.Bright[post.Index]))
		}
	}
	return out, nil
}
