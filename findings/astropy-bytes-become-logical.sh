#!/bin/sh
# astropy 8.0.2: a column of 8-bit integers is written as true and false.
#
# Expected: a catalog's column of int8 (grades, signs, types of galaxies such as T = -3) is read
# back with its numbers. FITS has TZERO = -128 for signed bytes (FITS standard, section 7.3.2), and
# astropy keeps an image of int8 by BZERO.
# Seen: without a warning the column is logical; -3, 0, 1, 2 are read as true, false, true, true.
# Known (astropy issue 11963), and so in the newest version.
# Exits with an error when the numbers are kept, or refused.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
venv/bin/python -W error - <<'EOF'
import numpy
from astropy.io import fits
from astropy.table import Table

values = numpy.array([-3, 0, 1, 2], numpy.int8)
Table({"T": values}).write("types.fits")
back = Table.read("types.fits")["T"]
print("written:", values.tolist(), "as", fits.getheader("types.fits", 1)["TFORM1"])
print("read:", back.tolist())
fits.PrimaryHDU(values).writeto("image.fits")
print("read as an image:", fits.getdata("image.fits").tolist())
if fits.getdata("image.fits").tolist() != values.tolist():
    raise SystemExit("CHANGED: an image of the numbers was kept")
if back.tolist() != [True, False, True, True]:
    raise SystemExit("CHANGED: the column was read as true, false, true, true")
print("as stated: the numbers are lost")
EOF
