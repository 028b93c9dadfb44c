#!/bin/sh
# astropy 8.0.2: a string in which a slash follows an apostrophe is cut between them.
#
# Expected: a header's value is what it was when written. In the file an apostrophe is doubled,
# and only a single one ends the string (FITS standard, section 4.2.1).
# Seen: "field 10' / pixel 2 arcsec" is written by astropy as it should be, and read by astropy as
# "field 10'", with "pixel 2 arcsec" and a quote for a comment. With a comma in the slash's place
# it is read as written.
# Exits with an error when it is read as written.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
venv/bin/python -W ignore - <<'EOF'
from astropy.io import fits


def again(value):
    """Writes a value to a file's header, and reads it."""
    primary = fits.PrimaryHDU()
    primary.header["FIELD"] = value
    primary.writeto("header.fits", overwrite=True)
    header = fits.getheader("header.fits")
    with open("header.fits", "rb") as f:
        text = f.read().decode()
    print("card:", text[text.index("FIELD ") :][:80].rstrip())
    print("read:", repr(header["FIELD"]), "comment:", repr(header.comments["FIELD"]))
    return header["FIELD"]


if again("field 10' , pixel 2 arcsec") != "field 10' , pixel 2 arcsec":
    raise SystemExit("CHANGED: with a comma it was read as written")
if again("field 10' / pixel 2 arcsec") != "field 10'":
    raise SystemExit("CHANGED: the value was cut after the apostrophe")
print("as stated: the rest of the string is lost to the comment")
EOF
