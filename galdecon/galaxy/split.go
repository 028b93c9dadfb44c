package galaxy

import (
	"fmt"
	"math/rand/v2"
)

// Split returns n of the images and the rest of them, as copies, drawn by chance: a training and a
// validation set. Equal seeds give equal splits of equally many images. Where the images have
// Objects, no object is in both: whole objects are drawn as long as they fit into n, so that there
// may be fewer. It is an error if either set would be empty.
func (im *Images) Split(n int, seed int64) (first, rest *Images, err error) {
	if err := im.CheckShape(); err != nil {
		return nil, nil, err
	}
	if n < 1 || n >= im.N {
		return nil, nil,
			fmt.Errorf("galaxy: cannot split %d images into %d and the rest; the number must be "+
				"between 1 and %d", im.N, n, im.N-1)
	}
	random := rand.New(rand.NewPCG(uint64(seed), 0))
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
		return nil, nil, fmt.Errorf("galaxy: cannot split the %d images of %d objects into %d "+
			"and the rest: none of the objects has so few images", im.N, len(objects), n)
	}
	return im.Select(in...), im.Select(out...), nil
}
