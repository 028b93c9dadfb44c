"""Reads by astropy, and pandas, what the tests wrote of types.fits: python check.py FILE…

The files are testdata/written.fits and written.csv here, and written.parquet of package parquet.
"""

import pathlib
import sys

import numpy as np
from astropy.table import Table

here = pathlib.Path(__file__).parent


def read(path):
    options = {"mask_invalid": False} if path.suffix == ".fits" else {}
    options["format"] = {".fits": "fits", ".csv": "ascii.ecsv", ".parquet": "parquet"}[path.suffix]
    return Table.read(path, **options)


def same(a, b):
    """Whether two values are the same, with NaN like itself."""
    a, b = np.ma.asarray(a), np.ma.asarray(b)
    if a.dtype.kind in "USO" or b.dtype.kind in "USO":
        return [str(x) for x in a.ravel()] == [str(x) for x in b.ravel()]
    mask = np.array_equal(np.ma.getmaskarray(a), np.ma.getmaskarray(b))
    if a.dtype.kind == "f":
        return mask and np.array_equal(a.filled(0), b.filled(0), equal_nan=True)
    return mask and np.array_equal(a.filled(0), b.filled(0))


for name in sys.argv[1:]:
    path = pathlib.Path(name)
    want = Table.read(here / "types.fits", mask_invalid=False)
    got = read(path)
    assert got.colnames == want.colnames, got.colnames
    for c in want.columns.values():
        d = got[c.name]
        if path.suffix == ".parquet" and np.ma.isMaskedArray(c):
            # Astropy makes numbers, with NaN, of integers that may be missing.
            missing = np.isnan(np.asarray(d))
            d = type(c)(np.where(missing, 0, d).astype(c.dtype), mask=missing)
        assert str(c.unit or "") == str(d.unit or ""), (c.name, d.unit)
        assert (c.info.description or "") == (d.info.description or ""), (c.name, d.description)
        if c.dtype.kind not in "SU":
            assert c.dtype.newbyteorder("=") == d.dtype.newbyteorder("=") or \
                d.dtype.kind == "O", (c.name, c.dtype, d.dtype)
        for i in range(len(want)):
            a, b = c[i], d[i]
            if path.suffix == ".parquet" and np.ndim(a) > 1:
                b = np.ravel(np.asarray(b, dtype=a.dtype)).reshape(a.shape)
            if c.dtype.kind == "S" and isinstance(b, (bytes, np.bytes_)):
                b = b.decode()
            if c.dtype.kind in "SU" and np.ma.is_masked(b):
                b = ""  # a text that is empty
            assert same(a if not isinstance(a, bytes) else a.decode(), b), (c.name, i, a, b)
    if path.suffix == ".parquet":
        import pandas

        frame = pandas.read_parquet(path)
        assert frame.attrs["units"]["RA"] == "deg", frame.attrs
        assert frame.attrs["descriptions"]["RA"] == "Right ascension", frame.attrs
        assert list(frame.columns) == want.colnames
    print(path.name, "is read by astropy as it should be")
