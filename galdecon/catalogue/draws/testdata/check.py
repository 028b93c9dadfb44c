"""Opens by xarray and ArviZ what `go test -run 'Structure|Table' -keep FOLDER` wrote: check.py FOLDER

With arviz-base 0.8.2, whose API is that of ArviZ 1, and arviz-stats; or with ArviZ before 1.
"""

import sys
import warnings

import numpy as np
import xarray as xr

warnings.simplefilter("error")  # such as one on metadata that aren't consolidated
tree = xr.open_datatree(sys.argv[1], engine="zarr")
warnings.simplefilter("ignore")
assert set(tree.children) == {
    "posterior", "posterior_predictive", "observed_data", "constant_data"}, tree
galaxy = tree.posterior.galaxy
assert galaxy.dims == ("chain", "draw", "height", "width"), galaxy
assert galaxy.shape == (1, 3, 16, 20) and list(galaxy.draw) == [0, 1, 2]
flux = galaxy.sum(["height", "width"]).values[0]
assert np.allclose(flux, [5000, 10000, 15000], rtol=1e-3), flux
assert np.allclose(tree.posterior.flux.values[0], flux, rtol=1e-3)
assert tree.constant_data.noise.item() == 25
assert np.isclose(tree.constant_data.psf.sum(), 1)
assert tree.attrs["object"] == "NGC 1" and tree.attrs["seed"] == 7
assert tree.posterior.half_light_radius.attrs["units"] == "pix"
try:
    import arviz_base
    import arviz_stats

    tree = arviz_base.convert_to_datatree(sys.argv[1])
    table = arviz_stats.summary(tree, var_names=["flux", "g1", "half_light_radius"],
                                kind="stats", round_to="none")
    which = "arviz-base " + arviz_base.__version__
except ImportError:
    import arviz

    data = arviz.InferenceData.from_datatree(tree)
    table = arviz.summary(data, var_names=["flux", "g1", "half_light_radius"], kind="stats")
    which = "arviz " + arviz.__version__
assert np.isclose(table["mean"]["flux"], 10000, rtol=1e-3), table
print(table)
every = xr.open_datatree(sys.argv[1] + ".all", engine="zarr").posterior.flux
assert every.dims == ("chain", "draw", "object") and every.shape == (1, 3, 5000)
assert every.sel(object=5097, draw=2).item() == 4097 * 3 + 2 and every.attrs["units"] == "nJy"
print("opened by xarray", xr.__version__, "and", which)
