"""Draw candidates by DPS, DiffPIR or PiGDM of deepinv 0.5.0 with the exact denoiser of the fields.

    python peers.py dps|diffpir|pigdm PROBLEM.json CANDIDATES OUT

OUT gets float32 numbers, [fields, candidates, pixels]. Each method has settings that its authors
leave to the user. They are chosen from a grid by the continuous ranked probability score on fields
that aren't compared, and printed.
"""

import itertools
import json
import sys

import deepinv as dinv
import numpy as np
import torch
from deepinv.sampling import (
    DDPMSolver,
    DiffPIR,
    DPS,
    PiGDMDataFidelity,
    PosteriorDiffusion,
    VariancePreservingDiffusion,
)

STEPS = 500  # of DPS and PiGDM


class Denoiser(torch.nn.Module):
    """E[y | y + sigma e] of fields in units in which they are (y - low)/scale."""

    def __init__(self, problem, low, scale):
        super().__init__()
        most = max(len(m) for m in problem["mixtures"])

        def column(name, k, other):
            return [m[k][name] if k < len(m) else other for m in problem["mixtures"]]

        # A mixture of fewer components is filled up with others of probability 0.
        self.basis = torch.tensor(problem["basis"], dtype=torch.float32)
        self.log_weight = torch.log(torch.tensor([column("weight", k, 0.0) for k in range(most)]))
        self.mean = torch.tensor([column("mean", k, 0.0) for k in range(most)])
        self.variance = torch.tensor([column("std", k, 1.0) for k in range(most)]) ** 2
        self.identity = bool((self.basis == torch.eye(len(self.basis))).all())
        self.low, self.scale = low, scale

    def forward(self, x, sigma, *args, **kwargs):
        sigma = torch.as_tensor(sigma, dtype=torch.float32).reshape(-1, 1) * self.scale
        y = x.reshape(len(x), -1) * self.scale + self.low
        u = y if self.identity else y @ self.basis
        logs, means = [], []
        for weight, mean, variance in zip(self.log_weight, self.mean, self.variance):
            total, off = variance + sigma**2, u - mean
            logs.append(weight - (torch.log(total) + off**2 / total) / 2)
            means.append(mean + variance / total * off)
        share = torch.softmax(torch.stack(logs), 0)
        u = (share * torch.stack(means)).sum(0)
        y = u if self.identity else u @ self.basis.T
        return ((y - self.low) / self.scale).reshape(x.shape)


def blur(problem):
    """The matrix of the convolution with the PSF; the sky around is dark."""
    side, k = problem["side"], problem["psf_size"]
    psf = np.array(problem["psf"]).reshape(k, k)
    a = np.zeros((side, side, side, side))
    for i, j in itertools.product(range(side), repeat=2):
        for v, w in itertools.product(range(k), repeat=2):
            p, q = i - v + k // 2, j - w + k // 2
            if 0 <= p < side and 0 <= q < side:
                a[i, j, p, q] = psf[v, w]
    return torch.tensor(a.reshape(side * side, side * side), dtype=torch.float64)


class Problem:
    """Observations in units in which fields are (y - low)/scale."""

    def __init__(self, problem, low, scale):
        self.side, self.low, self.scale = problem["side"], low, scale
        a = blur(problem)
        u, s, vh = torch.linalg.svd(a)
        self.offset = low * a.sum(1)

        def linear(matrix):
            # Images come as float32 from denoisers and as float64 from solvers.
            both = {t: matrix.to(t) for t in (torch.float32, torch.float64)}
            return lambda x: (x.reshape(len(x), -1) @ both[x.dtype].T).reshape(x.shape)

        shape = (1, self.side, self.side)
        self.physics = dinv.physics.DecomposablePhysics(
            U=linear(u), U_adjoint=linear(u.T), V=linear(vh.T), V_adjoint=linear(vh),
            img_size=shape, mask=s.to(torch.float32).reshape(shape),
            noise_model=dinv.physics.GaussianNoise(problem["noise"] / scale),
        )
        self.denoiser = Denoiser(problem, low, scale)

    def seen(self, x, n):
        x = (torch.tensor(x, dtype=torch.float64) - self.offset) / self.scale
        return x.repeat_interleave(n, 0).reshape(-1, 1, self.side, self.side)

    def fields(self, x):
        return (x.reshape(len(x), -1) * self.scale + self.low).to(torch.float32).numpy()


def draw(method, p, x, n, setting):
    torch.manual_seed(1)
    y = p.seen(x, n)
    if method == "dps":
        guidance, weight = setting
        model = DPS(p.denoiser, guidance=guidance, weight=weight, num_steps=STEPS)
        return p.fields(model(y, p.physics).detach())
    if method == "diffpir":
        weight, zeta = setting
        model = DiffPIR(p.denoiser, dinv.optim.data_fidelity.L2(), lambda_=weight, zeta=zeta,
                        sigma=p.physics.noise_model.sigma)
        return p.fields(model(y.to(torch.float32), p.physics))
    (weight,) = setting
    model = PosteriorDiffusion(
        data_fidelity=PiGDMDataFidelity(weight=weight), denoiser=p.denoiser,
        sde=VariancePreservingDiffusion(alpha=1.0),
        solver=DDPMSolver(timesteps=torch.linspace(1, 0, STEPS, dtype=torch.float64)),
        minus_one_one=False,
    )
    return p.fields(model(y, p.physics).detach())


# Settings: the guidance of DPS and its weight; lambda and zeta; the weight of PiGDM's guidance.
GRIDS = {
    "dps": [("norm", 1.0), ("norm", 10.0), ("norm", 100.0), ("annealed", 0.3)],
    "diffpir": list(itertools.product((1.0, 3.0, 7.0, 20.0), (0.1, 0.5, 1.0))),
    "pigdm": [(0.5,), (1.0,), (2.0,)],
}


def crps(truth, drawn):
    """The fair continuous ranked probability score of pixels: 0 is perfect."""
    n = drawn.shape[1]
    off = np.abs(drawn - truth[:, None]).mean()
    pairs = np.abs(drawn[:, :, None] - drawn[:, None]).sum((1, 2)).mean() / (n * (n - 1))
    return off - pairs / 2


def main():
    method, path, n, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    with open(path) as f:
        problem = json.load(f)
    truth = np.array(problem["tune_truth"])
    if method == "pigdm":  # It takes fields to have mean 0 and variance 1.
        low, scale = truth.mean(), truth.std()
    else:  # These take pixels to lie in [0, 1].
        low, scale = truth.min(), truth.max() - truth.min()
    p = Problem(problem, float(low), float(scale))
    best, least = None, np.inf
    for setting in GRIDS[method]:
        drawn = draw(method, p, problem["tune_seen"], 4, setting)
        drawn = drawn.reshape(len(truth), 4, -1)
        score = crps(truth, drawn) if np.isfinite(drawn).all() else np.inf
        print(f"{method} {setting}: CRPS {score:.5f}", flush=True)
        if score < least:
            best, least = setting, score
    if best is None:
        sys.exit(f"{method} gave nothing finite")
    print(f"{method}: {best}", flush=True)
    draw(method, p, problem["seen"], n, best).astype("<f4").tofile(out)


if __name__ == "__main__":
    main()
