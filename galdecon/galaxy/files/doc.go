// Package files reads images of galaxies from FITS, NumPy, PNG, JPEG and TIFF files, and writes
// FITS and .npy.
//
// [Load] reads a few files into one batch, [n, height, width, channels]; [Read] one file with its
// header and what else is in it; [Folder] is a [galaxy.Source] of any number of files, also within
// archives. [SaveFITS] and [SaveNPY] write a batch. Pixels keep their values; those without data,
// by a mask or weights in the file, are marked as bad ([galaxy.Images.Mask]).
//
//	images, err := files.Load("m51.fits[SCI]", "m101.fits[SCI]")
package files
