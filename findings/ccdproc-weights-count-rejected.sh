#!/bin/sh
# ccdproc 2.5.1: a weighted average is too faint where a pixel was rejected.
#
# Expected: pixels that are masked or rejected aren't part of the average, as the documentation of
# Combiner.average_combine says. Four exposures of 100 adu, one with a cosmic ray, are 100 adu
# without it, whatever their weights.
# Seen: 100 without weights, 75 with equal ones: the sum of the other three is divided by the
# weights of all four, whether the pixel was masked or clipped.
# Known (ccdproc issue 893), and so in the newest version.
# Exits with an error when the average is 100.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2 \
    ccdproc==2.5.1
venv/bin/python -W ignore - <<'EOF'
import numpy
from astropy.nddata import CCDData
from ccdproc import Combiner

exposures = numpy.full((4, 2, 2), 100.0)
exposures[0, 0, 0] = 9000


def average(how, weights):
    """Returns the average of the pixel with the cosmic ray, and of another one."""
    masks = exposures > 1000 if how == "masked" else numpy.zeros(exposures.shape, bool)
    combiner = Combiner([CCDData(exposure, unit="adu", mask=mask)
                         for exposure, mask in zip(exposures, masks)])
    combiner.weights = weights
    if how == "clipped":
        combiner.minmax_clipping(max_clip=1000)
    image = combiner.average_combine().data
    seen = float(image[0, 0]), float(image[1, 1])
    print(f"{how}, weights {None if weights is None else weights.tolist()}: "
          f"{seen[0]:g} adu, elsewhere {seen[1]:g} adu")
    return seen


for how in ("masked", "clipped"):
    if average(how, None) != (100, 100):
        raise SystemExit("CHANGED: without weights the average was 100")
    if average(how, numpy.ones(4)) != (75, 100):
        raise SystemExit("CHANGED: with equal weights it was 75")
    if average(how, numpy.array([7.0, 1, 1, 1])) != (30, 100):
        raise SystemExit("CHANGED: with 7 times the weight for the rejected one it was 30")
print("as stated: the weights of rejected pixels count")
EOF
