#!/usr/bin/env python3
"""How many conjugate-gradient steps a diffusion sampler needs: white Gaussian galaxies of 64x64
pixels, 20 noise levels, against the exact posterior. Prints, for each case and number of steps,
the draws' mean squared distance from the exact mean in units of the posterior's covariance,
relative to that with converged steps. Needs numpy and scipy; takes some minutes.

The data step is that of Grid.Step, in double precision."""
import numpy as np
from scipy import fft

SIZE, PRIOR, LEVELS, DRAWS = 64, 0.13, 20, 24
BETA = np.minimum(1e-4 + (0.02 - 1e-4) * np.arange(1000) / 999, 0.999)
BAR = np.concatenate([[1], np.cumprod(1 - BETA)])
SNR = 0.5 * np.log(BAR[1:] / (1 - BAR[1:]))
SNR = np.concatenate([[np.inf], SNR])


def times():
    out, t = [], 1000
    for i in range(LEVELS):
        want = SNR[1000] + (SNR[1] - SNR[1000]) * i / (LEVELS - 1)
        while t > LEVELS - i and SNR[t] < want - 1e-9:
            t -= 1
        out.append(t)
        t -= 1
    return out + [0]


class Look:
    def __init__(self, sigma, weight, correlation):
        half = int(np.ceil(4 * sigma))
        self.n = fft.next_fast_len(SIZE + half, real=True)
        d = np.fft.fftfreq(self.n) * self.n
        line = np.where(abs(d) <= half, np.exp(-d**2 / 2 / sigma**2), 0)
        kernel = line[:, None] * line[None, :]
        self.k = fft.rfft2(kernel / kernel.sum())
        line = np.where(abs(d) == 1, correlation, 0) + (d == 0)
        self.c = np.maximum(fft.rfft2(line[:, None] * line[None, :]).real, 1e-3)
        self.root, self.seen = np.sqrt(weight), (weight > 0) * 1.0
        self.mean = weight[weight > 0].mean()

    def filter(self, image, by):
        wide = np.pad(image, [(0, 0)] * (image.ndim - 2) + [(0, self.n - SIZE)] * 2)
        return fft.irfft2(fft.rfft2(wide) * by, (self.n, self.n))[..., :SIZE, :SIZE]

    def solve(self, x, estimate, tau, steps):
        back = lambda v: tau**2 * self.filter(self.root * v, self.k.conj())
        see = lambda y: self.root * self.filter(y, self.k)
        share = lambda v: self.seen * self.filter(self.seen * v, self.c)
        gain = 1 / (self.c + tau**2 * self.mean * abs(self.k) ** 2)
        u = conjugate(lambda v: share(v) + see(back(v)),
                      lambda r: self.seen * self.filter(self.seen * r, gain),
                      self.root * x - see(estimate), steps)
        return estimate + back(u)

    def energy(self, e):
        v = self.root * self.filter(e, self.k)
        u = conjugate(lambda v: self.seen * self.filter(self.seen * v, self.c),
                      lambda r: self.seen * self.filter(self.seen * r, 1 / self.c), v, 15)
        return ((e * e).sum((-2, -1)) / PRIOR**2 + (v * u).sum((-2, -1))).mean() / SIZE**2


def conjugate(matrix, precondition, b, steps):
    dot = lambda a, b: (a * b).sum((-2, -1), keepdims=True)
    x, r = np.zeros_like(b), b
    z = p = precondition(r)
    rz = dot(r, z)
    for _ in range(steps):
        q = matrix(p)
        a = rz / (dot(p, q) + 1e-30)
        x, r = x + a * p, r - a * q
        z = precondition(r)
        rz, old = dot(r, z), rz
        p = z + rz / (old + 1e-30) * p
    return x


def sample(look, x, steps):
    t, rng = times(), np.random.default_rng(11)
    u, last = rng.normal(size=(DRAWS, SIZE, SIZE)), None
    for i in range(LEVELS):
        now, after = BAR[t[i]], BAR[t[i + 1]]
        y = look.solve(x, PRIOR * np.sqrt(now) * u, PRIOR * np.sqrt(1 - now), steps) / PRIOR
        fresh = np.sqrt((1 - after) / (1 - now) * (1 - now / after))
        noise = np.sqrt(max(0, 1 - after - fresh**2))
        new = np.sqrt(after) * y + noise * (u - np.sqrt(now) * y) / np.sqrt(1 - now)
        if i > 0 and t[i + 1] > 0:
            weight = np.sqrt(after) - noise * np.sqrt(now / (1 - now))
            ahead = (SNR[t[i + 1]] - SNR[t[i]]) / (2 * (SNR[t[i]] - SNR[t[i - 1]]))
            new += weight * ahead * (y - last)
        u, last = new + fresh * rng.normal(size=u.shape), y
    return PRIOR * u


def mask(kind, rng):
    m = np.ones((SIZE, SIZE))
    if kind in ("dead", "all"):
        m[rng.random(m.shape) < 0.03] = 0
    if kind in ("columns", "all"):
        m[:, [9, 30, 31]] = 0
    if kind in ("edge", "all"):
        m[:19] = 0
    return m


def main():
    rng = np.random.default_rng(5)
    row, column = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    for kind, sigma, noise, varied, c in [("none", 1.7, 0.001, 0, 0), ("none", 1.1, 0.002, 1, 0),
                                          ("dead", 1.5, 0.003, 0, 0), ("columns", 1.5, 0.003, 0, 0),
                                          ("edge", 1.5, 0.003, 0, 0), ("all", 1.5, 0.003, 1, 0.3)]:
        deviation = noise * (1 + varied * np.exp(-(row**2 + column**2) / 100))
        look = Look(sigma, mask(kind, rng) / deviation**2, c)
        white = fft.rfft2(rng.normal(size=(look.n, look.n))) * np.sqrt(look.c)
        n = deviation * fft.irfft2(white, (look.n, look.n))[:SIZE, :SIZE]
        x = look.filter(PRIOR * rng.normal(size=(SIZE, SIZE)), look.k) + n
        exact = look.solve(x, np.zeros((SIZE, SIZE)), PRIOR, 400)
        far = {s: look.energy(sample(look, x, s) - exact) for s in (60, 1, 2, 4, 6)}
        print(f"{kind:8s} sigma {sigma} noise {noise} map {varied} correlation {c}:",
              " ".join(f"{s}: {far[s] / far[60]:.3f}" for s in (1, 2, 4, 6)), flush=True)


if __name__ == "__main__":
    main()
