#!/bin/sh
# GalSim 2.8.5: DES_PSFEx can't read a PSF of PSFEx's that is the same everywhere.
#
# Expected: it reads all .psf files that PSFEx 3.21.1 writes for places in the image, also those of
# PSFVAR_DEGREES 0.
# Seen: these have POLNAXIS = 0, and no axes to name; a KeyError asks for POLNAME1.
# Needs PSFEx and SExtractor, of Debian's packages psfex 3.21.1 and source-extractor 2.25.0.
# Exits with an error when the file is read.
set -eu
for program in psfex source-extractor; do
    command -v $program > /dev/null || { echo "install Debian's $program first"; exit 2; }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.3.5 astropy==8.0.2 galsim==2.8.5
venv/bin/python - <<'EOF'
import subprocess

import galsim.des
import numpy
from astropy.io import fits

random = numpy.random.default_rng(1)
image = random.normal(100, 1, (600, 600)).astype("f4")
y, x = numpy.mgrid[-14:15, -14:15]
for row in range(30, 570, 30):
    for column in range(30, 570, 30):
        image[row - 14:row + 15, column - 14:column + 15] += (
            random.uniform(500, 3000) * numpy.exp(-(x * x + y * y) / (2 * 1.3**2)))
fits.writeto("stars.fits", image)
with open("default.param", "w") as f:
    f.write("VIGNET(25,25)\nX_IMAGE\nY_IMAGE\nFLUX_RADIUS\nFLUX_APER(1)\nFLUXERR_APER(1)\n"
            "ELONGATION\nFLAGS\nSNR_WIN\n")
quiet = ["-VERBOSE_TYPE", "QUIET"]
subprocess.run(["source-extractor", "stars.fits", "-PARAMETERS_NAME", "default.param", "-FILTER",
                "N", "-CATALOG_TYPE", "FITS_LDAC", "-CATALOG_NAME", "stars.cat", "-PHOT_APERTURES",
                "10", "-STARNNW_NAME", "/usr/share/source-extractor/default.nnw", *quiet],
               check=True, stderr=subprocess.DEVNULL)


def model(degree):
    """PSFEx's, with polynomials of a degree."""
    subprocess.run(["psfex", "stars.cat", "-PSFVAR_DEGREES", str(degree), "-PSF_SIZE", "21,21",
                    "-CHECKPLOT_TYPE", "NONE", "-CHECKIMAGE_TYPE", "NONE", "-WRITE_XML", "N",
                    *quiet], check=True, stderr=subprocess.DEVNULL)
    header = fits.getheader("stars.psf", 1)
    print(f"degree {degree}:", {k: header[k] for k in header if k.startswith(("POL", "PSFAXIS"))})
    try:
        galsim.des.DES_PSFEx("stars.psf")
    except Exception as e:
        return repr(e)
    return "read"


said = [model(1), model(0)]
print(said)
if said[0] != "read" or "POLNAME1" not in said[1]:
    raise SystemExit("CHANGED: degree 1 was read, degree 0 lacked POLNAME1")
print("as stated: a PSF that is the same everywhere isn't read")
EOF
