#!/bin/sh
# Writes catalogues by the real SExtractor (Debian's source-extractor 2.25) of an image with four
# galaxies: sextractor.cat (ASCII_HEAD, with an array that isn't last) and sextractor.fits
# (FITS_LDAC). Needs python3 with astropy.
set -e
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
cd "$dir"
python3 - <<'EOF'
import numpy as np
from astropy.io import fits
y, x = np.mgrid[:96, :96]
im = np.random.default_rng(1).normal(0, 1, (96, 96))
for cx, cy, f, s in ((20, 30, 5000, 2), (70.3, 20.6, 3000, 3), (30, 75, 8000, 2.5), (75, 70, 2000, 2)):
    im += f / (2 * np.pi * s * s) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * s * s))
fits.writeto("im.fits", im.astype("f4"))
EOF
cat >sex.param <<'EOF'
NUMBER
X_IMAGE
Y_IMAGE
FLUX_APER(3)
FLUX_RADIUS
FLAGS
EOF
printf 'CONV NORM\n1 2 1\n2 4 2\n1 2 1\n' >sex.conv
for kind in ASCII_HEAD:cat FITS_LDAC:fits; do
	source-extractor im.fits -c /dev/null -PARAMETERS_NAME sex.param -FILTER_NAME sex.conv \
		-PHOT_APERTURES 5,10,15 -CATALOG_TYPE "${kind%:*}" \
		-CATALOG_NAME "$here/sextractor.${kind#*:}" 2>/dev/null
done
rm -r "$dir"
