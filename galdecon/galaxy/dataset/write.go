package dataset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"galdecon/galdecon/galaxy"
)

// Progress is how far [Write] is.
type Progress struct {
	// Done is the fraction of the source, 0 to 1, that is passed.
	Done float64
	// Prepared and Rejected count stamps, those of an earlier run included.
	Prepared, Rejected int
	// ID is the stamp that was prepared or rejected last; empty at the end.
	ID string
}

// Summary counts what is in a set.
type Summary struct {
	// Galaxies is the number of images, and Objects that of the galaxies that they show.
	Galaxies int `json:"galaxies"`
	Objects  int `json:"objects"`
	// Parts counts the images to train on, for the validation and for the test.
	Parts map[Subset]int `json:"parts"`
	// Rejected counts the stamps that were left out, by reason; see [Set.Rejected] for which.
	Rejected map[string]int `json:"rejected,omitempty"`
	// Resumed is how many stamps an interrupted run had prepared or rejected already.
	Resumed int `json:"-"`
}

// Write prepares the galaxies of a source and stores them in the folder dir as a set, which [Open]
// opens: several at a time on all processors, but in the order of the source, with a few in memory.
// Stamps that can't be used are counted and listed with the reason, as are those that have the same
// pixels as an earlier one; it's an error if none is left. report, which may be nil, is called
// after each stamp, and when the source has ended.
//
// A set that is there already stays as it is until the new one is complete. What a run that was
// interrupted or killed has prepared is used by the next run with the same configuration and
// source, up to the first stamp that has changed since.
//
// Of two programs that write into one folder at the same time the second gets an error.
func Write(ctx context.Context, dir string, source galaxy.Source, config Config,
	report func(Progress)) (Summary, error) {
	if source == nil {
		return Summary{}, errors.New("dataset: there is no source to prepare a set of; give a " +
			"Folder, a SyntheticConfig or another Source")
	}
	if err := config.Validate(); err != nil {
		return Summary{}, err
	}
	summary, err := writeSet(ctx, dir, source, config, report)
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return summary,
			fmt.Errorf("dataset: the preparation of %s was interrupted; run it again to go on: %w",
				dir, err)
	case err != nil:
		return summary, fmt.Errorf("dataset: cannot prepare the set in %s: %w", dir, err)
	}
	return summary, nil
}

// Names of files in a set. Those with a generation, a hash, are named by the manifest: its
// replacement is what replaces a set.
const (
	manifestFile = "set.json"
	lockFile     = ".lock"
	partialDir   = "partial"
	imagesFile   = "images"
	indexFile    = "index"
	rejectedFile = "rejected"
	journalFile  = "journal.csv"
)

func writeSet(ctx context.Context, dir string, source galaxy.Source, config Config,
	report func(Progress)) (Summary, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Summary{}, err
	}
	lock := flock.New(filepath.Join(dir, lockFile))
	if held, err := lock.TryLock(); err != nil {
		return Summary{}, err
	} else if !held {
		return Summary{},
			errors.New("another program is writing into it; wait for that, or choose another " +
				"folder")
	}
	defer lock.Unlock()
	p, err := openPartial(filepath.Join(dir, partialDir), source, config)
	if err != nil {
		return Summary{}, err
	}
	err = p.stream(ctx, source, report)
	if err := errors.Join(err, p.close()); err != nil {
		return Summary{}, err
	}
	return p.finish(dir)
}
