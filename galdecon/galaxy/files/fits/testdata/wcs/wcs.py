"""World coordinates of windows, by astropy (astropy 8.0.2, numpy 2.4.6).

python wcs.py          writes forms.json, headers in the forms that archives have.
python wcs.py check    reads from stdin a list of [whole, window, left, top, factor], the names of
                       two FITS files and what Header.Window was asked for, and writes how many
                       pixels of the whole image apart they put the same places of the sky, at most,
                       or what astropy says against the files.
"""

import json
import pathlib
import sys
import warnings

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

warnings.simplefilter("ignore")
here = pathlib.Path(__file__).parent

tan = dict(CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRVAL1=150.1, CRVAL2=-32.2, CRPIX1=500.25, CRPIX2=-33.75)
angle = np.deg2rad(25)
c, s = np.cos(angle), np.sin(angle)
cd = {"CD1_1": -1e-4 * c, "CD1_2": 1e-4 * s, "CD2_1": 1e-4 * s, "CD2_2": 1e-4 * c}
cdelt = {"CDELT1": -1e-4, "CDELT2": 1e-4}
sip = {"A_ORDER": 3, "B_ORDER": 3, "A_2_0": 2e-5, "A_1_1": -1e-5, "A_0_3": 3e-8, "A_1_0": 1e-3, "B_0_2": 1e-5,
       "B_2_1": 2e-8, "A_DMAX": 2.0, "B_DMAX": 1.0,
       "AP_ORDER": 3, "BP_ORDER": 3, "AP_2_0": -2e-5, "AP_1_1": 1e-5, "BP_0_2": -1e-5}
lookup = {"CPDIS1": "LOOKUP", "CPDIS2": "LOOKUP", "CPERR1": 0.043, "CPERR2": 0.051, "D2IMDIS1": "LOOKUP", "D2IMERR1": 0.002}


def projected(code, **more):
    return {**tan, "CTYPE1": "RA---" + code, "CTYPE2": "DEC--" + code, **cd, **more}


forms = {
    "cd": {**tan, **cd},
    "cd of two": {**tan, "CD1_1": -1e-4, "CD2_2": 1e-4},
    "pc": {**tan, **cdelt, "PC1_1": c, "PC1_2": -s, "PC2_1": s, "PC2_2": c},
    "pc with the scale": {**tan, "PC1_1": -1e-4 * c, "PC1_2": 1e-4 * s, "PC2_1": 1e-4 * s, "PC2_2": 1e-4 * c},
    "crota": {**tan, **cdelt, "CROTA2": 25.0},
    "pc001": {**tan, **cdelt, "PC001001": c, "PC001002": -s, "PC002001": s, "PC002002": c},
    "cdelt alone": {**tan, **cdelt},
    "no crpix": {k: v for k, v in {**tan, **cdelt}.items() if not k.startswith("CRPIX")},
    "pixels of a degree": {**tan, "CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CRVAL1": 0.0, "CRVAL2": 0.0, "CRPIX1": 20.0, "CRPIX2": 9.5},
    "tpv": projected("TPV", PV1_0=0.0, PV1_1=1.01, PV1_2=0.003, PV1_4=0.4, PV1_7=0.8, PV2_0=0.0, PV2_1=0.99, PV2_2=-0.002, PV2_4=0.3),
    "sip": projected("TAN-SIP", **sip),
    "sip with cdelt": {**tan, "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", **cdelt, **sip},
    "zpn": projected("ZPN", PV2_1=1.0, PV2_3=42.0),
    "poles": projected("ZEA", LONPOLE=170.0, LATPOLE=20.0),
    "arcseconds": {**tan, "CUNIT1": "arcsec", "CUNIT2": "arcsec", "CRVAL1": 540360.0, "CRVAL2": -115920.0, "CDELT1": -0.36, "CDELT2": 0.36},
    "declination first": {**tan, "CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": -32.2, "CRVAL2": 150.1, **cd},
    "alternate": {**tan, **cd, "CTYPE1A": "LINEAR", "CTYPE2A": "LINEAR", "CRPIX1A": 10.0, "CRPIX2A": 20.0, "CRVAL1A": 5.0, "CRVAL2A": 6.0, "CDELT1A": 2.0, "CDELT2A": 3.0},
    "alternate without scale": {**tan, **cd, "CTYPE1P": "LINEAR", "CTYPE2P": "LINEAR", "CRVAL1P": 5.0, "CRVAL2P": 6.0},
    "alternate pc": {**tan, **cdelt, "WCSNAMEB": "B", "CTYPE1B": "GLON-TAN", "CTYPE2B": "GLAT-TAN", "CRPIX1B": 3.0, "CRVAL1B": 50.0, "CRVAL2B": 6.0, "PC1_2B": 0.1, "CDELT1B": 1e-3, "CDELT2B": 1e-3},
    "ltv": {**tan, **cd, "LTV1": -1000.0, "LTV2": -2000.0, "LTM1_1": 0.5, "LTM2_2": 0.5},
    "ltv alone": {**tan, **cd, "LTV1": -1000.0},
    "cube": {**tan, **cdelt, "CTYPE3": "WAVE", "CRPIX3": 1.0, "CRVAL3": 5e-7, "CDELT3": 1e-10, "CUNIT3": "m"},
    "radio": {**tan, "CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN", **cdelt, "CTYPE3": "FREQ", "CRPIX3": 1.0, "CRVAL3": 1.4e9, "CDELT3": 1e6,
              "CTYPE4": "STOKES", "CRPIX4": 1.0, "CRVAL4": 1.0, "CDELT4": 1.0, "CROTA2": 0.0},
    "plate": dict(PLTRAH=10, PLTRAM=0, PLTRAS=24.0, PLTDECSN="-", PLTDECD=32, PLTDECM=12, PLTDECS=0.0, PLTSCALE=67.2, PPO1=-3069417.0, PPO2=0.0,
                  PPO3=177500.0, PPO4=0.0, PPO5=3069417.0, PPO6=177500.0, XPIXELSZ=25.284, YPIXELSZ=25.284, CNPIX1=6000, CNPIX2=6100) | {
                  **{f"AMD{a}{i}": 0.0 for a in "XY" for i in range(1, 21)},
                  **{"AMDX1": 67.22, "AMDX2": 0.05, "AMDX3": 20.0, "AMDX4": 1e-5, "AMDX8": 1e-6, "AMDY1": 67.22, "AMDY2": -0.05, "AMDY3": -15.0, "AMDY8": 2e-6}},
    "lookup": {**tan, **cd, **lookup},
    "lookup with sip": projected("TAN-SIP", **{**sip, **lookup}),
    "table": {**tan, **cdelt, "CTYPE3": "WAVE-TAB", "PS3_0": "WCS-TABLE", "PS3_1": "COORDS", "PV3_1": 1, "CRPIX3": 1.0, "CRVAL3": 1.0, "CDELT3": 1.0, "CUNIT3": "m"},
    "double precision": {**tan, **cd},
    "twice": {**tan, **cd},
}


def cards(name, values):
    header = fits.Header()
    for key, value in values.items():
        header[key] = value
    out = [str(card) for card in header.cards]
    if name.startswith("lookup"):
        for i in (1, 2):
            out += [str(fits.Card.fromstring(f"DP{i}     = '{text}'")) for text in (f"EXTVER: {i}.0", "NAXES: 2.0", "AXIS.1: 1.0", "AXIS.2: 2.0")]
    if name == "double precision":
        out = [card.replace("E-05", "D-05") for card in out]
    if name == "twice":  # wcslib takes the last of them
        out = ["CRPIX1  =                  7.0".ljust(80)] + out
    return out


def check(whole, window, left, top, factor):
    systems = 0
    with fits.open(whole) as a, fits.open(window) as b:
        b.verify("exception")
        before, after = a[0].header, b[0].header
        if (left, top, factor) != (0, 0, 1):
            # astropy.wcs takes 1.0D-05 for 1.0; the values of its Header are right.
            before = fits.Header([(key, value) for key, value in before.items() if key != "COMMENT"])
        shape = b[0].data.shape
        letters = sorted({key[-1] for key in before if len(key) == 7 and key.startswith("CRVAL")})
        worst = 0.0
        for letter in [" "] + letters:
            u, v = WCS(before, key=letter, fix=False), WCS(after, key=letter, fix=False)
            u.wcs.set(), v.wcs.set()
            assert u.naxis == v.naxis, "axes"
            rest = [np.ones(5)] * (u.naxis - 2)
            p = np.array([1.0, 1.5, shape[-1], shape[-1] / 2, 1.0]), np.array([1.0, shape[-2], 1.5, shape[-2] / 2, 2.0])
            q = [first + factor * (x - 0.5) + 0.5 for x, first in zip(p, (left, top))]
            want = np.array(u.all_pix2world(*q, *rest, 1))
            got = np.array(v.all_pix2world(*p, *rest, 1))
            # What a pixel is on the sky.
            right = np.array(u.all_pix2world(q[0] + 1, q[1], *rest, 1)) - want
            up = np.array(u.all_pix2world(q[0], q[1] + 1, *rest, 1)) - want
            for k in range(len(p[0])):
                jacobian = np.stack([right[:, k], up[:, k]], 1)
                scale = np.abs(jacobian).max()
                solution, *_ = np.linalg.lstsq(jacobian / scale, (got - want)[:, k] / scale, rcond=None)
                worst = max(worst, np.abs(solution).max())
            systems += 1
        if "LTV1" in before:
            for axis, first in ((1, left), (2, top)):
                physical = lambda h, x: (x - h.get(f"LTV{axis}", 0.0)) / h.get(f"LTM{axis}_{axis}", 1.0)
                worst = max(worst, abs(physical(after, 1.0) - physical(before, first + factor / 2 + 0.5)))
    return worst


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        answers = []
        for case in json.load(sys.stdin):
            try:
                answers.append([float(check(*case)), ""])
            except Exception as e:
                answers.append([0, f"{type(e).__name__}: {e}"])
        json.dump(answers, sys.stdout)
    else:
        text = json.dumps({name: cards(name, values) for name, values in forms.items()}, indent=1)
        (here / "forms.json").write_text(text + "\n")
