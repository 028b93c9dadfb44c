package posterior_test

import (
	"fmt"

	"galdecon/galdecon/posterior"
)

// The flux and the shape of a galaxy with the error bars that its candidates give: their fluxes are
// spread by a tenth.
func ExamplePosterior_Measure() {
	drawn := candidates([][2]float64{
		{-1.6, 0.3}, {-1, -0.8}, {-0.6, 1.2}, {-0.2, -0.4},
		{0.1, 0.7}, {0.5, -1.3}, {0.9, 0.1}, {1.7, -0.2},
	}, 0)
	m, err := drawn.Measure(16)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("flux", m.Flux)
	fmt.Println("flux", m.Flux.Scaled(1e-22).WithUnit("W/m2/Hz"))
	fmt.Println("half-light radius", m.HalfLight.WithUnit("px"))
	fmt.Printf("%d of %d candidates measured\n", m.Measured, m.Measured+m.Failed)
	// Output:
	// flux 5000 +700 −600
	// flux (5.0 +0.7 −0.6)e-19 W/m2/Hz
	// half-light radius 3.569 +0.010 −0.005 px
	// 8 of 8 candidates measured
}

// Error bars have the digits that they justify, in any unit.
func ExampleInterval() {
	counts := posterior.Interval{Median: 25314.2, Low: 24048, High: 25550}
	fmt.Println(counts)
	fmt.Println(counts.Scaled(1.5e-23).WithUnit("W/m2/Hz"))
	// Output:
	// 25310 +240 −1270
	// (3.797 +0.035 −0.190)e-19 W/m2/Hz
}
