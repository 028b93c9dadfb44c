"""Writes headers, and where astropy has pixels on the sky: python make.py, with astropy 8.0.2."""

import json
import pathlib

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

here = pathlib.Path(__file__).parent
out = []


def add(name, x, y, **cards):
    h = fits.Header()
    for k, v in cards.items():
        h[k] = v
    w = WCS(h)
    sky = w.all_pix2world(np.c_[x, y], 0)
    back = w.all_world2pix(sky, 0, tolerance=1e-10, maxiter=100)
    assert np.allclose(back, np.c_[x, y], atol=1e-6), name
    if cards["CTYPE1"].startswith("DEC"):
        sky = sky[:, ::-1]
    out.append(dict(name=name, cards=[c.image for c in h.cards], x=list(x), y=list(y),
                    ra=sky[:, 0].tolist(), dec=sky[:, 1].tolist()))


x, y = [0.0, 511.0, 100.5, -50.0, 1023.0], [0.0, 300.0, 900.25, 20.0, 1023.0]
base = dict(CRPIX1=512.5, CRPIX2=500.0, CRVAL1=150.1, CRVAL2=2.2)
cd = dict(CD1_1=-5e-5, CD1_2=1e-6, CD2_1=2e-6, CD2_2=5.1e-5)
for p in ("TAN", "SIN", "ARC", "STG", "ZEA"):
    add(p, x, y, CTYPE1="RA---" + p, CTYPE2="DEC--" + p, **base, **cd)
wide = dict(CD1_1=-0.02, CD1_2=0.001, CD2_1=0.0, CD2_2=0.02)
add("wide", x, y, CTYPE1="RA---TAN", CTYPE2="DEC--TAN", **base, **wide)
add("swapped", x, y, CTYPE1="DEC--TAN", CTYPE2="RA---TAN", CRPIX1=10, CRPIX2=20, CRVAL1=-60,
    CRVAL2=359.99, CD1_1=3e-5, CD1_2=0.0, CD2_1=0.0, CD2_2=-3e-5)
add("pc", x, y, CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CDELT1=-1e-4, CDELT2=1e-4, PC1_1=0.8,
    PC1_2=-0.6, PC2_1=0.6, PC2_2=0.8, **base)
add("crota", x, y, CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CDELT1=-1e-4, CDELT2=2e-4, CROTA2=30.0,
    **base)
add("pole", x, y, CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRPIX1=512, CRPIX2=512, CRVAL1=20,
    CRVAL2=90, **cd)
add("lonpole", x, y, CTYPE1="RA---TAN", CTYPE2="DEC--TAN", LONPOLE=170.0, **base, **cd)
add("sip", x, y, CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=3, B_ORDER=2, A_2_0=2e-6,
    A_1_1=-1e-6, A_0_3=1e-10, B_0_2=3e-6, B_1_1=2e-6, B_2_0=-1e-6, **base, **cd)
(here / "sky.json").write_text(json.dumps(out) + "\n")
