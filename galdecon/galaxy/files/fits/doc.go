// Package fits reads and writes FITS, the format of astronomy's images.
//
// It reads images of every BITPIX, also those that are compressed by tiles ([HDU.Compressed]) and
// files packed by gzip or bzip2, and the columns of binary tables; it writes images. Headers are
// kept card by card as they stand in the file, so that what isn't understood passes through
// unchanged, and values are read as leniently as astropy reads them. Only the keywords that say
// where the data lie and of what kind they are can refuse an image, and then by name.
//
//	file, err := fits.Open("mosaic.fits.gz")
//	hdu, err := file.Select(fits.Selector{Name: "SCI", Version: 2})
//	pixels, err := hdu.Plane(0) // [height, width], float64
//
// Section numbers in comments are of the FITS Standard, version 4.0 (FITS Working Group 2018,
// https://fits.gsfc.nasa.gov/fits_standard.html).
package fits

const (
	cardSize  = 80   // bytes of one line of a header (section 4.1)
	blockSize = 2880 // bytes; headers and data fill whole blocks (section 3.1)
)

// padding returns how many bytes fill the last block of n bytes.
func padding(n int64) int64 { return (blockSize - n%blockSize) % blockSize }
