package hst

import (
	"context"
	"iter"

	"galdecon/galdecon/galaxy"
)

// Source is a [galaxy.Source] of the ten shipped Hubble galaxies, 128 x 128 pixels as [Galaxies]
// returns them.
type Source struct{}

// Describe names the shipped galaxies.
func (Source) Describe() string { return "the ten shipped Hubble galaxies" }

// Galaxies yields the shipped galaxies.
func (Source) Galaxies(ctx context.Context) iter.Seq2[galaxy.Stamp, error] {
	return func(yield func(galaxy.Stamp, error) bool) {
		images, err := Galaxies(128)
		if err != nil {
			yield(galaxy.Stamp{}, err)
			return
		}
		records, err := Records()
		if err != nil {
			yield(galaxy.Stamp{}, err)
			return
		}
		for i, r := range records {
			if err := ctx.Err(); err != nil {
				yield(galaxy.Stamp{}, err)
				return
			}
			stamp := galaxy.Stamp{
				ID: r.ID, Origin: r.Instrument + "; " + r.Credit,
				License: "public archive data, to be credited",
				Done:    float64(i+1) / float64(images.N),
				Read:    func() (*galaxy.Images, error) { return images.Select(i), nil },
			}
			if !yield(stamp, nil) {
				return
			}
		}
	}
}
