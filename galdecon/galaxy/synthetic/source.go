package synthetic

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"galdecon/galdecon/galaxy"
)

// Describe names the generator with its configuration.
func (c Config) Describe() string {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Sprintf("synthetic %v", err) // Pictures is NaN, which Galaxies refuses
	}
	return "synthetic " + string(text)
}

// Galaxies makes the configuration a [galaxy.Source] of the galaxies that [Galaxies] returns, drawn
// one by one when they are read.
func (c Config) Galaxies(ctx context.Context) iter.Seq2[galaxy.Stamp, error] {
	return func(yield func(galaxy.Stamp, error) bool) {
		if err := c.validate(); err != nil {
			yield(galaxy.Stamp{}, err)
			return
		}
		for i := range c.N {
			if err := ctx.Err(); err != nil {
				yield(galaxy.Stamp{}, err)
				return
			}
			one := c
			one.N, one.First = 1, c.First+i
			stamp := galaxy.Stamp{
				ID: one.id(one.First), Origin: "galdecon's generator of synthetic galaxies",
				License: "no rights reserved",
				Done:    float64(i+1) / float64(c.N), Read: func() (*galaxy.Images, error) {
					return Galaxies(one)
				},
			}
			if !yield(stamp, nil) {
				return
			}
		}
	}
}
