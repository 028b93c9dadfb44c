package dataset_test

import (
	"context"
	"fmt"
	"os"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/dataset"
	"galdecon/galdecon/galaxy/synthetic"
)

// The flux of a galaxy in units of its source, from the scaled image with fewer pixels that is in a
// set.
func ExampleSet_Zoom() {
	source := synthetic.Config{N: 1, Size: 64, Seed: 5, Noiseless: true}
	flux, err := prepared(source)
	if err != nil {
		fmt.Println(err)
		return
	}
	stamps, err := synthetic.Galaxies(source)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f of the flux of the stamp\n", flux/sum(stamps.At(0)))
	// Output: 1.0000 of the flux of the stamp
}

func prepared(source galaxy.Source) (flux float64, err error) {
	dir, err := os.MkdirTemp("", "set")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if _, err := dataset.Write(context.Background(), dir, source, dataset.Config{Size: 32},
		nil); err != nil {
		return 0, err
	}
	set, err := dataset.Open(dir)
	if err != nil {
		return 0, err
	}
	defer set.Close()
	images := set.Images()
	return sum(images.At(0)) * images.Scale[0] * set.Zoom(0) * set.Zoom(0), nil
}

func sum(pixels []float32) float64 {
	total := 0.0
	for _, v := range pixels {
		total += float64(v)
	}
	return total
}
