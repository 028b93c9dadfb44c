"""Writes wcs.json: headers, pixels and where astropy 8.0.2 puts them in the sky."""

import json
import pathlib
import warnings

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_area

warnings.simplefilter("ignore")
tan = dict(CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRVAL1=150.1, CRVAL2=-32.2, CRPIX1=50.25, CRPIX2=-33.75)
angle = np.deg2rad(25)
c, s = np.cos(angle), np.sin(angle)
cd = {"CD1_1": -1e-4 * c, "CD1_2": 1e-4 * s, "CD2_1": 1e-4 * s, "CD2_2": 1e-4 * c}
cdelt = {"CDELT1": -1e-4, "CDELT2": 1e-4}
sip = {"A_ORDER": 3, "B_ORDER": 3, "A_2_0": 2e-5, "A_1_1": -1e-5, "A_0_3": 3e-8, "A_1_0": 1e-3, "B_0_2": 1e-5,
       "B_2_1": 2e-8}
forms = {
    "cd": {**tan, **cd},
    "cd of two": {**tan, "CD1_1": -1e-4, "CD2_2": 1e-4},
    "pc": {**tan, **cdelt, "PC1_1": c, "PC1_2": -s, "PC2_1": s, "PC2_2": c},
    "crota": {**tan, **cdelt, "CROTA2": 25.0},
    "unequal crota": {**tan, "CDELT1": -1e-4, "CDELT2": 2e-4, "CROTA2": 25.0},
    "cdelt alone": {**tan, **cdelt},
    "no crpix": {k: v for k, v in {**tan, **cdelt}.items() if not k.startswith("CRPIX")},
    "pole turned": {**tan, **cd, "LONPOLE": 150.0},
    "at the pole": {**tan, **cd, "CRVAL2": 90.0},
    "across 0 h": {**tan, **cd, "CRVAL1": 0.001},
    "a degree": {**tan, "CDELT1": -0.01, "CDELT2": 0.01},
    "sip": {**tan, "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", **cd, **sip},
    "arcseconds": {**tan, "CUNIT1": "arcsec", "CUNIT2": "arcsec", "CRVAL1": 540360.0, "CRVAL2": -115920.0,
                   "CDELT1": -0.36, "CDELT2": 0.36},
    "declination first": {**tan, "CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": -32.2, "CRVAL2": 150.1, **cd},
}
pixels = [[0, 0], [63, 0], [10.5, 47.25], [99, 99], [-20, 30]]
out = {}
for name, cards in forms.items():
    header = fits.Header()
    for key, value in cards.items():
        header[key] = value
    w = WCS(header)
    sky = w.all_pix2world(pixels, 0)
    if name == "declination first":
        sky = sky[:, ::-1]
    out[name] = {"cards": [str(card) for card in header.cards], "pixels": pixels, "sky": sky.tolist(),
                 "scale": float(np.sqrt(proj_plane_pixel_area(w.celestial)) * 3600)}
pathlib.Path(__file__).with_name("wcs.json").write_text(json.dumps(out, indent=1) + "\n")
