#!/usr/bin/env python3
"""Times the paper's network here beside the same in PyTorch: a step of training and an evaluation at 32, 64 and 128 pixels.

    python compare_torch.py PATH/TO/unet_torch.py [--rounds 3]

Run it in the Python that has torch, on a machine that does nothing else. Each round times both, one after the other, so that what
disturbs one disturbs the other. It prints the fastest step of all rounds, PyTorch's in its better memory layout, their ratio, and the
largest memory of either process.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CASES = [(what, size, batch) for what in ("evaluation", "train") for size, batch in ((32, 16), (64, 4), (128, 1))]
FEATURES, STEPS = 32, 10


def peak(command, **options):
    """Output of a command, and the memory of its largest process in MB."""
    code = "import resource, subprocess, sys; r = subprocess.run(sys.argv[1:]); " \
           "print('peak_kb', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(r.returncode)"
    out = subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True, text=True, **options).stdout
    return out, int(re.search(r"peak_kb (\d+)", out)[1]) / 1024


def ours(binary, what, size):
    pattern = f"Paper/^{what}$/^{size}px$"
    out, memory = peak([binary, "-test.run=^$", f"-test.bench={pattern}", f"-test.benchtime={STEPS}x"], cwd=HERE.parent)
    return float(re.search(r"\s(\d+(?:\.\d+)?) ns/op", out)[1]) / 1e9, memory


def theirs(program, what, size, batch):
    command = [sys.executable, program, "time", "--size", str(size), "--batch", str(batch), "--features", str(FEATURES), "--steps", str(STEPS)]
    out, memory = peak(command + (["--train"] if what == "train" else []))
    times = json.loads(next(line for line in out.splitlines() if line.startswith("{")))
    return min(times[layout]["median_s"] for layout in ("contiguous_format", "channels_last")), memory


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="unet_torch.py")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        binary = f"{folder}/unet.test"
        subprocess.run(["go", "test", "-c", "-o", binary, "."], check=True, cwd=HERE.parent)
        print(f"{'step':<12}{'pixels':>7}{'batch':>7}{'galdecon ms':>13}{'torch ms':>10}{'ratio':>7}{'MB':>7}{'torch MB':>10}")
        for what, size, batch in CASES:
            rounds = [(ours(binary, what, size), theirs(args.program, what, size, batch)) for _ in range(args.rounds)]
            (a, b) = (min(r[0][0] for r in rounds), min(r[1][0] for r in rounds))
            print(f"{what:<12}{size:>7}{batch:>7}{1e3 * a:>13.1f}{1e3 * b:>10.1f}{a / b:>7.2f}"
                  f"{max(r[0][1] for r in rounds):>7.0f}{max(r[1][1] for r in rounds):>10.0f}", flush=True)


if __name__ == "__main__":
    main()
