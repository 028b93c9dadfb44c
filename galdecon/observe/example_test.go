package observe_test

import (
	"fmt"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/galaxy/wcs"
	"galdecon/galdecon/observe"
)

// A dither of a camera with pixels of 0.2″, on a grid of 0.1″.
func ExampleExposure_Locate() {
	sky := func(x, y, pixel string) *wcs.WCS {
		w, err := wcs.Parse(fits.NewHeader("CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'",
			"CRVAL1  = 150.1", "CRVAL2  = 2.2", fits.Card("CRPIX1  = "+x),
			fits.Card("CRPIX2  = "+y), fits.Card("CDELT1  = -"+pixel),
			fits.Card("CDELT2  = "+pixel)))
		if err != nil {
			panic(err)
		}
		return w
	}
	target := sky("64.5", "64.5", "2.777777777777778E-5")
	image := sky("20.25", "22.5", "5.555555555555556E-5")
	e, err := observe.Exposure{Image: galaxy.NewImages(1, 40, 40, 1)}.Locate(image, target)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("row %.2f, column %.2f, %d pixels of the grid to one\n", e.Row, e.Column, e.Bin)
	// Output: row 20.00, column 24.50, 2 pixels of the grid to one
}
