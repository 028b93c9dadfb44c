#!/bin/sh
# photutils 3.0.0: a PSF resized to another pixel scale is too wide.
#
# Expected: resize_psf(psf, 0.09, 0.03) has 3 pixels for each pixel of the PSF, so a Gaussian is 3
# times as wide in pixels. Its documentation has the exact scale of the result as the input's scale
# × the input's size / the output's size, which is 0.03 for 15 and 45 pixels.
# Seen: it is 3.14 times as wide for 15 pixels, as if the scale were 0.09 × 14 / 44, and 3.04 times
# for 51. The centers of the outermost pixels are laid on each other, not the edges of the images.
# A kernel made from such a PSF is for another one, by 5 and 1 percent.
# Exits with an error when the PSF is 3 times as wide.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 \
    astropy==8.0.2 photutils==3.0.0
venv/bin/python -W error - <<'EOF'
import numpy
from photutils.psf_matching import resize_psf


def width(psf):
    """Returns the standard deviation of a PSF's profile along x, in pixels."""
    x = numpy.arange(len(psf)) - (len(psf) - 1) / 2
    return float(((psf.sum(axis=0) * x**2).sum() / psf.sum())**0.5)


for size in (15, 51):
    x = numpy.arange(size) - (size - 1) / 2
    psf = numpy.exp(-(x**2 + x[:, None]**2) / (2 * (size / 12)**2))
    psf /= psf.sum()
    resized = resize_psf(psf, 0.09, 0.03)
    factor = width(resized) / width(psf)
    print(f"{size} pixels to {len(resized)}: {factor:.3f} times as wide, expected 3")
    if len(resized) != 3 * size:
        raise SystemExit("CHANGED: it had 3 times as many pixels")
    if abs(factor - (3 * size - 1) / (size - 1)) > 0.005:
        raise SystemExit("CHANGED: it was 3.14 and 3.04 times as wide")
print("as stated: the PSF is too wide")
EOF
