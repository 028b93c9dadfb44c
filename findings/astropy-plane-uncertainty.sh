#!/bin/sh
# astropy 8.0.2: the uncertainties of a plane fitted to an image are several times too large.
#
# Expected: LinearLSQFitter(calc_uncertainties=True) estimates the standard deviations of the fitted
# parameters, here of a background's level and slopes in 30 × 30 pixels of noise 0.1. They are those
# in repeated simulations, and don't depend on whether the pixels are handed over as a table of
# rows and columns or one after the other.
# Seen: 0.019 for the level instead of 0.0033, unless the pixels are one after the other. The
# degrees of freedom are counted from the rows, 30 - 3, not from the pixels, 900 - 3. The factor
# grows as the square root of the width. It is the same with LMLSQFitter.
# Exits with an error when the uncertainties are right, or other numbers are seen.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 astropy==8.0.2
venv/bin/python -W ignore - <<'EOF'
import numpy
from astropy.modeling.fitting import LinearLSQFitter, LMLSQFitter
from astropy.modeling.models import Polynomial2D

rng = numpy.random.default_rng(1)
y, x = numpy.mgrid[-1:1:30j, -1:1:30j]


def fit(fitter, shape):
    """Returns the parameters of 200 fits, and the mean of their uncertainties."""
    parameters, uncertainties = [], []
    for _ in range(200):
        image = 5 + 2 * x + 3 * y + rng.normal(0, 0.1, x.shape)
        pixels = [array.reshape(shape) for array in (x, y, image)]
        model = fitter(calc_uncertainties=True)(Polynomial2D(1), *pixels)
        parameters.append(model.parameters)
        uncertainties.append(model.stds.stds)
    mean = numpy.mean(uncertainties, axis=0)
    print(f"{fitter.__name__}, pixels as {shape}: {mean.round(4)}")
    return numpy.array(parameters), mean


for fitter in (LinearLSQFitter, LMLSQFitter):
    parameters, table = fit(fitter, (30, 30))
    _, line = fit(fitter, (900,))
    scatter = parameters.std(axis=0)
    print(f"in the simulations: {scatter.round(4)}")
    if numpy.abs(line / scatter - 1).max() > 0.2:
        raise SystemExit("CHANGED: one after the other they were those of the simulations")
    if not numpy.allclose(table / line, (897 / 27)**0.5, rtol=0.05):
        raise SystemExit("CHANGED: in a table they were 5.8 times as large")
print("as stated: the uncertainties are of 30 pixels, not of 900")
EOF
