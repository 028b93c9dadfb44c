"""Writes the FITS files of the tests with astropy: python make_fits.py (astropy 8.0.2, numpy 2.4.6).

Pixel [row, column] of image n is 100*n + 10*row + column, unless a comment says otherwise.
"""

import pathlib

import numpy as np
from astropy.io import fits

here = pathlib.Path(__file__).parent


def ramp(*shape):
    index = np.indices(shape)
    return sum(factor * axis for factor, axis in zip((1, 10, 100), index[::-1])).astype(float)


def save(name, *hdus):
    fits.HDUList(list(hdus)).writeto(here / name, overwrite=True)


save("float32.fits", fits.PrimaryHDU(ramp(3, 4).astype(">f4")))

# A cube of doubles, with an axis of length 1 that carries nothing.
save("cube.fits", fits.PrimaryHDU(ramp(1, 2, 3, 4)[0].reshape(1, 2, 3, 4)))

# Unsigned shorts: astropy stores them as signed ones with BZERO 32768. The pixels are 60000 + 10*row + column.
save("uint16.fits", fits.PrimaryHDU((60000 + ramp(3, 4)).astype(np.uint16)))

# No image in the primary HDU, then a table, then integers with a scale: 0.5 * stored + 7 is the ramp.
scaled = fits.ImageHDU(((ramp(3, 4) - 7) / 0.5).astype(np.int16), name="SCI")
scaled.header["BSCALE"] = 0.5
scaled.header["BZERO"] = 7
table = fits.BinTableHDU.from_columns([fits.Column("flux", "E", array=[1.0, 2.0])])
save("extension.fits", fits.PrimaryHDU(), table, scaled)

# A pixel marked as bad: row 1, column 2.
marked = ramp(3, 4).astype(np.int32)
marked[1, 2] = -999
blank = fits.PrimaryHDU(marked)
blank.header["BLANK"] = -999
save("blank.fits", blank)

save("compressed.fits", fits.PrimaryHDU(), fits.CompImageHDU(ramp(16, 16).astype(np.int16)))
save("spectrum.fits", fits.PrimaryHDU(np.arange(5.0)))
