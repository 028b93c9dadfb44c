package score_test

import (
	"fmt"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/score"
)

// A candidate blurred again must leave no more of the observation than noise.
func ExampleChiSquared() {
	const noise = 0.02
	observation := galaxy.NewImages(1, 16, 16, 1)
	reblurred := galaxy.NewImages(2, 16, 16, 1)
	for k := range observation.Pixels {
		// Both candidates are dark; the second misses a faint sky, too.
		observation.Pixels[k] = noise
		if k%2 == 0 {
			observation.Pixels[k] = -noise
		}
		reblurred.At(1)[k] = 2 * noise
	}
	chi, err := score.ChiSquared(reblurred, observation, noise)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, v := range chi {
		fmt.Printf("candidate %d: χ² = %.2f per pixel\n", i+1, v)
	}
	// Output:
	// candidate 1: χ² = 1.00 per pixel
	// candidate 2: χ² = 5.00 per pixel
}

// How near candidates come to the truth, and whether they say so: where they are calibrated, the
// error of their mean is their variance.
func ExampleTrial() {
	truth, observation := galaxy.NewImages(1, 8, 8, 1), galaxy.NewImages(1, 8, 8, 1)
	samples := galaxy.NewImages(4, 8, 8, 1)
	for k := range truth.Pixels {
		truth.Pixels[k], observation.Pixels[k] = 0.5, 0.3
		for i := range samples.N {
			samples.At(i)[k] = 0.48 + 0.02*float32(i)
		}
	}
	a, err := score.Trial{Truth: truth, Observation: observation, Samples: samples}.Accuracy()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("mean squared error of the observation: %.4f\n", a.Observation)
	fmt.Printf("of the candidates' mean: %.4f, their variance: %.4f\n", a.Mean, a.Variance)
	// Output:
	// mean squared error of the observation: 0.0400
	// of the candidates' mean: 0.0001, their variance: 0.0007
}
