#!/bin/sh
# scikit-image 0.26.0: two deconvolutions with one PSF of even size put a galaxy a pixel apart.
#
# Expected: richardson_lucy and wiener both take the point spread function; wiener's documentation
# says that its shape is free. With a symmetric one, a symmetric galaxy stays where it is, or at
# least both take the same place for the PSF's center.
# Seen: for 8 by 8 pixels the galaxy at (20, 20) comes out at (19.5, 19.5) and (20.5, 20.5); for 9
# by 9 pixels both at (20, 20). richardson_lucy isn't at one with itself either: its first step
# gives (20.5, 20.5), since its correlation is not the adjoint of its convolution for even sizes.
# Exits with an error when the places agree.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
    numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0
venv/bin/python -W ignore - <<'EOF'
import numpy
from skimage.restoration import richardson_lucy, wiener


def gaussian(size, sigma):
    """Returns a Gaussian of sum 1 in the middle of a square."""
    distance = numpy.arange(size) - (size - 1) / 2
    profile = numpy.exp(-(distance**2) / (2 * sigma**2))
    return numpy.outer(profile, profile) / profile.sum() ** 2


def place(image):
    """Returns the centroid (y, x)."""
    at = numpy.arange(len(image))
    flux = image.sum()
    return [round(float(image.sum(axis) @ at / flux), 2) for axis in (1, 0)]


galaxy = gaussian(41, 3)
places = {}
for size in 9, 8:
    psf = gaussian(size, 1.2)
    first = richardson_lucy(galaxy, psf, num_iter=1, clip=False)
    last = richardson_lucy(galaxy, psf, num_iter=50, clip=False)
    filtered = wiener(galaxy, psf, 0.01, clip=False)
    places[size] = [place(first), place(last), place(filtered)]
    print(f"PSF {size} by {size}: richardson_lucy, 1 step:", places[size][0])
    print(f"PSF {size} by {size}: richardson_lucy, 50 steps:", places[size][1])
    print(f"PSF {size} by {size}: wiener:", places[size][2])
if places[9] != [[20, 20]] * 3:
    raise SystemExit("CHANGED: the galaxy stayed in its place for the PSF of odd size")
if places[8] != [[20.5, 20.5], [19.5, 19.5], [20.5, 20.5]]:
    raise SystemExit("CHANGED: it moved by half a pixel, in opposite directions")
print("as stated: one PSF has two centers")
EOF
