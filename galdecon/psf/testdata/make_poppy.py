"""Makes the PSF files of the tests with POPPY:

    pip install poppy==1.1.2
    python make_poppy.py
"""
import os

import numpy as np
import poppy
from astropy.io import fits

os.chdir(os.path.dirname(os.path.abspath(__file__)))


class Telescope(poppy.Instrument):
    """2.4 m, a third of it obscured, in the near infrared: lambda/D is 2 pixels."""

    def __init__(self):
        super().__init__(name="telescope")
        self.pixelscale = 0.043  # arcseconds
        self.pupil = poppy.CompoundAnalyticOptic([
            poppy.CircularAperture(radius=1.2),
            poppy.SecondaryObscuration(secondary_radius=0.4, support_width=0.05, n_supports=3,
                                       support_angle_offset=20),
        ])

    def _get_default_fov(self):
        return 1

    def _get_filter_list(self):
        return ["ONE"], None

    def _get_weights(self, source=None, nlambda=1, monochromatic=None, verbose=False):
        return np.array([1e-6]), np.array([1.0])


def poppy_files():
    """OVERSAMP and DET_SAMP of an odd and of an even number of pixels."""
    for name, pixels, oversample in (("poppy-odd", 15, 4), ("poppy-even", 14, 3)):
        telescope = Telescope()
        telescope.options["output_mode"] = "both as FITS extensions"
        made = telescope.calc_psf(monochromatic=1e-6, fov_pixels=pixels, oversample=oversample)
        keep = ("EXTNAME", "OVERSAMP", "DET_SAMP", "CALCSAMP", "PIXELSCL")
        hdus = fits.HDUList()
        for i, hdu in enumerate(made):
            plain = (fits.PrimaryHDU if i == 0 else fits.ImageHDU)(hdu.data.astype("f4"))
            for key in keep:
                if key in hdu.header:
                    plain.header[key] = hdu.header[key]
            hdus.append(plain)
        hdus.writeto(name + ".fits", overwrite=True)


poppy_files()
