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

# A header as of a survey's stamp: a world coordinate system with SIP distortion, numbers with all their digits, a long string, a
# keyword beyond the standard, and comments.
sky = fits.PrimaryHDU(ramp(5, 8).astype(np.int16))
for card in (
    ("OBJECT", "NGC 4321", "what it is"),
    ("BUNIT", "electron/s", "unit of the pixels"),
    ("CTYPE1", "RA---TAN-SIP"), ("CTYPE2", "DEC--TAN-SIP"),
    ("CRVAL1", 185.72887500000001, "[deg] at the reference pixel"), ("CRVAL2", 15.822299999999998),
    ("CRPIX1", 4.25, "reference pixel"), ("CRPIX2", 2.5),
    ("CD1_1", -1.3888888888888889e-05), ("CD1_2", 1.2345678901234567e-07), ("CD2_1", 2.2345678901234567e-07), ("CD2_2", 1.3888888888888889e-05),
    ("A_ORDER", 2), ("B_ORDER", 2), ("A_2_0", 2.5e-3), ("A_1_1", -1e-3), ("B_0_2", 1.5e-3), ("B_1_1", 5e-4),
    ("HIERARCH ESO TEL AIRM", 1.25, "beyond eight characters"),
    ("FILTERS", "F814W and a text so long that it does not fit into one card, because it goes on and on", "long"),
    ("HISTORY", "drizzled"), ("COMMENT", "made for a test"),
):
    sky.header.append(card, end=True)
sky.header["BZERO"] = 0.5
sky.header["BLANK"] = -1
save("sky.fits", sky)

# Not a number and infinite, as pixels without exposure are in mosaics.
holes = ramp(3, 4).astype(np.float32)
holes[0, 0], holes[2, 3] = np.nan, np.inf
save("holes.fits", fits.PrimaryHDU(holes))
