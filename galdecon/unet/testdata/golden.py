#!/usr/bin/env python3
"""Golden weights, outputs and gradients of the paper's network, computed by PyTorch in float64.

    pip install torch==2.15.0 numpy safetensors && python golden.py

writes, next to itself, for two sizes of the network: its state dict (paper_*.npz under plain names, paper_*.safetensors under the
names of the authors' program) and what PyTorch makes of it (*_golden.npz). All weights are representable in float16.
"""
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent
RATE = 1e-4  # Adam's


def state_dict(channels, f, k, rng):
    """Random weights, and running statistics that are not those of a fresh network."""
    w = {}

    def add(name, value):
        w[name] = torch.from_numpy(value.astype(np.float16).astype(np.float64))

    def linear(name, *shape, fan_in):
        for part, dims in (("weight", shape), ("bias", shape[1:2] if "grow" in name else shape[:1])):
            add(f"{name}.{part}", rng.uniform(-1, 1, dims) * (3 / fan_in) ** 0.5)

    def norm(name, n):
        add(f"{name}.weight", rng.uniform(0.5, 1.5, n))
        add(f"{name}.bias", rng.uniform(-0.3, 0.3, n))

    def conv(name, n_in, n_out):
        linear(name, n_out, n_in, 3, 3, fan_in=9 * n_in)

    def block(name, n_in, n_out):
        for i, n in ((1, n_in), (2, n_out)):
            conv(f"{name}.conv{i}.0", n, n_out)
            norm(f"{name}.conv{i}.1", n_out)
            add(f"{name}.conv{i}.1.running_mean", rng.uniform(-0.3, 0.3, n_out))
            add(f"{name}.conv{i}.1.running_var", rng.uniform(0.5, 1.5, n_out))

    block("stem", 2 * channels, f)
    for i, (n_in, n_out) in enumerate(((f, f), (f, 2 * f), (2 * f, 4 * f))):
        block(f"down{i + 1}", n_in, n_out)
    conv("hidden", 4 * f, 8 * f)
    for i, width in enumerate((4 * f, 2 * f, f)):
        linear(f"time.{i}.fc1", width, 1, fan_in=1)
        linear(f"time.{i}.fc2", width, width, fan_in=width)
        conv(f"psf.{i}.conv", 1, 16)
        n = 16 * (k // 2) ** 2
        linear(f"psf.{i}.fc1", width, n, fan_in=n)
        linear(f"psf.{i}.fc2", width, width, fan_in=width)
    conv("up0.0", 8 * f, 4 * f)
    norm("up0.1", 4 * f)
    for i, (n_in, n_out) in enumerate(((8 * f, 2 * f), (4 * f, f), (2 * f, f))):
        linear(f"up{i + 1}.grow", n_in, n_out, 2, 2, fan_in=n_in)
        block(f"up{i + 1}.block1", n_out, n_out)
        block(f"up{i + 1}.block2", n_out, n_out)
    conv("out.0", 2 * f, f)
    norm("out.1", f)
    conv("out.3", f, channels)
    return w


def network(w, blurred, noisy, psf, t, training):
    """The network as a function of its state dict, whose running statistics it updates when training."""

    def conv(name, x):
        return F.conv2d(x, w[name + ".weight"], w[name + ".bias"], padding=1)

    def linear(name, x):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    def group_norm(name, x):
        return F.relu(F.group_norm(x, 8, w[name + ".weight"], w[name + ".bias"]))

    def half(name, x):
        norm = [w[f"{name}.1.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.gelu(F.batch_norm(conv(name + ".0", x), *norm, training=training))

    def block(name, x):
        return half(name + ".conv2", half(name + ".conv1", x))

    a = half("stem.conv1", torch.cat((blurred, noisy), 1))
    x = (a + half("stem.conv2", a)) / 1.414
    skips, h = [], x
    for i in (1, 2, 3):
        h = F.max_pool2d(block(f"down{i}", h), 2)
        skips.append(h)
    h = group_norm("up0.1", conv("up0.0", F.gelu(conv("hidden", h))))
    for i in range(3):
        p = F.max_pool2d(F.relu(conv(f"psf.{i}.conv", psf[:, None])), 2).flatten(1)
        p = linear(f"psf.{i}.fc2", F.relu(linear(f"psf.{i}.fc1", p)))
        e = linear(f"time.{i}.fc2", F.gelu(linear(f"time.{i}.fc1", t[:, None])))
        h = torch.cat((p[:, :, None, None] * h + e[:, :, None, None], skips.pop()), 1)
        h = F.conv_transpose2d(h, w[f"up{i + 1}.grow.weight"], w[f"up{i + 1}.grow.bias"], stride=2)
        h = block(f"up{i + 1}.block2", block(f"up{i + 1}.block1", h))
    return conv("out.3", group_norm("out.1", conv("out.0", torch.cat((h, x), 1))))


def authors(w):
    """The state dict as the authors' program would write it: its names, the sign of its PSF, its schedule's buffers."""
    out = {}
    for name, value in w.items():
        level, _, rest = name.partition(".")
        if level == "stem":
            name = "init_conv." + rest
        elif level.startswith("down"):
            name = f"{level}.model.0.{rest}"
        elif level == "hidden":
            name = "to_hidden.0." + rest
        elif level in ("time", "psf"):
            i, layer, part = rest.split(".")
            if level == "time":
                name = f"timeembed{int(i) + 1}.model.{dict(fc1=0, fc2=2)[layer]}.{part}"
            else:
                name = f"contextembed{int(i) + 1}.{layer.replace('conv', 'conv1')}.{part}"
                if (layer, part) == ("conv", "weight"):
                    value = -value  # its network is given -PSF
        elif level in ("up1", "up2", "up3"):
            module, _, rest = rest.partition(".")
            name = f"{level}.model.{dict(grow=0, block1=1, block2=2)[module]}.{rest}"
        out["nn_model." + name] = value.numpy().astype(np.float16)
        if name.endswith("running_var"):
            out["nn_model." + name.replace("running_var", "num_batches_tracked")] = np.array(1, np.int64)
    for name in ("alpha_t", "oneover_sqrta", "sqrt_beta_t", "alphabar_t", "sqrtab", "sqrtmab", "mab_over_sqrtmab"):
        out[name] = np.linspace(0, 1, 11, dtype=np.float32)
    return out


def golden(name, channels, psf_size, seed, features=8, batch=2, size=16):
    rng = np.random.default_rng(seed)
    w = state_dict(channels, features, psf_size, rng)
    shape = (batch, channels, size, size)
    psf = rng.uniform(0, 1, (batch, psf_size, psf_size))
    draw = dict(blurred=rng.uniform(0, 1, shape), noisy=rng.normal(0, 1, shape), psf=psf / psf.sum((1, 2), keepdims=True),
                t=rng.uniform(0.01, 1, batch), noise=rng.normal(0, 1, shape))
    # PyTorch sees what is stored, in float32.
    data = {k: torch.from_numpy(v.astype(np.float32).astype(np.float64)) for k, v in draw.items()}
    noise = data.pop("noise")
    if channels == 1:
        # NumPy compresses what is zero: the last 13 bits of each value.
        tracked = {n.replace("running_var", "num_batches_tracked"): np.array(1) for n in w if n.endswith("running_var")}
        np.savez_compressed(HERE / f"{name}.npz", **tracked, **{n: v.numpy().astype(np.float32) for n, v in w.items()})
    else:
        save_file(authors(w), HERE / f"{name}.safetensors")

    result = {"in." + k: v.numpy() for k, v in data.items()} | {"in.noise": noise.numpy()}
    with torch.no_grad():
        result["evaluation"] = network(w, **data, training=False).numpy()
    trained = {n: v.requires_grad_() for n, v in w.items() if "running" not in n}
    before = {n: v.detach().clone() for n, v in trained.items()}
    adam = torch.optim.Adam(trained.values(), lr=RATE)
    out = network(w, **data, training=True)
    loss = F.mse_loss(out, noise)
    loss.backward()
    adam.step()
    result |= {"training": out.detach().numpy(), "loss": loss.detach().numpy()}
    result |= {"running." + n: v.numpy() for n, v in w.items() if "running" in n}
    result |= {"gradient." + n: v.grad.numpy() for n, v in trained.items()}
    result = {n: v.astype(np.float32) for n, v in result.items()}
    # The change of the weights in units of the learning rate, mostly ±1.
    result |= {"step." + n: ((v.detach() - before[n]) / RATE).numpy().astype(np.float16) for n, v in trained.items()}
    np.savez_compressed(HERE / f"{name}_golden.npz", **result)


if __name__ == "__main__":
    golden("paper_1", channels=1, psf_size=5, seed=1)
    golden("paper_3", channels=3, psf_size=10, seed=2)
