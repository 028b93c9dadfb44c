"""Makes headers with world coordinates, and what astropy makes of them:

    pip install numpy==2.3.5 astropy==8.0.2
    python make_golden.py
"""
import json
import os
import warnings

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

warnings.simplefilter("ignore")
os.chdir(os.path.dirname(os.path.abspath(__file__)))


def tan(ra=150.1, dec=2.2, x=33.2, y=41.7, scale=0.03, **more):
    """A header with a pixel of so many arcseconds."""
    s = scale / 3600
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec, "CRPIX1": x,
             "CRPIX2": y, "CD1_1": -s, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": s}
    cards.update(more)
    return {k: v for k, v in cards.items() if v is not None}


def cd(scale, angle, mirror=-1):
    """CD of pixels of so many arcseconds, turned by an angle."""
    a, s = np.radians(angle), scale / 3600
    return {"CD1_1": mirror * s * np.cos(a), "CD1_2": -s * np.sin(a),
            "CD2_1": mirror * s * np.sin(a), "CD2_2": s * np.cos(a)}


PC = {"CD1_1": None, "CD1_2": None, "CD2_1": None, "CD2_2": None, "CDELT1": -0.05 / 3600,
      "CDELT2": 0.06 / 3600}
SIP = {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 3, "B_ORDER": 2,
       "A_2_0": 2.9e-6, "A_1_1": -1.3e-6, "A_0_2": 4e-7, "A_3_0": 2e-9, "A_0_3": -1e-9,
       "B_2_0": -8e-7, "B_1_1": 3.1e-6, "B_0_2": 1.1e-6, "B_0_1": 1e-5}
skies = {
    "cd": tan(), "turned cd": tan(**cd(0.1, 33)), "far": tan(x=-15000.5, y=22000.25),
    "pc": tan(**PC, PC1_1=0.96, PC1_2=-0.28, PC2_1=0.28, PC2_2=0.96),
    "cdelt": tan(**PC), "crota": tan(**PC, CROTA2=17.3), "sip": tan(x=2048, y=1024, **SIP),
    "north": tan(dec=89.999, **cd(1, 10)), "pole": tan(dec=90.0, **cd(1, 0)),
    "south": tan(dec=-89.9999, **cd(20, -100)), "zero": tan(ra=359.99999, **cd(1, 0)),
    "lonpole": tan(dec=-45, LONPOLE=150.0), "reversed": tan(
        CTYPE1="DEC--TAN", CTYPE2="RA---TAN", CRVAL1=2.2, CRVAL2=150.1, **cd(0.2, 80)),
    "galactic": tan(CTYPE1="GLON-TAN", CTYPE2="GLAT-TAN"),
    "arcsec": tan(**PC, CUNIT1="arcsec", CUNIT2="arcsec", CRVAL1=150.1 * 3600, CRVAL2=2.2 * 3600)
    | {"CDELT1": -0.05, "CDELT2": 0.05},
    "wide": tan(x=5000, y=5000, **cd(30, 5)),
}
golden = {"skies": [], "places": []}
for name, cards in skies.items():
    wcs = WCS(fits.Header(cards))
    points = []
    for column, row in ((0, 0), (63, 12.5), (-40, 900.25), (4000, 77)):
        lon, lat = wcs.all_pix2world(column, row, 0)
        if cards["CTYPE1"].startswith("DEC"):
            lon, lat = lat, lon
        points.append([column, row, float(lon), float(lat)])
    golden["skies"].append({"name": name, "cards": cards, "points": points})


def place(name, target, image, height, width, bin=0, refused="", angle=0.0, ratio=0.0):
    """Where the first corner of an image is on the grid of another, by its center."""
    t, i = WCS(fits.Header(target)), WCS(fits.Header(image))
    sky = i.all_pix2world((width - 1) / 2, (height - 1) / 2, 0)
    column, row = (float(v) for v in t.all_world2pix(*sky, 0, tolerance=1e-9))
    golden["places"].append({
        "name": name, "target": target, "image": image, "height": height, "width": width,
        "bin": bin, "refused": refused, "angle": angle, "ratio": ratio,
        "column": column - (bin * width - 1) / 2, "row": row - (bin * height - 1) / 2})


place("dither", tan(), tan(ra=150.1 + 1.234e-5, dec=2.2 - 3.3e-6), 64, 64, 1)
place("dither with sip", tan(x=2048, y=1024, **SIP), tan(x=2050.4, y=1023.7, **SIP), 48, 80, 1)
place("sip to plain", tan(x=60, y=60), tan(x=61.3, y=57.9, **SIP), 64, 64, 1)
place("pc on cd", tan(**cd(0.05, -16.26020470831196)), tan(
    **(PC | {"CDELT2": 0.05 / 3600}), PC1_1=0.96, PC1_2=-0.28, PC2_1=0.28, PC2_2=0.96,
    x=20.1, y=20.9), 50, 41, 1)
place("twice as wide", tan(scale=0.05, x=64.5, y=64.5), tan(scale=0.1, x=32.5, y=32.5), 64, 64, 2)
place("three times, off", tan(scale=0.04, x=70.3, y=60.8), tan(scale=0.12, x=11.7, y=30.1), 31, 40,
      3)
place("six times, turned both", tan(**cd(0.03, 40)), tan(**cd(0.18, 40), x=9.9, y=10.1), 16, 18, 6)
place("over zero", tan(ra=359.99999), tan(ra=0.00001), 64, 64, 1)
place("at the pole", tan(dec=90.0, **cd(0.03, 0)), tan(dec=90.0, x=35.7, **cd(0.03, 0)), 64, 64, 1)
place("in the south", tan(dec=-70), tan(ra=150.1005, dec=-70.0001), 64, 64, 1)
place("turned", tan(), tan(**cd(0.03, -0.7)), 64, 64, 1, "turned", angle=0.7)
place("turned by half", tan(), tan(**cd(0.03, 180)), 64, 64, 1, "turned", angle=180)
place("turned a little", tan(), tan(**cd(0.03, 0.01)), 64, 64, 1)
place("that little of a large one", tan(), tan(**cd(0.03, -0.01)), 640, 640, 1, "turned",
      angle=0.01)
place("mirrored", tan(), tan(**cd(0.03, 0, 1)), 64, 64, 1, "mirrored")
place("of another scale", tan(), tan(scale=0.045), 64, 64, 2, "of another scale", ratio=1.5)
place("finer", tan(), tan(scale=0.015), 64, 64, 1, "of another scale", ratio=0.5)
place("nearly", tan(), tan(scale=0.0603), 64, 64, 2, "of another scale", ratio=2.01)
place("oblong", tan(), tan(CD2_2=0.036 / 3600), 64, 64, 1, "of another scale", ratio=1.0)
place("distorted", tan(), tan(**(SIP | {"A_2_0": 2e-4})), 64, 64, 1, "distorted")
with open("golden.json", "w") as f:
    json.dump(golden, f, separators=(",", ":"))
