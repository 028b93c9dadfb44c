package galaxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Split returns n of the images and the rest of them, as copies, drawn by chance: a training and a validation set.
// Equal seeds give equal splits of equally many images. Where the images have Objects, no object is in both: whole objects are drawn as
// long as they fit into n, so that there may be fewer. It is an error if either set would be empty.
func (im *Images) Split(n int, seed uint64) (first, rest *Images, err error) {
	if err := im.consistent(); err != nil {
		return nil, nil, err
	}
	if n < 1 || n >= im.N {
		return nil, nil, fmt.Errorf("galaxy: cannot split %d images into %d and the rest; the number must be between 1 and %d", im.N, n, im.N-1)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	if im.Objects == nil {
		order := random.Perm(im.N)
		return im.Select(order[:n]...), im.Select(order[n:]...), nil
	}
	members := map[string][]int{}
	var objects []string
	for i, object := range im.Objects {
		if members[object] == nil {
			objects = append(objects, object)
		}
		members[object] = append(members[object], i)
	}
	var in, out []int
	for _, k := range random.Perm(len(objects)) {
		if views := members[objects[k]]; len(in)+len(views) <= n {
			in = append(in, views...)
		} else {
			out = append(out, views...)
		}
	}
	if len(in) == 0 || len(out) == 0 {
		return nil, nil, fmt.Errorf("galaxy: cannot split the %d images of %d objects into %d and the rest: none of the objects has so few images", im.N, len(objects), n)
	}
	return im.Select(in...), im.Select(out...), nil
}

// Part is a part of a set.
type Part string

const (
	Training   Part = "training"
	Validation Part = "validation"
	Testing    Part = "test"
)

// parts in the order in which a set holds them.
var parts = []Part{Training, Validation, Testing}

// SplitConfig parts the objects of a set: all images of one object are in one part. The zero value leaves all to the training.
type SplitConfig struct {
	// Validation and Test are the fractions of the objects that aren't trained on; of a part whose fraction isn't 0 there is at least one.
	Validation float64 `json:"validation,omitempty"`
	Test       float64 `json:"test,omitempty"`
	// Seed and the name of an object determine its rank, whatever other objects there are and in what order. The first are for the
	// test, the next for the validation: in a set that has grown most objects stay where they were.
	Seed uint64 `json:"seed,omitempty"`
}

func (c SplitConfig) validate() error {
	if !(c.Validation >= 0 && c.Test >= 0 && c.Validation+c.Test < 1) {
		return fmt.Errorf("galaxy: the validation has a fraction of %v and the test of %v; they must not be negative, and leave some to the training", c.Validation, c.Test)
	}
	return nil
}

// assign returns the part of each object, whose names may recur.
func (c SplitConfig) assign(objects []string) (map[string]Part, error) {
	type ranked struct {
		name string
		hash [sha256.Size]byte
	}
	part := map[string]Part{}
	var all []ranked
	for _, name := range objects {
		if _, known := part[name]; !known {
			part[name] = Training
			all = append(all, ranked{name, sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, c.Seed), name...))})
		}
	}
	slices.SortFunc(all, func(a, b ranked) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	next := 0
	for _, p := range []struct {
		part     Part
		fraction float64
	}{{Testing, c.Test}, {Validation, c.Validation}} {
		if p.fraction == 0 {
			continue
		}
		for range max(1, int(math.Round(p.fraction*float64(len(all))))) {
			if next == len(all)-1 {
				return nil, fmt.Errorf("galaxy: %d objects are too few to leave %v of them to the validation and %v to the test", len(all), c.Validation, c.Test)
			}
			part[all[next].name] = p.part
			next++
		}
	}
	return part, nil
}
