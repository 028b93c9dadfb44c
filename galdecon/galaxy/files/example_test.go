package files_test

import (
	"fmt"
	"os"
	"path/filepath"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
)

// A stamp is cut out of an image and saved where it lies in the sky: its header says what the
// image's did, with the reference pixel moved.
func Example() {
	dir, err := os.MkdirTemp("", "files")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	field, stamp := filepath.Join(dir, "field.fits"), filepath.Join(dir, "stamp.fits")
	if err := saveField(field); err != nil {
		fmt.Println(err)
		return
	}

	whole, err := files.Read(field)
	if err != nil {
		fmt.Println(err)
		return
	}
	cut, err := whole.Images.Cutout(40, 30, 32)
	if err != nil {
		fmt.Println(err)
		return
	}
	header := whole.Header.Window(cut.Left, cut.Top, 1)
	header.AddHistory("cut out of field.fits")
	if err := files.SaveFITS(stamp, cut.Images, header); err != nil {
		fmt.Println(err)
		return
	}

	again, err := files.Read(stamp)
	if err != nil {
		fmt.Println(err)
		return
	}
	x, _ := again.Header.Number("CRPIX1")
	y, _ := again.Header.Number("CRPIX2")
	fmt.Printf("%d×%d pixels, the reference pixel at (%g, %g)\n",
		again.Images.Width, again.Images.Height, x, y)
	// Output: 32×32 pixels, the reference pixel at (7.5, 17.5)
}

// saveField makes an image of 64×64 pixels with a galaxy at column 40, row 30.
func saveField(path string) error {
	field := galaxy.NewImages(1, 64, 64, 1)
	for k := range field.Pixels {
		x, y := k%64-40, k/64-30
		field.Pixels[k] = 1 / float32(1+x*x+y*y)
	}
	return files.SaveFITS(path, field, fits.NewHeader(
		"CRPIX1  =                 32.5", "CRPIX2  =                 32.5",
		"CRVAL1  =                150.1", "CRVAL2  =                  2.2",
		"CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'",
		"CDELT1  =             -8.3E-06", "CDELT2  =              8.3E-06",
	))
}
