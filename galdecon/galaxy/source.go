package galaxy

import (
	"context"
	"iter"
)

// Source is where galaxies come from: a folder or an archive of files ([files.Folder]), the
// generator ([synthetic.Config]), the shipped galaxies ([hst.Source]), or a web archive.
// [dataset.Write] makes a set of what it yields.
type Source interface {
	// Galaxies yields the stamps one by one, in the same order each time, until there are no more
	// or ctx ends. A stamp whose pixels turn out to be damaged or missing is no error here, but one
	// of its Read. An error that is yielded ends the sequence.
	Galaxies(ctx context.Context) iter.Seq2[Stamp, error]
	// Describe names the source with all the options that its pixels depend on, but no secret: it
	// is stored with the set, and a set that is half written goes on only with a source of the same
	// description.
	Describe() string
}

// Stamp is one image of a galaxy in a [Source].
type Stamp struct {
	// ID names the stamp, in messages and in the set; it is unique within its source.
	ID string
	// Object names the galaxy that is seen. Stamps of one object, from other angles or in other
	// orientations, are never parted by a split. Empty means that it is seen in this stamp only.
	Object string
	// Version changes when the pixels do, so that a stamp which was already prepared is known to be
	// the same; empty where ID and the source's description say it all.
	Version string
	// Origin is what to cite for the pixels, and License what may be done with them; empty where it
	// isn't known.
	Origin, License string
	// Done is the fraction of the source, 0 to 1, that is passed with this stamp, for a progress
	// bar.
	Done float64
	// Read returns the pixels, [1, h, w, c], in units of the source, or of its Scale. It may be
	// called from another goroutine, at a later time, once or never.
	Read func() (*Images, error)
}
