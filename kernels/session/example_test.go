package session_test

import (
	"context"
	"fmt"

	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/psf"
	"galdecon/kernels/session"
)

// What a cell of a notebook does: the session, which lives on after it, keeps the model and what is
// compiled for it.
func Example() {
	s, err := session.Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	dir, err := pretrained.Folder("tiny")
	if err != nil {
		fmt.Println(err)
		return
	}
	model, err := s.Load(dir)
	if err != nil {
		fmt.Println(err)
		return
	}

	clean, err := synthetic.Galaxies(synthetic.Config{N: 1, Size: model.Size, Seed: 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	seeing, err := psf.Gaussian{Sigma: 1.5}.Render(15)
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err := s.Observe(clean, []psf.PSF{seeing}, 0.01, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	posteriors, err := model.Sample(context.Background(), x, 2, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := s.Evaluate(clean, posteriors)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d candidates of step %d\n", posteriors[0].Samples.N, model.Step)
	mean := report.Mean()
	fmt.Printf("nearer to the galaxy than the observation: %t\n", mean.Samples < mean.Observation)
	// Output:
	// 2 candidates of step 20000
	// nearer to the galaxy than the observation: true
}
