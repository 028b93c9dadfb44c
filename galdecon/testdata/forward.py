"""The network of a model with a Survey in NumPy: forward.py MODEL.safetensors INPUTS OUTPUT.

INPUTS holds float32 arrays as safetensors: yt, filled, wiener, precision [batch, size, size, 1],
time [batch], sensitivity [batch, frequencies]; see ddpm.Config.LookNetwork. So does OUTPUT: out.
"""
import json, sys
import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

w = {k: v.astype(np.float64) for k, v in load_file(sys.argv[1]).items()}
with safe_open(sys.argv[1], "np") as f:
    net = json.loads(f.metadata()["config"])["diffusion"]["network"]
x = {k: v.astype(np.float64) for k, v in load_file(sys.argv[2]).items()}
swish = lambda a: a / (1 + np.exp(-a))
dense = lambda at, a: a @ w[at + ".dense.weights"] + w[at + ".dense.biases"]
norm = lambda at, a: a / np.sqrt((a**2).mean(-1, keepdims=True) + 1e-6) * w[at + ".rms_norm.scale"]

def fold(a):
    b, h, v, c = a.shape
    return a.reshape(b, h//2, 2, v//2, 2, c).transpose(0, 1, 3, 2, 4, 5).reshape(b, h//2, v//2, 4*c)

def unfold(a):
    b, h, v, c = a.shape
    return a.reshape(b, h, v, 2, 2, c//4).transpose(0, 1, 3, 2, 4, 5).reshape(b, 2*h, 2*v, c//4)

def conv(at, a):
    b, h, v, _ = a.shape
    p, k = np.pad(a, ((0, 0), (1, 1), (1, 1), (0, 0))), w[at + ".weights"]
    return sum(p[:, i:i+h, j:j+v] @ k[i, j] for i in range(3) for j in range(3)) + w[at + ".biases"]

def block(at, a, condition):
    h = conv(at + ".conv_0", swish(norm(at + ".norm_0", a)))
    scale, shift = np.split(dense(at + ".film", condition)[:, None, None], 2, -1)
    h = conv(at + ".conv_1", swish(norm(at + ".norm_1", h) * (1 + scale) + shift))
    return h + (dense(at + ".skip", a) if a.shape[-1] != h.shape[-1] else a)

t = x["time"][:, None]
phase = t * np.exp(np.arange(net["embedding"] // 2) / (net["embedding"] // 2 - 1) * np.log(1000))
known = dense("embed.known_1", swish(dense("embed.known_0", x["sensitivity"])))
time = dense("embed.time", np.concatenate([np.sin(phase), np.cos(phase)], -1))
condition = swish(dense("embed.both", swish(time + known)))
signal, sigma = (f(np.pi / 2 * t)[:, None, None] for f in (np.cos, np.sin))
towards = lambda u: (u / sigma) / np.sqrt(1 + (u / sigma)**2 / 16)
noisy, filled, wiener = signal * x["yt"], x["filled"], x["wiener"]
terms = [x["yt"], filled, wiener, towards(noisy), towards(noisy - filled), towards(noisy - wiener)]
h, skips = np.concatenate([np.arcsinh(a) for a in terms] + [x["precision"]], -1), []
levels, blocks = len(net["features"]), range(net["blocks"])
for level in range(levels):
    h = conv(f"unet.down_{level}.in", fold(h))
    for b in blocks:
        h = block(f"unet.down_{level}.block_{b}", h, condition)
    skips.append(h)
for level in reversed(range(levels)):
    if level < levels - 1:
        h = np.concatenate([unfold(dense(f"unet.up_{level}.in", h)), skips[level]], -1)
    for b in blocks:
        h = block(f"unet.up_{level}.block_{b}", h, condition)
h = unfold(conv("unet.out", swish(norm("unet.out", h))))
out = h[..., :1] + sum(h[..., i+1:i+2] * term for i, term in enumerate(terms))
save_file({"out": out.astype(np.float32)}, sys.argv[3])
