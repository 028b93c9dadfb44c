#!/bin/sh
# astropy 8.0.2: a cutout's WCS has the tabulated distortion of another part of the image.
#
# Expected: Cutout2D gives, as documented, an updated copy of the WCS for the cutout's data: each
# pixel keeps its coordinates. Images of HST's ACS and WFC3 have such tables (D2IMARR, WCSDVARR).
# Seen: the coordinates are off by the difference of the distortion at the two places, here 1.928
# less 0.560 pixels, while a slice of the WCS at the same place is right. Cutout2D moves CRPIXn and
# the center of SIP, not the tables; slices do move them, since issue 15047 of astropy.
# Exits with an error when the cutout is right, or the slice isn't.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
venv/bin/python -W ignore - <<'EOF'
import numpy
from astropy.nddata import Cutout2D
from astropy.wcs import WCS, DistortionLookupTable

scale = 1e-5  # degrees
wcs = WCS(naxis=2)
wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
wcs.wcs.crval = 150, 0
wcs.wcs.crpix = 500, 500
wcs.wcs.cdelt = -scale, scale
# x is displaced by up to 2 pixels, as the square of the distance from column 501.
table = numpy.tile(2 * numpy.linspace(-1, 1, 11, dtype=numpy.float32) ** 2, (11, 1))
wcs.cpdis1 = DistortionLookupTable(table, (1, 1), (1, 1), (100, 100))

cutout = Cutout2D(numpy.zeros((1000, 1000)), (800, 800), (101, 101), wcs=wcs)
x, y = cutout.origin_original
expected = numpy.array(wcs.all_pix2world(x + 10, y + 20, 0))


def error(part):
    """Returns by how many pixels pixel (10, 20) of a part of the image is misplaced."""
    return numpy.hypot(*(numpy.array(part.all_pix2world(10, 20, 0)) - expected)) / scale


off, sliced = error(cutout.wcs), error(wcs[y:, x:])
print(f"cutout: {off:.3f} pixels off, slice: {sliced:.3f}")
if sliced > 1e-6:
    raise SystemExit("CHANGED: the slice was right")
if abs(off - 1.368) > 0.001:
    raise SystemExit("CHANGED: the cutout was 1.368 pixels off")
print("as stated: the cutout has the distortion of the image's corner")
EOF
