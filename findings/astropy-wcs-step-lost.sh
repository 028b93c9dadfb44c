#!/bin/sh
# astropy 8.0.2: every second pixel of a WCS with a CD matrix has the pixel scale of every pixel.
#
# Expected: wcs[::2, ::2] is the WCS of the image made smaller by that step, as the documentation of
# WCS.slice says: the pixel grid is downsampled by it. A WCS with the scale in CDELTn and the same
# WCS with it in CDi_j give the same coordinates.
# Seen: with CDELTn pixel (100, 30) is where the center of the old pixels 200, 201 and 60, 61 is.
# With CDi_j it is 18 arcseconds (50 old pixels) off: the step goes to CDELTn, which isn't used
# beside a CD matrix.
# Exits with an error when both are right.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
venv/bin/python -W ignore - <<'EOF'
import numpy
from astropy.wcs import WCS

scale = 1e-4  # degrees


def error(matrix):
    """Returns by how many arcseconds a pixel of the smaller image is misplaced."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 0, 0
    wcs.wcs.crpix = 100, 100
    if matrix:
        wcs.wcs.cd = [[-scale, 0], [0, scale]]
    else:
        wcs.wcs.cdelt = -scale, scale
    pixel = numpy.array([100, 30])
    expected = wcs.wcs_pix2world([2 * pixel + 0.5], 0)[0]
    seen = wcs[::2, ::2].wcs_pix2world([pixel], 0)[0]
    off = (seen - expected + 180) % 360 - 180
    print("CDi_j:" if matrix else "CDELTn:", "off by", (off * 3600).round(4), "arcseconds")
    return numpy.abs(off * 3600)


if error(matrix=False).max() > 1e-6:
    raise SystemExit("CHANGED: with CDELTn the coordinates were right")
if error(matrix=True).max() < 18:
    raise SystemExit("CHANGED: with CDi_j they were 18 arcseconds off")
print("as stated: the step is lost with a CD matrix")
EOF
