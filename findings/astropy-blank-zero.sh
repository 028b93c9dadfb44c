#!/bin/sh
# astropy 8.0.2: BLANK = 0 has no effect.
#
# Expected: pixels that have the value of BLANK are undefined (FITS standard, section 4.4.2.5),
# and NaN in astropy, whichever integer it is. 0 is a natural choice where counts have an offset.
# Seen: with BLANK = -99 the pixel is NaN, with BLANK = 0 it is read as a measured 0.
# Exits with an error when the pixel is NaN for both.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
venv/bin/python -W ignore - <<'EOF'
import numpy
from astropy.io import fits


def read(blank):
    """Reads an image of the integers blank, 5 and 7."""
    pixels = numpy.array([blank, 5, 7], ">i2").tobytes()
    keywords = {"SIMPLE": "T", "BITPIX": 16, "NAXIS": 1, "NAXIS1": 3, "BLANK": blank}
    cards = [f"{keyword:8}= {value:>20}" for keyword, value in keywords.items()] + ["END"]
    with open("image.fits", "wb") as f:
        f.write("".join(card.ljust(80) for card in cards).encode().ljust(2880))
        f.write(pixels.ljust(2880, b"\0"))
    values = [float(v) for v in fits.getdata("image.fits")]
    print(f"BLANK = {blank}:", values)
    return values


if not numpy.isnan(read(-99)[0]) or read(0)[0] != 0:
    raise SystemExit("CHANGED: the first pixel was NaN with BLANK = -99, and 0 with BLANK = 0")
print("as stated: BLANK = 0 is passed over")
EOF
