#!/bin/sh
# astropy 8.0.2: of a column of variable length only the first row is scaled.
#
# Expected: each number of the column is TZEROn + TSCALn × the number in the file (FITS standard,
# section 7.3.2), in all rows. CFITSIO and its users write unsigned 16-bit integers that way, with
# TZEROn = 32768. The file here is one of astropy's own with that card added, so that the arrays
# are [1, 2], [3, 4] and [5].
# Seen: [1, 2], [-32765, -32764] and [-32763], with no warning. A column of fixed length is read as
# it should be. An array of unsigned integers of variable length can't be written either.
# Known (astropy issue 8194), and so in the newest version.
# Exits with an error when other numbers are read.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
venv/bin/python -W error - <<'EOF'
import numpy
from astropy.io import fits

rows = [[1, 2], [3, 4], [5]]
arrays = numpy.empty(3, object)
arrays[:] = [numpy.array(row) - 32768 for row in rows]


def read(name, format, array):
    """Writes a column, adds TZERO1 = 32768 to the file's header, and reads the column."""
    column = fits.Column("v", format, array=array)
    fits.BinTableHDU.from_columns([column]).writeto(name)
    fits.setval(name, "TZERO1", value=32768, ext=1)
    seen = [numpy.ravel(row).tolist() for row in fits.getdata(name)["v"]]
    print(fits.getheader(name, 1)["TFORM1"], "read:", seen)
    return seen


print("expected:", rows)
if read("fixed.fits", "I", numpy.array([1, 3, 5]) - 32768) != [[1], [3], [5]]:
    raise SystemExit("CHANGED: a column of fixed length was read as it should be")
if read("variable.fits", "PI()", arrays) != [[1, 2], [-32765, -32764], [-32763]]:
    raise SystemExit("CHANGED: all rows but the first were without TZERO1")
print("as stated: only the first row is scaled")
EOF
