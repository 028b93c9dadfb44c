#!/bin/sh
# GalSim 2.8.5: DES_PSFEx moves PSFs of an even PSF_SIZE by half a sample.
#
# Expected: the model of stars is a star in the center of what is drawn, whatever grid PSFEx 3.21.1
# has it on.
# Seen: PSFEx has the center in sample k/2, counted from 0, of even grids too; GalSim takes the
# middle of the grid, which is half a sample before. A star comes out by so much too far to the
# right and up, a quarter of a pixel at PSF_SAMPLING 0.5. (Grids of odd size, as by default, agree.)
# Needs PSFEx and SExtractor, of Debian's packages psfex 3.21.1 and source-extractor 2.25.0.
# Exits with an error when the star is in the center.
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


def center(size):
    """Where GalSim draws the model on a grid of a size, in pixels from the center."""
    subprocess.run(["psfex", "stars.cat", "-PSFVAR_DEGREES", "1", "-PSF_SIZE", f"{size},{size}",
                    "-PSF_SAMPLING", "0.5", "-CHECKPLOT_TYPE", "NONE", "-CHECKIMAGE_TYPE", "NONE",
                    "-WRITE_XML", "N", *quiet], check=True, stderr=subprocess.DEVNULL)
    psf = galsim.des.DES_PSFEx("stars.psf").getPSF(galsim.PositionD(300, 300))
    drawn = psf.drawImage(nx=9, ny=9, scale=1, method="no_pixel").array
    y, x = numpy.mgrid[-4:5, -4:5]
    place = [round(float((drawn * axis).sum() / drawn.sum()), 3) for axis in (x, y)]
    print(f"{size} x {size} samples: a star at", place)
    return place


odd, even = center(25), center(26)
if numpy.abs(odd).max() > 0.02 or numpy.abs(numpy.subtract(even, 0.25)).max() > 0.02:
    raise SystemExit("CHANGED: it was at 0, 0 with an odd size, at 0.25, 0.25 with an even one")
print("as stated: with an even size it is moved by half a sample")
EOF
