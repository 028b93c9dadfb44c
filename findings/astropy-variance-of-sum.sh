#!/bin/sh
# astropy 8.0.2: the variance of a sum or a mean is computed as if it were a standard deviation.
#
# Expected: the variance of a sum of independent pixels is the sum of their variances, and that of
# their mean is it divided by the square of their number. The documentation has VarianceUncertainty
# and InverseVariance propagate errors to first order like StdDevUncertainty, each in its own
# measure.
# Seen: over 4 pixels of variance 4 the sum has the variance 8 (it is 16) and the mean 2 (it is 1);
# of inverse variance 1/4 the sum has the inverse variance 1/2 (it is 1/16). All three classes go
# through the same steps, square, sum and root, which are right for standard deviations alone. An
# addition of two images is right in all three.
# With a unit, as in every CCDData, it is the error "'adu4' and 'adu2' are not convertible".
# Exits with an error when the sum of variances is right, or other numbers are seen.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
venv/bin/python -W ignore - <<'EOF'
import numpy
from astropy.nddata import InverseVariance, NDDataRef, StdDevUncertainty, VarianceUncertainty

pixels = numpy.array([3.0, 1.0, 4.0, 2.0])
noise = numpy.random.default_rng(1).normal(0, 2, (1000000, 4))
simulated = noise.sum(1).var(), noise.mean(1).var()
print("variances by simulation: sum %.2f, mean %.2f" % simulated)
measures = {
    StdDevUncertainty: lambda variance: variance**0.5,
    VarianceUncertainty: lambda variance: variance,
    InverseVariance: lambda variance: 1 / variance,
}
seen = {}
for kind, measure in measures.items():
    image = NDDataRef(pixels, uncertainty=kind(numpy.full(4, measure(4.0))))
    two = image.add(image)
    rows = {"sum": (image.sum(), 16), "mean": (image.mean(), 1), "addition": (two, 8)}
    for name, (result, variance) in rows.items():
        value = float(numpy.ravel(result.uncertainty.array)[0])
        seen[kind, name] = value
        print(f"{kind.__name__} of {name}: {value:g}, expected {measure(variance):g}")
for kind, measure in measures.items():
    if not numpy.isclose(seen[kind, "addition"], measure(8)):
        raise SystemExit("CHANGED: the addition of two images was right")
if (seen[StdDevUncertainty, "sum"], seen[StdDevUncertainty, "mean"]) != (4, 1):
    raise SystemExit("CHANGED: sum and mean were right for standard deviations")
if (seen[VarianceUncertainty, "sum"], seen[VarianceUncertainty, "mean"]) != (8, 2):
    raise SystemExit("CHANGED: the variances were 8 for the sum and 2 for the mean")
if seen[InverseVariance, "sum"] != 0.5:
    raise SystemExit("CHANGED: the inverse variance was 1/2 for the sum")
print("as stated: variances are squared, summed and rooted")
EOF
