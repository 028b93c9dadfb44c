#!/bin/sh
# astropy 8.0.2: the variance of an image in another unit is wrong by the factor between the units.
#
# Expected: 1 mJy is 0.001 Jy, so a variance of 4 mJy² is 4e-6 Jy², and an inverse variance of
# 1/4 per mJy² is 250000 per Jy². CCDData.convert_unit_to is documented to return an image whose
# values have been converted to the unit; the uncertainty comes with it, in its own unit.
# Seen: 0.004 Jy² and 0.00025 per Jy²: all three measures are multiplied by the factor of the image,
# which is right for the standard deviation alone. The weight of a pixel is wrong by 1e9, and the
# units beside the numbers are those of right ones.
# Exits with an error when the variance is right, or other numbers are seen.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
venv/bin/python -W error - <<'EOF'
import numpy
from astropy.nddata import CCDData, InverseVariance, StdDevUncertainty, VarianceUncertainty


def convert(kind, value, expected):
    """Returns the uncertainty of a pixel after a conversion from mJy to Jy."""
    uncertainty = kind(numpy.full((2, 2), value))
    image = CCDData(numpy.full((2, 2), 1000.0), unit="mJy", uncertainty=uncertainty)
    result = image.convert_unit_to("Jy")
    seen = float(result.uncertainty.array[0, 0])
    print(f"{kind.__name__}: {value:g} {image.uncertainty.unit}, converted "
          f"{seen:g} {result.uncertainty.unit}, expected {expected:g}")
    if result.data[0, 0] != 1 or result.unit != "Jy":
        raise SystemExit("CHANGED: the image was converted to 1 Jy")
    return seen


if not numpy.isclose(convert(StdDevUncertainty, 2, 0.002), 0.002):
    raise SystemExit("CHANGED: the standard deviation was right")
if not numpy.isclose(convert(VarianceUncertainty, 4, 4e-6), 0.004):
    raise SystemExit("CHANGED: the variance was 0.004")
if not numpy.isclose(convert(InverseVariance, 0.25, 250000), 0.00025):
    raise SystemExit("CHANGED: the inverse variance was 0.00025")
print("as stated: variances are multiplied by the factor itself")
EOF
