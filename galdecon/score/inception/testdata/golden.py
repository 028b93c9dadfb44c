"""Writes golden.npy: the features that PyPI's pytorch-fid computes with the weights and images of the package's filler (weights.go),
in float64, and legacy.pth and zip.pth: a little state dict in the two file formats of torch.save.

    pip install torch torchvision pytorch-fid && python golden.py

Written with torch 2.15.0, torchvision 0.29.2, pytorch-fid 0.3.0.
"""
from unittest import mock

import numpy as np
import pytorch_fid.inception as fid
import torch
from torchvision.models import Inception3

SEED = 1


def uniform(seed, name, n):
    """uniform in weights.go: SplitMix64 from the FNV-1a hash of "seed/name", the upper 24 bits of each value."""
    state = 0xCBF29CE484222325
    for byte in f"{seed}/{name}".encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    z = np.uint64(state) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) / 2**24


def fill(name, shape):
    """random in weights.go."""
    u = uniform(SEED, name, int(np.prod(shape)))
    if name.endswith((".bn.weight", ".running_var")):
        u = 0.75 + 0.5 * u
    elif name.endswith((".bn.bias", ".running_mean")):
        u = -0.25 + 0.5 * u
    else:
        bound = np.sqrt(6 / np.prod(shape[1:]))
        u = -bound + 2 * bound * u
    return torch.from_numpy(u.astype(np.float32).reshape(shape))


def image(name, h, w, c):
    """[1, 3, h, w] in [0, 1); one channel is repeated."""
    pixels = torch.from_numpy(uniform(SEED, name, h * w * c).astype(np.float32).reshape(1, h, w, c))
    return pixels.permute(0, 3, 1, 2).expand(1, 3, h, w)


# The network asks for the official weights while it is constructed; ours take their place.
with mock.patch.object(fid, "load_state_dict_from_url"), mock.patch.object(Inception3, "load_state_dict"):
    network = fid.fid_inception_v3()
state = {k: v if k.endswith("num_batches_tracked") else fill(k, v.shape) for k, v in network.state_dict().items()}
network.load_state_dict(state)
with mock.patch.object(fid, "fid_inception_v3", return_value=network):
    model = fid.InceptionV3().eval()

images = [image("grey", 32, 32, 1), image("colour", 48, 340, 3)]
with torch.no_grad():
    single = np.stack([model(x)[0].flatten().numpy() for x in images])
    model.double()
    double = np.stack([model(x.double())[0].flatten().numpy() for x in images])
print("features up to", double.max(), "with the means", double.mean(1), "and a mean difference of", np.abs(double[0] - double[1]).mean())
print("largest relative difference of torch's own float32:", np.max(np.abs(single - double) / np.maximum(double, 0.01)))
np.save("golden.npy", double.astype(np.float32))

little = network.Conv2d_1a_3x3.float().state_dict()
del little["conv.weight"]
little["rows"] = torch.arange(12, dtype=torch.float32).reshape(4, 3)[1:3]  # a view, with an offset into its storage
little["columns"] = little["rows"].T  # not contiguous
torch.save(little, "zip.pth")
torch.save(little, "legacy.pth", _use_new_zipfile_serialization=False)
