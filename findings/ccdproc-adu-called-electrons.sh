#!/bin/sh
# ccdproc 2.5.1: an image without its gain applied is said to be in electrons.
#
# Expected: cosmicray_lacosmic(gain_apply=False) doesn't correct the image for the gain, as
# documented, so counts of 100 adu stay 100 adu.
# Seen: the pixels are those of the input, in the unit electron: the flux is wrong by the gain.
# With gain_apply=True pixels and unit are both converted.
# Exits with an error when the unit is adu.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
    numpy==2.4.6 astropy==8.0.2 astroscrappy==1.3.0 ccdproc==2.5.1
venv/bin/python -W ignore - <<'EOF'
import numpy
from astropy import units
from astropy.nddata import CCDData
from ccdproc import cosmicray_lacosmic

gain = 2 * units.electron / units.adu
pixels = numpy.random.default_rng(1).normal(100, 5, (60, 60))


def clean(apply):
    """Returns the mean and the unit of a cleaned image."""
    image = CCDData(pixels, unit="adu")
    noise = 5 * units.electron
    result = cosmicray_lacosmic(image, gain=gain, readnoise=noise, gain_apply=apply)
    mean = float(result.data.mean())
    print(f"gain_apply={apply}: {pixels.mean():.1f} adu became {mean:.1f} {result.unit}")
    return mean, result.unit


mean, unit = clean(True)
if abs(mean - 200) > 1 or unit != units.electron:
    raise SystemExit("CHANGED: with the gain applied it was 200 electrons")
mean, unit = clean(False)
if abs(mean - 100) > 1 or unit != units.electron:
    raise SystemExit("CHANGED: without it was 100, in electrons")
print("as stated: the unit is that of another number")
EOF
