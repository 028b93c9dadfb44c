#!/bin/sh
# astropy 8.0.2: a compressed image without ZTILEn can't be read.
#
# Expected: the keywords are optional; without them a tile is a row of the image (FITS standard,
# section 10.1.2). The file here is one of astropy's own, with such tiles, whose two cards are
# replaced by blank ones.
# Seen: the KeyError "Keyword 'ZTILE2' not found."
# Exits with an error when the image is read, or the error is another.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
venv/bin/python -W ignore - <<'EOF'
import numpy
from astropy.io import fits

pixels = numpy.arange(12, dtype=numpy.int16).reshape(3, 4)
tiled = fits.CompImageHDU(pixels, compression_type="RICE_1", tile_shape=(1, 4))
fits.HDUList([fits.PrimaryHDU(), tiled]).writeto("with.fits")
with open("with.fits", "rb") as f:
    content = f.read()
for card in [b"ZTILE1  =", b"ZTILE2  ="]:
    at = content.index(card)
    content = content[:at] + b" " * 80 + content[at + 80 :]
with open("without.fits", "wb") as f:
    f.write(content)
print("with ZTILEn:", fits.getdata("with.fits", 1).tolist())
try:
    print("without:", fits.getdata("without.fits", 1).tolist())
except KeyError as error:
    print("without: KeyError", error)
    if "ZTILE" not in str(error):
        raise SystemExit("CHANGED: the error was that of a keyword ZTILEn")
else:
    raise SystemExit("CHANGED: the image is read")
print("as stated: optional keywords are demanded")
EOF
