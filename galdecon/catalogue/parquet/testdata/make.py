"""Writes Parquet tables by astropy and pyarrow, and what is in them as JSON.

python make.py, with astropy 8.0.2 and pyarrow 26.0.1; make.py of package table comes first.
"""

import datetime
import json
import pathlib
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.table import Table

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent.parent / "table" / "testdata"))
import make  # noqa: E402

t = make.columns()
t.write(here / "astropy.parquet", overwrite=True)
t["masked.mask"] = t["masked"].mask  # as astropy stores it
t["masked"] = t["masked"].data.data
order = list(pq.read_schema(here / "astropy.parquet").names)
want = make.expected(t[order])
(here / "astropy.json").write_text(json.dumps(want) + "\n")

# What pandas, Arrow and surveys write: values that are missing, lists, dictionaries, times, and a
# structure, which is no column of a table.
p = pa.table(
    {
        "objectId": pa.array([2**62 + 1, 2**62 + 2, None], pa.int64()),
        "name": pa.array(["a", None, "ü"]).dictionary_encode(),
        "large": pa.array(["x", "", "y"], pa.large_string()),
        "flag": pa.array([True, None, False]),
        "flux": pa.array([0.1, None, float("nan")], pa.float32()),
        "list": pa.array([[1.5, 2.5], [], None], pa.list_(pa.float64())),
        "holes": pa.array([[1, None], [3], [4, 5, 6]], pa.list_(pa.int16())),
        "three": pa.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], pa.list_(pa.uint8())),
        "matrix": pa.array([[[1, 2], [3, 4]]] * 3, pa.list_(pa.list_(pa.int32()))),
        "time": pa.array([datetime.datetime(2000, 1, 1)] * 3, pa.timestamp("us")),
        "day": pa.array([datetime.date(1970, 1, 2)] * 3, pa.date32()),
        "pair": pa.array([{"x": 1, "y": 2}] * 3),
        "price": pa.array([1, 2, 3], pa.decimal128(20, 2)),
    }
)
for codec in ("none", "snappy", "gzip", "zstd"):
    pq.write_table(p, here / f"arrow_{codec}.parquet", compression=codec, row_group_size=2)
m = "missing"
rows = dict(
    objectId=("int64", [], [[str(2**62 + 1)], [str(2**62 + 2)], [m]]),
    name=("string", [], [["a"], [m], ["ü"]]),
    large=("string", [], [["x"], [""], ["y"]]),
    flag=("bool", [], [["True"], [m], ["False"]]),
    flux=("float32", [], [["0.1"], [m], ["nan"]]),
    list=("float64", [], [["1.5", "2.5"], [], []]),
    holes=("int16", [], [["1", m], ["3"], ["4", "5", "6"]]),
    three=("uint8", [3], [["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"]]),
    matrix=("int32", [4], [["1", "2", "3", "4"]] * 3),
    time=("int64", [], [["946684800000000"]] * 3),
    day=("int32", [], [["1"]] * 3),
)
want = [dict(name=k, unit=dict(time="us", day="d").get(k, ""), description="", type=v[0],
             shape=v[1], rows=v[2]) for k, v in rows.items()]
(here / "arrow.json").write_text(json.dumps(want) + "\n")
