"""Makes the PSF files of the tests with POPPY and photutils, and what those make of them:

    pip install poppy==1.1.2 photutils==3.0.0
    python make_golden.py
"""
import json
import os

import numpy as np
import poppy
from astropy import units
from astropy.io import fits
from astropy.nddata import NDData
from photutils.psf import GriddedPSFModel

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


def star(k, over, sigma, g1):
    """A Gaussian, wider along rows for g1 > 0, in the middle of a grid of k samples."""
    c = (k - 1) / 2
    y, x = np.mgrid[:k, :k] - c
    p = np.exp(-0.5 * over**-2 * ((x / (sigma * (1 + g1)))**2 + (y / (sigma * (1 - g1)))**2))
    return p * over**2 / p.sum()


def grids():
    """Grids as STPSF writes them, of odd and even size, and photutils' PSF at places between."""
    golden = []
    places = [(0, 0), (900, 0), (2047, 0), (0, 2047), (900, 2047), (2047, 2047)]  # x, y
    for name, k, over in (("grid-odd", 61, 4), ("grid-even", 60, 4)):
        cube = np.stack([star(k, over, 1.1 + 0.2 * i, 0.05 * i - 0.1) for i in range(len(places))])
        cube = cube.astype("f4")
        hdu = fits.PrimaryHDU(cube)
        hdu.header["OVERSAMP"] = over
        hdu.header["DET_SAMP"] = over
        for i, (x, y) in enumerate(places):
            hdu.header[f"DET_YX{i}"] = str((float(y), float(x)))
        hdu.writeto(name + ".fits", overwrite=True)
        model = GriddedPSFModel(NDData(cube.astype(float), meta={
            "grid_xypos": places, "oversampling": over}))
        for x, y in ((0, 0), (300, 700), (1500, 2000), (2047, 1000), (3000, -50)):
            dy, dx = np.mgrid[-5:6, -5:6]
            values = model.evaluate(dx + float(x), dy + float(y), 1.0, float(x), float(y))
            golden.append({"file": name + ".fits", "x": x, "y": y,
                           "pixels": [float(f"{v:.7g}") for v in values.ravel()]})
    with open("golden.json", "w") as f:
        json.dump(golden, f)


poppy_files()
grids()
