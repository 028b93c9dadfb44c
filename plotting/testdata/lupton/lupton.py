"""Writes lupton.json: three bands of a galaxy with a star, and the colors that astropy 8.0.2's
make_lupton_rgb gives them."""

import json
import pathlib

import numpy as np
from astropy.visualization import make_lupton_rgb

side = 12
rng = np.random.default_rng(5)
y, x = np.mgrid[:side, :side]
r = np.hypot(x - 5, y - 6)
bands = np.stack([20 * np.exp(-r / 1.5) + 3 * np.exp(-r / 4), 12 * np.exp(-r / 1.5) + 4 * np.exp(-r / 4),
                  5 * np.exp(-r / 1.5) + 6 * np.exp(-r / 4)])
bands[:, 2, 9] += [300, 700, 900]  # a blue star
bands[:, 10, 1] += [800, 20, 5]
bands = (bands + rng.normal(0, 0.3, bands.shape)).astype(np.float32)
out = {"height": side, "width": side, "bands": bands.ravel().tolist(), "cases": []}
for minimum, stretch, q in [([0, 0, 0], 5, 8), ([0, 0, 0], 0.5, 10), ([0.3, -0.2, 0.1], 2, 3), ([0, 0, 0], 50, 0.5)]:
    colors = {kind: make_lupton_rgb(*bands.astype(np.float64), minimum=minimum, stretch=stretch, Q=q, output_dtype=kind)
              for kind in (np.float64, np.uint8)}
    out["cases"].append({"minimum": minimum, "stretch": stretch, "q": q,
                         "float": np.round(colors[np.float64], 9).ravel().tolist(),
                         "bytes": colors[np.uint8].ravel().tolist()})
pathlib.Path(__file__).with_name("lupton.json").write_text(json.dumps(out) + "\n")
