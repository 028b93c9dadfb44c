package galdecon_test

import (
	"context"
	"fmt"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

// A galaxy that a telescope has blurred is deconvolved: each candidate is sharp, and blurred again
// it is the observation but for the noise. Of your own images make observations by
// posterior.NewObservations.
func Example() {
	clean, err := synthetic.Galaxies(synthetic.Config{N: 1, Size: 32, Seed: 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	seeing, err := psf.Gaussian{Sigma: 1.5}.Render(15)
	if err != nil {
		fmt.Println(err)
		return
	}
	const noise = 0.01
	x, err := galdecon.Observe(clean, []psf.PSF{seeing}, noise, 1)
	if err != nil {
		fmt.Println(err)
		return
	}

	model, err := pretrained.Load("tiny") // or galdecon.Load, of the folder that you trained in
	if err != nil {
		fmt.Println(err)
		return
	}
	posteriors, err := model.Sample(context.Background(), x, 2, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	drawn := posteriors[0]
	chi, err := score.ChiSquared(drawn.Reblurred, drawn.Observation, noise)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, v := range chi {
		fmt.Printf("candidate %d: χ² = %.1f per pixel\n", i+1, v)
	}
	// Output:
	// candidate 1: χ² = 1.0 per pixel
	// candidate 2: χ² = 1.0 per pixel
}
