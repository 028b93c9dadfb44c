#!/bin/sh
# arviz-base 0.8.2: a weighted subset of a posterior has all its samples.
#
# Expected: extract(num_samples=100) extracts only a subset of the samples, as documented, here 100
# of 4000. With weights, as of an importance sampling, they are drawn by these; num_samples must be
# given then.
# Seen: with weights there are 4000, whatever num_samples is; "stratified", the default method for
# weights, takes no notice of it. A mean over them is said to be of 40 times as many samples as were
# asked for. With resampling_method="multinomial" there are 100.
# Exits with an error when there are 100.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 xarray==2026.9.0 \
    arviz-base==0.8.2
venv/bin/python -W ignore - <<'EOF'
import arviz_base
import numpy

flux = numpy.random.default_rng(1).normal(0, 1, (4, 1000))
weights = numpy.exp(flux.ravel())  # They move the mean to 1.
weights /= weights.sum()
posterior = arviz_base.from_dict({"posterior": {"flux": flux}})


def drawn(**options):
    """Returns how many samples extract gives where 100 are asked for."""
    samples = arviz_base.extract(posterior, var_names="flux", num_samples=100, random_seed=1,
                                 **options)
    method = options.get("resampling_method", "default")
    print(f"weights: {'weights' in options}, method: {method}, samples: {samples.size}, "
          f"mean {float(samples.mean()):.2f}")
    return samples.size


if drawn() != 100 or drawn(weights=weights, resampling_method="multinomial") != 100:
    raise SystemExit("CHANGED: without weights, or with multinomial ones, there were 100 samples")
if drawn(weights=weights) != 4000 or drawn(weights=weights, resampling_method="stratified") != 4000:
    raise SystemExit("CHANGED: with weights there were 4000 samples")
print("as stated: with weights num_samples has no effect")
EOF
