package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Subset names a part of a set: what is trained on, or held out.
type Subset string

const (
	Training   Subset = "training"
	Validation Subset = "validation"
	Testing    Subset = "test"
)

// subsets in the order in which a set holds them.
var subsets = []Subset{Training, Validation, Testing}

// SplitConfig parts the objects of a set: all images of one object are in one part. The zero value
// leaves all to the training.
type SplitConfig struct {
	// Validation and Test are the fractions of the objects that aren't trained on; of a part whose
	// fraction isn't 0 there is at least one.
	Validation float64 `json:"validation,omitempty"`
	Test       float64 `json:"test,omitempty"`
	// Seed and the name of an object determine its rank, whatever other objects there are and in
	// what order. The first are for the test, the next for the validation: in a set that has grown
	// most objects stay where they were.
	Seed int64 `json:"seed,omitempty"`
}

func (c SplitConfig) validate() error {
	if !(c.Validation >= 0 && c.Test >= 0 && c.Validation+c.Test < 1) {
		return fmt.Errorf("dataset: the validation has a fraction of %v and the test of %v; they "+
			"must not be negative, and leave some to the training", c.Validation, c.Test)
	}
	return nil
}

// assign returns the part of each object, whose names may recur.
func (c SplitConfig) assign(objects []string) (map[string]Subset, error) {
	type ranked struct {
		name string
		hash [sha256.Size]byte
	}
	part := map[string]Subset{}
	var all []ranked
	for _, name := range objects {
		if _, known := part[name]; !known {
			part[name] = Training
			all = append(all,
				ranked{name,
					sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, uint64(c.Seed)),
						name...))})
		}
	}
	slices.SortFunc(all, func(a, b ranked) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	next := 0
	for _, p := range []struct {
		part     Subset
		fraction float64
	}{{Testing, c.Test}, {Validation, c.Validation}} {
		if p.fraction == 0 {
			continue
		}
		for range max(1, int(math.Round(p.fraction*float64(len(all))))) {
			if next == len(all)-1 {
				return nil, fmt.Errorf("dataset: %d objects are too few to leave %v of them to "+
					"the validation and %v to the test", len(all), c.Validation, c.Test)
			}
			part[all[next].name] = p.part
			next++
		}
	}
	return part, nil
}
