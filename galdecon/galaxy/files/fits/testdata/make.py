"""Writes the files of the tests and what astropy reads in them. Needs numpy and astropy 8.

For NAME.fits: NAME.json has of each HDU its shape, whether it's an image, and its cards as
[keyword, type, value, comment]; NAME.f64 has the pixels of all images, one after the other, as
little-endian float64.
"""

import glob, gzip, bz2, json, os, time, warnings
import numpy as np
from astropy.io import fits

warnings.simplefilter("ignore")
time.time = lambda: 0.0  # which gzip writes
here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)
for old in glob.glob("*.fits") + glob.glob("*.json") + glob.glob("*.f64"):
    os.remove(old)
rng = np.random.default_rng(20)


def value(card):
    try:
        v = card.rawvalue if card.field_specifier else card.value
    except fits.VerifyError:
        return ["unparsed", ""]
    if isinstance(v, fits.card.Undefined):
        return ["undefined", ""]
    if isinstance(v, bool):
        return ["bool", str(v)]
    if isinstance(v, int):
        return ["int", str(v)] if -(2**63) <= v < 2**63 else ["float", repr(float(v))]
    if isinstance(v, float):
        return ["float", repr(v)]
    if isinstance(v, complex):
        return ["complex", f"{v.real!r} {v.imag!r}"]
    return ["text", v]


def describe(name, pixels=True):
    out, data = [], b""
    with fits.open(name + ".fits", uint=True) as hdus:
        for h in hdus:
            image = isinstance(h, (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU))
            d = dict(image=image, name=h.name, shape=list(h.shape) if image else [], cards=[])
            for c in h.header.cards:
                if h.header.get("ZIMAGE"):
                    continue
                try:
                    d["cards"].append([c.rawkeyword, *value(c), c.comment])
                except fits.VerifyError:
                    pass
            if image and pixels and h.data is not None:
                data += np.asarray(h.data).astype("<f8").tobytes()
            out.append(d)
    json.dump(out, open(name + ".json", "w"), indent=0)
    if data:
        open(name + ".f64", "wb").write(data)


def write(name, *hdus, **kw):
    fits.HDUList(list(hdus)).writeto(name + ".fits", overwrite=True, **kw)
    describe(name)


def noise(*shape):
    return rng.normal(100, 20, shape)


# Images of each type.
ramp = np.arange(11 * 13).reshape(11, 13)
write(
    "types",
    fits.PrimaryHDU(ramp.astype("u1")),
    fits.ImageHDU(ramp.astype(">i2") - 70, name="I2"),
    fits.ImageHDU((ramp * 1234567 - 2**26).astype("i4"), name="I4"),
    fits.ImageHDU(ramp * 2**40 - 2**46 + 1, name="I8"),
    fits.ImageHDU(noise(5, 7).astype("f4"), name="F4"),
    fits.ImageHDU(noise(5, 7) * 1e200, name="F8"),
)
edges = {
    t: np.array([[0, 1, np.iinfo(t).max, np.iinfo(t).max // 2, np.iinfo(t).max // 2 + 1]], t)
    for t in ("u2", "u4", "u8")
}
edges["u8"] = np.array([[0, 1, 2**63, 2**64 - 1, 2**53 + 1, 2**63 + 1025, 2**63 - 1]], "u8")
edges["i1"] = np.array([[-128, 127, 0, 5]], "i1")
write("unsigned", fits.PrimaryHDU(), *[fits.ImageHDU(v, name=k) for k, v in edges.items()])
special = noise(4, 6).astype("f4")
special[0, :4] = np.nan, np.inf, -np.inf, -0.0
write(
    "special",
    fits.PrimaryHDU(special),
    fits.ImageHDU(special.astype("f8"), name="A", ver=2),
    fits.ImageHDU(noise(2, 3, 4, 5).astype("f4"), name="A"),
    fits.ImageHDU(np.arange(7.0), name="LINE"),
)


def raw(
    name,
    data,
    bitpix,
    *cards,
    pad=b" ",
    axes=None,
    first="SIMPLE  =                    T",
    describes=True,
):
    """Writes a file card by card."""
    axes = data.shape[::-1] if axes is None else axes
    lines = [first, f"BITPIX  = {bitpix:20d}", f"NAXIS   = {len(axes):20d}"]
    lines += [f"NAXIS{i + 1:<3}= {n:20d}" for i, n in enumerate(axes)]
    lines = [s.encode("ascii") for s in lines] + [
        c.encode() if isinstance(c, str) else c for c in cards
    ]
    head = b"".join(s.ljust(80)[:80] for s in lines) + b"END".ljust(80)
    head += pad * (-len(head) % 2880)
    body = data.astype(
        {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}[bitpix]
    ).tobytes()
    open(name + ".fits", "wb").write(head + body + b"\0" * (-len(body) % 2880))
    if describes:
        describe(name)


small = np.arange(12).reshape(3, 4)
raw(
    "scaled16",
    small,
    16,
    "BSCALE  =                  0.5",
    "BZERO   =                 10.0",
    "BLANK   =                    7",
)
raw(
    "scaled32",
    small - 5,
    32,
    "BSCALE  =              1.5D-30",
    "BZERO   =                 -1.0",
    "BLANK   =                   -2",
)
raw("scaledfloat", small, -64, "BSCALE  =                  2.5", "BZERO   =                 10.0")
raw(
    "numbers",
    small,
    -32,
    "A       = 1",
    "B       =-3.5",
    "C       = +4.e3",
    "D       = 1.0D+300",
    "E       = 1d-5",
    "F       = - 7",
    "G       = 1.5 E 3",
    "H       = 123456789012345678901234567890",
    "I       = 000123",
    "J       = .5/tight",
    "K       = (1.0, 2.0) / pair",
    "L       = (1,-2D3)",
    "M       = T/yes",
    "N       = F",
    "O       =",
    "P       = / no value",
    "Q       = 1.",
    "R       = 9223372036854775807",
    "S       = -9223372036854775808",
    "U       = 18446744073709551615",
)
raw(
    "texts",
    small,
    -32,
    "A       = 'plain'",
    "B       = 'it''s / here' / comment",
    "C       = '  leading and trailing   '",
    "D       = ''",
    "E       = '''quoted'''",
    "F       = 'a long text that goes on &'",
    "CONTINUE  'and on &' / first",
    "CONTINUE  'and ends' / second",
    "G       = 'no amp'",
    "CONTINUE  'joined'",
    "H       = 'with comment&'",
    "CONTINUE  '' / the comment",
    "I       = 'A / B'/tight",
    "J       = 'it's open' / odd",
    "K       = '=   '",
    "L       = 'ends with &'",
    "HIERARCH ESO OBS NTPL        =            5 / number",
    "HIERARCH ESO TEL NAME = 'VLT''s'",
    "HIERARCH lower Case = 1.5",
    "DP1     = 'AXIS.1: 2.5' / record",
)
raw(
    "odd",
    small,
    -32,
    "PIPELINE_DR9_954a179-z-20160812T055930_oi[S29,noinherit][2046,4094][real]: a",
    "SITELAT = -17:34:28 / latitude",
    "DATE-OBS= 2016-08-12T05:59:30",
    "NOTANUM = NaN",
    "INFINITE= INF / big",
    "BAND    = g / r",
    "crval3  =                  1.0",
    "Obs Mode= 'x'",
    "BITPIX  =                  -32",
    "NAXIS1  =                    4",
    "DUP     =                    1",
    "DUP     =                    2",
    "",
    "                    a card without a key",
    "COMMENT",
    "COMMENT   = text",
    "HISTORY",
    "HISTORY of it",
    "SHORT= 5",
    "NOSPACE =5",
    "OPEN    = 'no end",
    "TT      = TRUE",
    pad=b"\0",
)
raw(
    "bytes",
    small,
    -32,
    "OBSERVER= 'caf\u00e9 site'".encode("latin1"),
    "PADDING = 'L0\u03b3'".encode(),
    "HISTORY \u010dt 16 d".encode(),
    b"CTRL    = 'a\tb\0c'",
    describes=False,
)
raw("ending", small, -32, "A       = 1")
b = open("ending.fits", "rb").read()
open("ending.fits", "wb").write(b[: 2880 + 48])  # the last block isn't filled
describe("ending", False)
raw("empty", np.zeros(0), 8, axes=[])
open("empty.fits", "r+b").truncate(3 * 80 + 80)
raw("zero", np.zeros(0), -32, axes=[4, 0])

# Compressed images, those of a codec in one file.
packed = []


def pack(name, data, kind, tile=None, **kw):
    h = fits.CompImageHDU(data, compression_type=kind, tile_shape=tile, name=name, **kw)
    h.header["OBJECT"] = ("galaxy", "what it is")
    h.header["HISTORY"] = "made for a test"
    packed.append(h)


def flush(name):
    write(name, fits.PrimaryHDU(), *packed)
    packed.clear()


sky = rng.normal(300, 30, (28, 33))
hole = sky.astype("f4")
hole[3, 4:9] = np.nan
flat = sky.astype("f4")
flat[5] = 7.25
flat[7, ::3] = 0
rough = np.exp(rng.normal(0, 60, (6, 33))).astype("f4")
for kind in "RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1":
    tiles = (
        dict(rows=None, square=(16, 16))
        if kind != "HCOMPRESS_1"
        else dict(square=(16, 14), whole=(28, 33))
    )
    for t, tile in tiles.items():
        pack(t + "_i2", sky.astype("i2"), kind, tile)
        pack(t + "_i4", (sky * 1000).astype("i4") - 300000, kind, tile)
        pack(t + "_u1", (sky / 3).astype("u1"), kind, tile)
        pack(t + "_f4", hole, kind, tile, quantize_level=16)
    pack("u2", sky.astype("u2") * 100, kind, (12, 20))
    pack("f8", sky * 1e100, kind, (12, 20))
    for d, m in dict(none=-1, one=1, two=2).items():
        pack("dither_" + d, flat, kind, (12, 20), quantize_method=m, dither_seed=9990 + max(m, 0))
    if kind.startswith("GZIP"):
        pack("lossless4", hole, kind, (10, 33), quantize_level=0)
        pack("lossless8", sky, kind, (10, 33), quantize_level=0)
        pack("i8", (sky * 2**45).astype("i8"), kind)
    if kind == "HCOMPRESS_1":
        for s in 0, 1:
            smooth = (np.abs(sky + 50 * np.sin(np.arange(33) / 4))).astype("i4") * 10
            pack(f"lossy{s}", smooth, kind, (28, 33), hcomp_scale=40, hcomp_smooth=s)
            pack(f"lossyfloat{s}", hole + 10, kind, (14, 11), hcomp_scale=2.5, hcomp_smooth=s)
        pack("flat", np.full((28, 33), 77, "i2"), kind, (28, 33))
        pack("high", rng.integers(-(2**30), 2**30, (28, 33)).astype("i4"), kind, (14, 11))
        pack("thin", sky[:4, :5].astype("i2"), kind, (4, 5))
    if kind == "RICE_1":
        pack("rough", np.concatenate([rough, sky[:4].astype("f4")]), "RICE_1")
        pack("cube", rng.normal(300, 30, (3, 9, 10)).astype("i2"), "RICE_1", (2, 4, 10))
        pack("flat", np.full((40, 50), 12345, "i4"), "RICE_1", (40, 50))
        pack("high", rng.integers(-(2**31), 2**31, (5, 50)).astype("i4"), "RICE_1")
        pack("seeded", sky.astype("f4"), "RICE_1", quantize_method=1, dither_seed=-1)
        blank = sky.astype("i4")[:6]
        blank[2, 3] = -99
        pack("blank", blank, "RICE_1")
        packed[-1].header["BLANK"] = -99
    flush(kind.lower())
mask = np.zeros((30, 33), "i2")
mask[4:9, 3:30], mask[20:, 30:], mask[::7, 5] = 1, 4000, 8193
pack("rows", mask, "PLIO_1")
pack("square", mask.astype("i4") * 1000, "PLIO_1", (16, 16))
pack("whole", (mask % 255).astype("u1"), "PLIO_1", (30, 33))
flush("plio_1")
pack("plain", sky[:5].astype("i2"), "NOCOMPRESS")
flush("nocompress")
# More pixels than the sequence of random numbers has; a multiple of a step, so that few bytes tell.
pack(
    "long",
    (rng.integers(0, 9, (2, 6100)) + rng.normal(0, 1e-3, (2, 6100))).astype("f4"),
    "RICE_1",
    (2, 6100),
    quantize_method=1,
    dither_seed=3,
    quantize_level=-0.5,
)
flush("rice_long")


# A table whose descriptors have 64 bits, one with data that aren't compressed, and one with ZSCALE
# as a keyword.
def table(name, columns, cards):
    t = fits.BinTableHDU.from_columns(columns)
    for k, v in cards:
        t.header[k] = v
    fits.HDUList([fits.PrimaryHDU(), t]).writeto(name + ".fits", overwrite=True)


def rows(form, arrays):
    a = np.empty(len(arrays), object)
    a[:] = arrays
    return fits.Column("COMPRESSED_DATA", form, array=a)


ints = (np.arange(24).reshape(4, 6) * 77).astype(">i4")
gz = [np.frombuffer(gzip.compress(r.tobytes()), "u1") for r in ints]
common = [
    ("ZIMAGE", True),
    ("ZBITPIX", 32),
    ("ZNAXIS", 2),
    ("ZNAXIS1", 6),
    ("ZNAXIS2", 4),
    ("ZTILE1", 6),
    ("ZTILE2", 1),
]
table("gzip_q", [rows("QB()", gz)], common + [("ZCMPTYPE", "GZIP_1")])
describe("gzip_q")
keys = [
    ("ZIMAGE", True),
    ("ZBITPIX", -32),
    *common[2:5],
    ("ZCMPTYPE", "GZIP_1"),
    ("ZSCALE", 0.25),
    ("ZZERO", -3.0),
    ("ZBLANK", 77),
    ("ZQUANTIZ", "NO_DITHER"),
]
table("gzip_keywords", [rows("PB()", gz)], keys)
fl = [
    fits.Column("COMPRESSED_DATA", "PB()", array=np.array([np.zeros(0, "u1")] * 4, object)),
    rows("PE()", list(noise(4, 6).astype("f4"))),
]
fl[1].name = "UNCOMPRESSED_DATA"
table("uncompressed", fl, [("ZIMAGE", True), ("ZBITPIX", -32), *common[2:], ("ZCMPTYPE", "RICE_1")])
describe("uncompressed")


# A table of all kinds of columns; table_values.json has of each its values, row by row.
def arrays(*a):
    out = np.empty(len(a), object)
    out[:] = [np.array(x) for x in a]
    return out


columns = [
    fits.Column("L", "L", array=[True, False, True]),
    fits.Column("X", "11X", array=np.arange(33).reshape(3, 11) % 3 == 0),
    fits.Column("B", "B", array=[0, 255, 7]),
    fits.Column("I", "2I", array=[[1, -2], [3, 4], [-32768, 32767]]),
    fits.Column("J", "J", array=[1, -99, 2], null=-99, unit="count"),
    fits.Column("K", "K", array=[2**62, -(2**63), 5]),
    fits.Column("A", "8A", array=["abc", "  x ", ""]),
    fits.Column("E", "E", array=[1.5, np.nan, -np.inf], unit="Jy"),
    fits.Column("D", "6D", dim="(3,2)", array=np.arange(18.0).reshape(3, 2, 3) / 7),
    fits.Column("C", "C", array=[1 + 2j, 0, -1j]),
    fits.Column("M", "M", array=[1e300 + 2j, 0, -1j]),
    fits.Column("S", "I", array=[1, 2, -28]),
    fits.Column("U2", "I", bzero=2**15, array=np.array([0, 65535, 9], "u2")),
    fits.Column("U4", "J", bzero=2**31, array=np.array([0, 2**32 - 1, 9], "u4")),
    fits.Column("U8", "K", bzero=2**63, array=np.array([0, 2**63 - 1, 9], "u8")),
    fits.Column(
        "T", "12A", dim="(4,3)", array=[["a", "bc", "def"], ["", "x", "wxyz"], ["1", "2", "3"]]
    ),
    fits.Column("PE", "PE()", array=arrays([1.5], [], [2.5, 3.5])),
    fits.Column("QJ", "QJ()", array=arrays([1, 2, 3], [4], [])),
    fits.Column("PA", "PA()", array=["one", "", "three"]),
]
t = fits.BinTableHDU.from_columns(columns, name="CAT")
t.header["TSCAL12"], t.header["TZERO12"] = 0.5, 10.0
fits.HDUList([fits.PrimaryHDU(), t]).writeto("table.fits")
got = {}
with fits.open("table.fits") as hdus:
    for c in hdus[1].columns:
        v = [np.atleast_1d(x).ravel() for x in hdus[1].data[c.name]]
        if c.name == "J":
            v = [np.where(x == -99, np.nan, x) for x in v]
        if "A" in c.name or c.name == "T":
            got[c.name] = [["".join(x)] if c.name == "PA" else [str(y) for y in x] for x in v]
        elif c.name in "CM":
            got[c.name] = [[repr(float(p)) for y in x for p in (y.real, y.imag)] for x in v]
        elif c.name in ("K", "U8", "QJ"):
            got[c.name] = [[str(int(y)) for y in x] for x in v]
        else:
            got[c.name] = [[repr(float(y)) for y in x] for x in v]
json.dump(got, open("table_values.json", "w"), indent=0)

b = open("types.fits", "rb").read()
open("types.fits.gz", "wb").write(gzip.compress(b, mtime=0))
open("types.fits.bz2", "wb").write(bz2.compress(b))
