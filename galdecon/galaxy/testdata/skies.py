"""Measures the sky of 100 simulated fields with the estimators of photutils and SExtractor.

Needs numpy, photutils 3.0.0 and sep 1.4.1 (SExtractor's background). Writes skies.json beside
itself: for each field its kind, seed and true sky and noise, and what each estimator makes of it.
The test TestSkyOfFields makes the same fields from the same seeds.

    python skies.py
"""
import json
import pathlib

import numpy as np

SIDE = 96
KINDS = ("sparse", "crowded", "sloping", "counts", "masked")
EACH = 20


def uniform(seed, first, n):
    """SplitMix64's outputs number first to first+n of a seed, as numbers above 0 and below 1."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.arange(
            first + 1, first + n + 1, dtype=np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(11)).astype(float) + 0.5) / 2**53


def field(kind, seed):
    """Returns an image, its pixels without data, its sky and the sky's noise.

    Random numbers 0 to 9 choose the field, 10 to 1009 the galaxies, those from 2000 on the noise.
    """
    u = uniform(seed, 0, 10)
    galaxies = 80 if kind == "crowded" else 8
    noise = 10 ** (2 * u[0] - 1)
    level = noise * (-2 + 40 * u[1])
    if kind == "counts":
        level = 0.05 * 600 ** u[1]
        noise = np.sqrt(level)
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    mean = np.full((SIDE, SIDE), level)
    if kind == "sloping":
        angle = 2 * np.pi * u[2]
        along = ((x - 47.5) * np.cos(angle) + (y - 47.5) * np.sin(angle)) / SIDE
        mean += noise * (1 + 5 * u[3]) * along
    g = uniform(seed, 10, 10 * galaxies).reshape(galaxies, 10)
    for gx, gy, bright, size, flat, turn, *_ in g:
        # Peaks from half of the noise on, half as many above each twofold.
        peak = min(0.5 * noise / bright, 100 * noise)
        scale, q, turn = 1 + 2 * size, 0.4 + 0.6 * flat, np.pi * turn
        dx, dy = x - SIDE * gx, y - SIDE * gy
        along = dx * np.cos(turn) + dy * np.sin(turn)
        across = (dy * np.cos(turn) - dx * np.sin(turn)) / q
        mean += peak * np.exp(-np.sqrt(along**2 + across**2 + 1) / scale)
    n = SIDE * SIDE
    a, b = uniform(seed, 2000, n), uniform(seed, 2000 + n, n)
    if kind == "counts":
        counts, flat = np.zeros(n), mean.ravel()
        term = np.exp(-flat)
        total = term.copy()
        for k in range(1, 1000):
            more = a > total
            if not more.any():
                break
            counts[more] = k
            term = term * flat / k
            total += term
        image = counts.reshape(mean.shape)
    else:
        image = mean + noise * np.sqrt(-2 * np.log(a)).reshape(mean.shape) * np.cos(
            2 * np.pi * b).reshape(mean.shape)
    bad = np.zeros(image.shape, bool)
    if kind == "masked":
        # A straight edge in any direction, beyond which 30 to 70 % of the pixels lie.
        angle = 2 * np.pi * u[4]
        away = (x - 47.5) * np.cos(angle) + (y - 47.5) * np.sin(angle)
        cut = np.sort(away.ravel())[int((0.3 + 0.4 * u[5]) * n)]
        bad = away < cut
        image[bad] = 0.0 if seed % 2 == 0 else np.nan
    return image.astype(np.float32), bad, level, noise


def others(image, bad):
    import sep
    from astropy.stats import SigmaClip, sigma_clipped_stats
    from photutils.background import (
        BiweightLocationBackground, MeanBackground, MMMBackground, ModeEstimatorBackground,
        SExtractorBackground)
    good = image[~bad].astype(float)
    clip = SigmaClip(sigma=3.0, maxiters=10)
    out = {"clipped median": sigma_clipped_stats(good, sigma=3.0, maxiters=10)[1]}
    for name, kind in (
            ("clipped mean", MeanBackground), ("photutils SExtractor", SExtractorBackground),
            ("photutils mode", ModeEstimatorBackground), ("photutils MMM", MMMBackground),
            ("photutils biweight", BiweightLocationBackground)):
        out[name] = kind(sigma_clip=clip).calc_background(good)
    filled = np.ascontiguousarray(np.where(bad, 0, image), dtype=np.float32)
    out["SExtractor"] = sep.Background(filled, mask=bad, bw=64, bh=64, fw=3, fh=3).globalback
    return {name: float(v) for name, v in out.items()}


def main():
    fields = []
    for k, kind in enumerate(KINDS):
        for i in range(EACH):
            seed = 1000 * (k + 1) + i
            image, bad, level, noise = field(kind, seed)
            fields.append({"kind": kind, "seed": seed, "level": level, "noise": noise,
                           "sum": float(np.nansum(image, dtype=float)),
                           "others": others(image, bad)})
    names = list(fields[0]["others"])
    print(f"{'mean and rms error, in units of the noise':42}" + "".join(f"{k:>16}" for k in KINDS))
    for name in names:
        line = f"{name:42}"
        for kind in KINDS:
            e = np.array([(f["others"][name] - f["level"]) / f["noise"]
                          for f in fields if f["kind"] == kind])
            line += f"{e.mean():+9.3f} {np.sqrt((e**2).mean()):.3f}"
        print(line)
    path = pathlib.Path(__file__).with_name("skies.json")
    rounded = json.loads(json.dumps(fields), parse_float=lambda v: float(f"{float(v):.7g}"))
    path.write_text("[\n" + ",\n".join(json.dumps(f) for f in rounded) + "\n]\n")


if __name__ == "__main__":
    main()
