"""Writes the tables that the tests read, by astropy, and what is in them as JSON.

python make.py, with astropy 8.0.2.
"""

import json
import pathlib

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import MaskedColumn, Table

here = pathlib.Path(__file__).parent
n = 5


def columns():
    """Columns of every kind, with the extremes of their types."""
    t = Table()
    t["flag"] = [True, False, True, False, True]
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
        i = np.iinfo(name)
        t["v" + name] = np.array([i.min, i.max, 0, 1, 100], name)
    t["vfloat32"] = np.array([0.1, -np.inf, np.nan, 1e-38, 3.4e38], "f4")
    t["vfloat64"] = np.array([0.1, np.inf, np.nan, 5e-324, 1.7976931348623157e308])
    t["name"] = ["a", "", "with blank", "quote\"'", "x,y;z"]
    t["masked"] = MaskedColumn([1, 2, 3, 4, 5], mask=[0, 1, 0, 0, 1], dtype="i4")
    t["vector"] = np.arange(n * 3, dtype="f4").reshape(n, 3) / 7
    t["matrix"] = np.arange(n * 6, dtype="i4").reshape(n, 2, 3)
    t["RA"] = [10.5, 11, 12, 13, 359.9999999] * u.deg
    t["RA"].info.description = "Right ascension"
    t["flux"] = [1.5, 2, 3, 4, 5] * u.nJy
    t["flux"].info.description = (
        "Flux in an aperture of 3.0 arcsec, a description that is longer than one card of a header "
        "of FITS can hold, with 'quotes'"
    )
    return t


def plain(value):
    """A value as the tests compare it: a list of texts."""
    out = []
    for v in np.ma.asarray(value).ravel() if not isinstance(value, (str, bytes)) else [value]:
        if v is np.ma.masked:
            out.append("missing")
        elif isinstance(v, (bool, np.bool_)):
            out.append("True" if v else "False")
        elif isinstance(v, (float, np.floating)):
            out.append(repr(float(v)) if not isinstance(v, np.float32) else str(v))
        elif isinstance(v, (complex, np.complexfloating)):
            part = np.float32 if v.dtype == "c8" else np.float64
            out += [str(part(v.real)), str(part(v.imag))]
        elif isinstance(v, bytes):
            out.append(v.decode())
        else:
            out.append(str(v))
    return out


def expected(t):
    """What a table holds."""
    want = []
    for c in t.columns.values():
        rows = [plain(c[i]) for i in range(len(t))]
        want.append(
            dict(
                name=c.name,
                unit=str(c.unit or ""),
                description=c.info.description or "",
                type="string" if c.dtype.kind in "USO" else c.dtype.name,
                shape=list(c.shape[1:]),
                rows=rows,
            )
        )
    return want


def expect(name, t):
    """Writes what a table holds."""
    (here / (name + ".json")).write_text(json.dumps(expected(t)) + "\n")


t = columns()
t.write(here / "types.fits", overwrite=True)
expect("types.fits", Table.read(here / "types.fits", mask_invalid=False))
t.write(here / "types.ecsv", overwrite=True)
expect("types.ecsv", t)
t.write(here / "comma.ecsv", delimiter=",", overwrite=True)
simple = Table({k: t[k] for k in ("flag", "vint32", "vfloat64", "name", "masked", "RA")})
simple.write(here / "plain.csv", format="csv", overwrite=True)

# What astropy writes of no table of its own: scaled columns, bits, complex numbers, TNULL,
# variable-length arrays, texts in arrays, and a second table.
scaled = np.array([1, 2, -3], "i2")
cols = fits.ColDefs(
    [
        fits.Column("NUMBER", "1J", array=np.array([1, 2, 3]), null=-99),
        fits.Column("NULLED", "1I", array=np.array([1, -99, 3], "i2"), null=-99),
        fits.Column("SCALED", "1I", array=scaled),
        fits.Column("BITS", "11X", array=np.arange(33).reshape(3, 11) % 3 == 0),
        fits.Column("C", "1C", array=np.array([1 + 2j, 3, 4j], "c8")),
        fits.Column("M", "2M", array=np.arange(6).reshape(3, 2) * (1 + 0.5j)),
        fits.Column("LIST", "PE()", array=np.array([np.array([1, 2], "f4"), np.array([], "f4"),
                                                   np.array([3], "f4")], dtype=object)),
        fits.Column("LONG", "QK()", array=np.array([np.array([2**62]), np.array([1, 2, 3]),
                                                   np.array([], "i8")], dtype=object)),
        fits.Column("WORDS", "8A", dim="(4,2)", array=np.array([["ab", "cd"], ["", "x"],
                                                               ["long", "er"]])),
    ]
)
head = fits.BinTableHDU.from_columns(
    [fits.Column("Field Header Card", "80A", array=["SIMPLE"])], name="LDAC_IMHEAD"
)
body = fits.BinTableHDU.from_columns(cols, name="LDAC_OBJECTS")
body.header.comments["TTYPE1"] = "Running object number"
fits.HDUList([fits.PrimaryHDU(), head, body]).writeto(here / "odd.fits", overwrite=True)
for key, value in dict(TSCAL3=0.5, TZERO3=10).items():
    fits.setval(here / "odd.fits", key, value=value, extname="LDAC_OBJECTS")

want = []
with fits.open(here / "odd.fits") as f:
    d = f["LDAC_OBJECTS"].data
    kinds = dict(NUMBER="int32", NULLED="int16", SCALED="float64", BITS="bool", C="float32",
                 M="float64", LIST="float32", LONG="int64", WORDS="string")
    shapes = dict(BITS=[11], C=[2], M=[2, 2], WORDS=[2])
    for c in d.columns:
        rows = [plain(d[c.name][i]) for i in range(3)]
        if c.name == "NULLED":
            rows[1] = ["missing"]
        if c.name == "SCALED":
            rows = [[repr(float(r[0]))] for r in rows]
        want.append(dict(name=c.name, unit="", description="Running object number"
                         if c.name == "NUMBER" else "", type=kinds[c.name],
                         shape=shapes.get(c.name, []), rows=rows))
(here / "odd.fits.json").write_text(json.dumps(want) + "\n")
