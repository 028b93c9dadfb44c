// Command outside is a program of somebody else's: it draws candidates in its own process, and in a
// session.
package main

import (
	"context"
	"fmt"
	"os"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/psf"
	"galdecon/kernels/session"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	clean, err := synthetic.Galaxies(synthetic.Config{N: 1, Size: 32, Seed: 3})
	if err != nil {
		return err
	}
	round, err := psf.Gaussian{Sigma: 1.5}.Render(15)
	if err != nil {
		return err
	}
	observations, err := galdecon.Observe(clean, []psf.PSF{round}, 0.003, 1)
	if err != nil {
		return err
	}
	model, err := pretrained.Load("tiny")
	if err != nil {
		return err
	}
	here, err := model.Sample(ctx, observations, 2, 1)
	if err != nil {
		return err
	}

	s, err := session.Open()
	if err != nil {
		return err
	}
	defer s.Close()
	folder, err := pretrained.Folder("tiny")
	if err != nil {
		return err
	}
	resident, err := s.Load(folder)
	if err != nil {
		return err
	}
	there, err := resident.Sample(ctx, observations, 2, 1)
	if err != nil {
		return err
	}
	fmt.Println("alike:", flux(clean), flux(candidates(here)),
		flux(candidates(here)) == flux(candidates(there)))
	return nil
}

func candidates(p []posterior.Posterior) *galaxy.Images { return p[0].Samples }

// flux returns the mean flux of images.
func flux(images *galaxy.Images) float64 {
	sum := 0.0
	for _, v := range images.Pixels {
		sum += float64(v)
	}
	return sum / float64(images.N)
}
