#!/usr/bin/env python3
"""PSNR and SSIM of scikit-image, as golden values for TestQualityGolden.

    pip install scikit-image==0.25.2 numpy && python quality.py

writes quality.json next to itself: cases of pixels, [height, width, channels], with what scikit-image makes of them.
"""
import json
import pathlib

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

rng = np.random.default_rng(1)
cases = []
for height, width, channels, data_range in ((11, 11, 1, 1.0), (16, 13, 1, 1.0), (14, 15, 3, 2.5)):
    rows, cols = np.mgrid[:height, :width]
    galaxy = np.exp(-((rows - height / 2) ** 2 + 2 * (cols - width / 2) ** 2) / 10)[:, :, None]
    truth = (galaxy * rng.uniform(0.5, 1, channels)).astype(np.float32)
    image = (0.8 * truth + rng.normal(0, 0.05, truth.shape)).astype(np.float32)
    # in float64, since float32 would be scikit-image's accuracy too
    x, y = truth.astype(np.float64), image.astype(np.float64)
    cases.append({
        "shape": truth.shape,
        "range": data_range,
        "truth": [float(f"{v:.9g}") for v in truth.ravel()],
        "image": [float(f"{v:.9g}") for v in image.ravel()],
        "psnr": peak_signal_noise_ratio(x, y, data_range=data_range),
        "ssim": structural_similarity(x, y, data_range=data_range, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False),
    })
(pathlib.Path(__file__).parent / "quality.json").write_text(json.dumps(cases) + "\n")
