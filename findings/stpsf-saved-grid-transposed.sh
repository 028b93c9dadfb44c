#!/bin/sh
# STPSF 2.2.0 (with photutils 3.0.0): a saved grid of PSFs has them in other places than its cards
# DET_YX say.
#
# Expected: PSF i of a file that psf_grid (CreatePSFLibrary) saves is that of the place in the card
# DET_YXi, "the #i PSF's (y,x) detector pixel position", and stpsf.utils.to_griddedpsfmodel reads
# the grid that was saved.
# Seen: photutils sorts PSFs by y, then x, and STPSF saves them so, but writes the places in its own
# order, x before y. The default grid comes out mirrored at its diagonal: a PSF of x = 0, y = 2047
# is read as that of x = 2047, y = 0. (The telescope is a small one of poppy's, with a focus that
# changes along x alone, so that none of STPSF's data are needed.)
# Exits with an error when the saved file agrees with its cards.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.3.5 astropy==8.0.2 \
    photutils==3.0.0 poppy==1.1.2 stpsf==2.2.0
mkdir data
STPSF_PATH=$dir/data venv/bin/python -W ignore - <<'EOF'
import numpy
import poppy
import stpsf
from astropy.io import fits
from stpsf.gridded_library import CreatePSFLibrary


class Telescope(poppy.Instrument):
    """Its PSF is sharp at x = 0 and out of focus at x = 2047, whatever y is."""

    telescope, filter, detector_list, _detector_npixels = "Telescope", "ONE", ["D1"], 2048
    image_mask = pupil_mask = detector = detector_position = None

    def __init__(self):
        super().__init__(name="Telescope")
        self.pixelscale = 0.05

    def _get_default_fov(self):
        return 1

    def _get_filter_list(self):
        return ["ONE"], None

    def _get_weights(self, source=None, nlambda=1, monochromatic=None, verbose=False):
        return numpy.array([1e-6]), numpy.array([1.0])

    def calc_psf(self, add_distortion=False, **options):
        x, y = self.detector_position
        self.pupil = poppy.CompoundAnalyticOptic([
            poppy.CircularAperture(radius=1.2),
            poppy.ZernikeWFE(radius=1.2, coefficients=[0, 0, 0, 2e-7 * x / 2047])])
        hdus = super().calc_psf(**options)
        for key in ("PUPILOPD", "OPD_FILE", "OPDSLICE", "TEL_WFE", "VERSION", "DATAVERS",
                    "WAVELEN", "DIFFLMT", "DATE", "AUTHOR"):
            hdus[0].header[key] = "none"
        return hdus


library = CreatePSFLibrary(Telescope(), "ONE", "D1", 4, filename="grid.fits", verbose=False,
                           add_distortion=False, fov_pixels=15, oversample=3)
made = library.create_grid()
print("positions (x, y) given:", library.location_list)
with fits.open("grid_d1.fits") as file:
    for i, plane in enumerate(file[0].data):
        print(f"plane {i}: DET_YX{i} = {file[0].header[f'DET_YX{i}']}, peak {plane.max():.3f}")
read = stpsf.utils.to_griddedpsfmodel("grid_d1.fits")
print("             made    saved and read")
peaks = []
for x, y in ((0, 0), (2047, 0), (0, 2047), (2047, 2047)):
    peaks.append([float(model.evaluate(numpy.array([x * 1.0]), numpy.array([y * 1.0]), 1, x, y)[0])
                  for model in (made, read)])
    print(f"x {x:4} y {y:4}: {peaks[-1][0]:.3f}   {peaks[-1][1]:.3f}")
made, read = numpy.transpose(peaks)
sharp, blurred = made[0], made[1]
if not (numpy.allclose(made, [sharp, blurred, sharp, blurred]) and sharp > 1.5 * blurred
        and numpy.allclose(read, [sharp, sharp, blurred, blurred])):
    raise SystemExit("CHANGED: the PSFs of x = 2047, y = 0 and x = 0, y = 2047 were exchanged")
print("as stated: what is saved has the PSFs at exchanged places")
EOF
