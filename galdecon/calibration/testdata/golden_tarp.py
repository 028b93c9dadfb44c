#!/usr/bin/env python3
"""Writes golden_tarp.json: what the program of TARP's authors makes of over-confident samples, with reference points of ours.

    pip install tarp==0.1.1 numpy && python golden_tarp.py

With one bin more than there are samples, and bins from 0 to 1, each of its bins holds one rank.
"""
import json
import pathlib

import numpy as np
from tarp import get_tarp_coverage

M, N, D = 40, 9, 2
rng = np.random.default_rng(1)
centre = rng.normal(0, 1, (M, D))
truth = (centre + rng.normal(0, 0.5, (M, D))).round(4) * [1, 30]
samples = (centre + rng.normal(0, 0.3, (N, M, D))).round(4) * [1, 30]
references = rng.uniform(0, 1, (M, D)).round(4)
ecp, alpha = get_tarp_coverage(samples, truth, references=references, num_alpha_bins=N + 1, norm=True)
assert alpha[0] == 0 and alpha[-1] == 1, "the bins must reach from 0 to 1; take another seed"
golden = {
    "truth": truth.tolist(),
    "samples": samples.transpose(1, 0, 2).tolist(),
    "references": references.tolist(),
    "ecp": ecp.tolist(),
}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")
