package galaxy

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
)

// Source is where galaxies come from: a folder or an archive of files ([Folder]), the generator ([SyntheticConfig]), the shipped
// galaxies ([HSTSource]), or a web archive. [Write] makes a set of what it yields.
type Source interface {
	// Galaxies yields the stamps one by one, in the same order each time, until there are no more or ctx ends. A stamp whose
	// pixels turn out to be damaged or missing is no error here, but one of its Read. An error that is yielded ends the sequence.
	Galaxies(ctx context.Context) iter.Seq2[Stamp, error]
	// Describe names the source with all the options that its pixels depend on, but no secret: it is stored with the set,
	// and a set that is half written goes on only with a source of the same description.
	Describe() string
}

// Stamp is one image of a galaxy in a [Source].
type Stamp struct {
	// ID names the stamp, in messages and in the set; it is unique within its source.
	ID string
	// Object names the galaxy that is seen. Stamps of one object, from other angles or in other orientations, are never
	// parted by a split. Empty means that it is seen in this stamp only.
	Object string
	// Version changes when the pixels do, so that a stamp which was already prepared is known to be the same; empty where ID and
	// the source's description say it all.
	Version string
	// Origin is what to cite for the pixels, and Licence what may be done with them; empty where it isn't known.
	Origin, Licence string
	// Done is the fraction of the source, 0 to 1, that is passed with this stamp, for a progress bar.
	Done float64
	// Read returns the pixels, [1, h, w, c], in units of the source: a Scale is not looked at. It may be called from another goroutine, at a later time, once or never.
	Read func() (*Images, error)
}

// Describe names the generator with its configuration.
func (c SyntheticConfig) Describe() string {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Sprintf("synthetic %v", err) // Pictures is NaN, which Galaxies refuses
	}
	return "synthetic " + string(text)
}

// Galaxies makes the configuration a [Source] of the galaxies that [Synthetic] returns, drawn one by one when they are read.
func (c SyntheticConfig) Galaxies(ctx context.Context) iter.Seq2[Stamp, error] {
	return func(yield func(Stamp, error) bool) {
		if err := c.validate(); err != nil {
			yield(Stamp{}, err)
			return
		}
		for i := range c.N {
			if err := ctx.Err(); err != nil {
				yield(Stamp{}, err)
				return
			}
			one := c
			one.N, one.First = 1, c.First+i
			stamp := Stamp{
				ID: one.id(one.First), Origin: "galdecon's generator of synthetic galaxies", Licence: "no rights reserved",
				Done: float64(i+1) / float64(c.N), Read: func() (*Images, error) { return Synthetic(one) },
			}
			if !yield(stamp, nil) {
				return
			}
		}
	}
}

// HSTSource is a [Source] of the ten shipped Hubble galaxies, 128 x 128 pixels as [HST] returns them.
type HSTSource struct{}

// Describe names the shipped galaxies.
func (HSTSource) Describe() string { return "the ten shipped Hubble galaxies" }

// Galaxies yields the shipped galaxies.
func (HSTSource) Galaxies(ctx context.Context) iter.Seq2[Stamp, error] {
	return func(yield func(Stamp, error) bool) {
		images, err := HST(128)
		if err != nil {
			yield(Stamp{}, err)
			return
		}
		records, err := HSTRecords()
		if err != nil {
			yield(Stamp{}, err)
			return
		}
		for i, r := range records {
			if err := ctx.Err(); err != nil {
				yield(Stamp{}, err)
				return
			}
			stamp := Stamp{
				ID: r.ID, Origin: r.Instrument + "; " + r.Credit, Licence: "public archive data, to be credited",
				Done: float64(i+1) / float64(images.N), Read: func() (*Images, error) { return images.Select(i), nil },
			}
			if !yield(stamp, nil) {
				return
			}
		}
	}
}
