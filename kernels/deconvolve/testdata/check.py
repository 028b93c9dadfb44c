"""Checks by astropy what the command writes: check.py IMAGE RESULTS, of a run with --cubes.

Columns have units and descriptions in both formats, and the candidates lie on the sky where the
image says that their pixels are. Needs astropy and pyarrow; tried with 8.0.2 and 26.0.1."""

import sys
import warnings

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

image, results = sys.argv[1:]
world = WCS(fits.getheader(image))
warnings.simplefilter("error")
tables = [Table.read(f"{results}/catalogue.{ending}") for ending in ("fits", "parquet")]
first, second = tables
assert first.colnames == second.colnames
own = first.colnames[first.colnames.index("fate"):]
for name in own:
    for t in tables:
        assert t[name].description, f"{name} has no description"
    assert first[name].unit == second[name].unit, f"{name}: {first[name].unit}, {second[name].unit}"
    assert first[name].description == second[name].description, name
in_pixels = [name for name in own if first[name].unit == "pix"]
assert len(in_pixels) >= 12, in_pixels
flux = {name: str(first[name].unit) for name in own if name.startswith(("flux", "noise"))}
assert len(set(flux.values())) == 1, flux
worst = 0.0
for row in first[first["fate"] == "measured"]:
    with fits.open(f"{results}/{row['candidates_file']}") as f:
        header, cube = f[0].header, f[0].data
    here = WCS(header, naxis=2)
    # The light's center in the mean of the candidates is where the table says, and on the sky where
    # the image says that place is.
    sky = world.pixel_to_world(row["x"], row["y"])
    x, y = here.world_to_pixel(sky)
    peak = np.unravel_index(np.argmax(cube.mean(0)), cube.shape[1:])
    assert np.hypot(x - peak[1], y - peak[0]) < 3, (row["x"], row["y"], x, y, peak)
    back = here.pixel_to_world(x, y)
    worst = max(worst, sky.separation(back).arcsec)
    whole = np.round([row["x"] - x, row["y"] - y])
    assert np.allclose([row["x"] - x, row["y"] - y], whole, atol=1e-6), "not whole pixels away"
    assert header["BUNIT"] == str(fits.getheader(image)["BUNIT"])
print(f"{len(own)} columns, fluxes in {set(flux.values())}; {np.sum(first['fate'] == 'measured')} "
      f"cubes of shape {cube.shape}; places agree to {worst:.1e} arcsec")
