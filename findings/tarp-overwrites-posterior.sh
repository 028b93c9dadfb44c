#!/bin/sh
# tarp 0.1.1: the test of a posterior's coverage overwrites the posterior.
#
# Expected: get_tarp_coverage(bootstrap=True) estimates the uncertainty of the coverage; nothing in
# its documentation says that the arrays handed over are changed.
# Seen: afterwards about two fifths of the true values and of the samples are copies of others, and
# what is computed from them next is of other galaxies: each round puts one simulation in another's
# place in the arrays themselves.
# Known (tarp's pull request 9, merged in 2024), and so in the newest release.
# Exits with an error when the arrays are left as they were.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
    numpy==2.4.6 tqdm==4.70.1 deprecation==2.1.0 tarp==0.1.1
TQDM_DISABLE=1 venv/bin/python -W ignore - <<'EOF'
import numpy
from tarp import get_tarp_coverage

rng = numpy.random.default_rng(1)
truths = rng.uniform(-5, 5, (200, 2))
samples = truths + rng.normal(0, 1, (200, 2)) + rng.normal(0, 1, (500, 200, 2))


def changed(bootstrap):
    """Returns of how many simulations the true values and the samples are changed."""
    given, true = samples.copy(), truths.copy()
    get_tarp_coverage(given, true, norm=True, bootstrap=bootstrap, num_bootstrap=100)
    counts = int((true != truths).any(1).sum()), int((given != samples).any((0, 2)).sum())
    print(f"bootstrap={bootstrap}: true values and samples changed of", counts, "of 200")
    return counts


if changed(False) != (0, 0):
    raise SystemExit("CHANGED: without the bootstrap the arrays were left alone")
if min(changed(True)) < 50:
    raise SystemExit("CHANGED: with it more than 50 simulations were overwritten")
print("as stated: the posterior is overwritten")
EOF
