package main

import (
	"math/rand/v2"
	"runtime"

	"golang.org/x/sync/errgroup"

	"galdecon/galdecon/exact"
)

// gibbs draws n candidates of each observation by Gibbs sampling, and then the mean of the
// posterior: [fields × (n+1) × pixels].
func (p *problem) gibbs(n int, chain exact.Chain, seed uint64) ([]float32, error) {
	pixels := side * side
	out := make([]float32, len(p.seen)*(n+1)*pixels)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, x := range p.seen {
		group.Go(func() error {
			draws, mean, err := p.sampler.Draw(x, n, chain, rand.New(rand.NewPCG(seed, uint64(i))))
			if err != nil {
				return err
			}
			for k, image := range append(draws, mean) {
				for j, v := range image {
					out[(i*(n+1)+k)*pixels+j] = float32(v)
				}
			}
			return nil
		})
	}
	return out, group.Wait()
}
