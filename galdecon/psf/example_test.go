package psf_test

import (
	"errors"
	"fmt"
	"math"

	"galdecon/galdecon/moments"
	"galdecon/galdecon/psf"
)

// The shape of a measured PSF, as astronomers give it: axis ratio and position angle of the long
// axis.
func ExamplePSF_Moments() {
	k, err := psf.Moffat{FWHM: 4, Beta: 3.5, Shear: moments.Ellipse(0.8, math.Pi/6)}.Render(31)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := k.Moments()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("axis ratio %.2f, %.0f° from a row\n", m.Shear.AxisRatio(),
		m.Shear.Angle()*180/math.Pi)
	// Output: axis ratio 0.80, 30° from a row
}

// Two telescopes one after the other: a simulated galaxy that already has a PSF of 1.5 pixels is
// seen through one of 2.
func ExampleCompose() {
	sharp, err := psf.Gaussian{Sigma: 1.5}.Render(15)
	if err != nil {
		fmt.Println(err)
		return
	}
	seeing, err := psf.Gaussian{Sigma: 2}.Render(21)
	if err != nil {
		fmt.Println(err)
		return
	}
	both, err := psf.Compose(sharp, seeing)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := both.Moments()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d×%d pixels, σ = %.2f\n", both.Size, both.Size, m.Sigma) // √(1.5² + 2²)
	// Output: 35×35 pixels, σ = 2.50
}

// The PSF of a galaxy in SExtractor's catalog, from the model that PSFEx has fitted to the stars of
// the image.
func ExampleField() {
	file, err := psf.Read("testdata/psfex-2.psf")
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := file.Field.At(psf.FITSPosition(812.3, 97.5)) // X_IMAGE, Y_IMAGE
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := p.Moments()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d×%d pixels, σ = %.2f\n", p.Size, p.Size, m.Sigma)
	_, err = file.Field.At(psf.FITSPosition(5000, 97.5))
	if problem := (*psf.Problem)(nil); errors.As(err, &problem) {
		fmt.Println(problem.Kind, problem.Value)
	}
	// Output:
	// 9×9 pixels, σ = 1.26
	// outside 4999
}
