#!/bin/sh
# photutils 3.0.0: GriddedPSFModel.read(format="webbpsf") exchanges the rows and columns of places.
#
# Expected: the PSF with the card DET_YX1 = '(100.0, 900.0)', "(y,x) detector pixel position", is
# that of x = 900, y = 100, as in stpsf.utils.to_griddedpsfmodel.
# Seen: it is taken for that of x = 100, y = 900. (Files that STPSF 2.2 saves of a square grid hold
# PSFs in exchanged places, see stpsf-saved-grid-transposed.sh: of those the reader makes the right
# ones. Those of WebbPSF up to 1.2, and all whose rows aren't its columns, come out wrong.)
# Exits with an error when the places are as the cards say.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.3.5 astropy==8.0.2 \
    photutils==3.0.0
venv/bin/python -W ignore - <<'EOF'
import numpy
from astropy.io import fits
from photutils.psf import GriddedPSFModel

hdu = fits.PrimaryHDU(numpy.zeros((4, 5, 5)))
hdu.header["OVERSAMP"] = 1
for i, (x, y) in enumerate(((0, 100), (900, 100), (0, 300), (900, 300))):
    hdu.data[i, 2, 2] = i  # the number of the PSF
    hdu.header[f"DET_YX{i}"] = (str((float(y), float(x))),
                                f"The #{i} PSF's (y,x) detector pixel position")
hdu.writeto("grid.fits")
print(repr(hdu.header["DET_YX*"]))
model = GriddedPSFModel.read("grid.fits", format="webbpsf")
print("read as (x, y):", model.grid_xypos.tolist())
if sorted(map(tuple, model.grid_xypos.tolist())) != [(100, 0), (100, 900), (300, 0), (300, 900)]:
    raise SystemExit("CHANGED: x was 100 and 300, which is y in the cards")
print("as stated: rows are taken for columns")
EOF
