"""Writes reference.json: features of an image with the wavelets of kymatio.

    pip install kymatio==0.3.0 "numpy<2" "scipy<1.14"
    python reference.py > reference.json

Kymatio subsamples and pads. Here its wavelets are applied at full resolution, on a torus, and means
are taken over all pixels.
"""

import json

import numpy as np
from kymatio.scattering2d.filter_bank import filter_bank

SIZE, SCALES, ORIENTATIONS = 32, 3, 8

row, column = np.mgrid[:SIZE, :SIZE]
image = (row * 7 + column * column * 3 + row * column) % 11 / 16 + np.exp(
    -((row - 13) ** 2 + (column - 18) ** 2 / 4) / 9
)

bank = {}
for psi in filter_bank(SIZE, SIZE, SCALES, ORIENTATIONS)["psi"]:
    # Kymatio's angle is measured from the rows, and falls with its index.
    bank[psi["j"], (psi["theta"] + 1) % ORIENTATIONS] = psi["levels"][0]


def modulus(x, j, l):
    return np.abs(np.fft.ifft2(np.fft.fft2(x) * bank[j, l]))


first = {key: modulus(image, *key) for key in bank}
features = [image.mean()]
features += [first[j, l].mean() for j in range(SCALES) for l in range(ORIENTATIONS)]
features += [
    modulus(first[j, l], k, m).mean()
    for j in range(SCALES)
    for l in range(ORIENTATIONS)
    for k in range(j + 1, SCALES)
    for m in range(ORIENTATIONS)
]
print(json.dumps([round(float(f), 9) for f in features]))
