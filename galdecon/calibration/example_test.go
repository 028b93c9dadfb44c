package calibration_test

import (
	"fmt"
	"math/rand/v2"

	"galdecon/galdecon/calibration"
)

// Do error bars hold the truth as often as they say? Fluxes are measured with an error of 1; the
// samples of one model are spread as widely, those of another half as much.
func Example() {
	const galaxies, draws = 300, 31
	for name, width := range map[string]float64{"honest": 1, "too narrow": 0.5} {
		rng := rand.New(rand.NewPCG(1, 2))
		truth, samples := make([]float64, galaxies), make([][]float64, galaxies)
		for i := range truth {
			measured := 100 + rng.NormFloat64()
			truth[i] = measured + rng.NormFloat64()
			for range draws {
				samples[i] = append(samples[i], measured+width*rng.NormFloat64())
			}
		}
		ensemble, err := calibration.Scalars(truth, samples)
		if err != nil {
			fmt.Println(err)
			return
		}
		coverage, err := ensemble.Ranks(1).Central(1)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: intervals of 50 %% hold %.0f %%, off by more than chance: %t\n",
			name, 100*coverage.Empirical[9], coverage.Distance > coverage.HalfWidth)
	}
	// Unordered output:
	// honest: intervals of 50 % hold 51 %, off by more than chance: false
	// too narrow: intervals of 50 % hold 27 %, off by more than chance: true
}
