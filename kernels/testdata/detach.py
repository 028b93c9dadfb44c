"""Plays a user of a notebook in galdecon's kernel: trains in the background, interrupts the cell that watches, comes back in later cells
to watch, pause, sample and stop, restarts the kernel, and kills the session. Prints what the cells say as JSON, one line a cell.

The argument is the folder of the training.
"""

import json
import os
import sys
import time

from jupyter_client.manager import KernelManager

manager = KernelManager(kernel_name="galdecon")
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=300)


def run(name, source, interrupt_at=None, interrupt_after=None):
    """Runs a cell, interrupts it once it has said interrupt_at, or has made interrupt_after displays, and tells what it said."""
    start = time.monotonic()
    request = client.execute(source)
    said, displays = "", 0
    while True:
        message = client.get_iopub_msg(timeout=600)
        if message["parent_header"].get("msg_id") != request:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            said += content["text"]
        elif kind == "display_data":
            displays += 1
        elif kind == "status" and content["execution_state"] == "idle":
            break
        if interrupt_at and interrupt_at in said:
            interrupt_at = None
            manager.interrupt_kernel()
        if displays == interrupt_after:
            interrupt_after = None
            manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=300)
    while reply["parent_header"].get("msg_id") != request:
        reply = client.get_shell_msg(timeout=300)
    print(json.dumps({"Cell": name, "Status": reply["content"]["status"], "Said": said, "Displays": displays,
                      "Seconds": time.monotonic() - start}), flush=True)


DECLARATIONS = """
import (
	"context"
	"fmt"

	"galdecon/galdecon"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
	"galdecon/kernels/session"
	"galdecon/kernels/watch"
	"galdecon/galdecon/unet"
	"galdecon/plotting"

	"github.com/janpfeifer/must"
)

const folder = %s

func galaxies() *galaxy.Images {
	return must.M1(synthetic.Galaxies(synthetic.Config{N: 8, Size: 16, Seed: 1}))
}
""" % json.dumps(sys.argv[1])

TRAIN = """
%%
config := galdecon.Config{
	Preset: "micro", Size: 16, Channels: 1,
	Instrument: psf.Instrument{Size: 7, SigmaMin: 0.7, SigmaMax: 1.2, NoiseMin: 0.003, NoiseMax: 0.003},
	Diffusion:  ddpm.Config{T: 50, Prediction: ddpm.Epsilon, Mean: 0.05, Std: 0.15, Network: unet.Config{Features: []int{4}, Blocks: 1, Embedding: 4}},
	Sampler:    ddpm.Sampler{Steps: 4, Eta: 1, SecondOrder: true},
	Fit:        fit.Config{Steps: 1000000, Batch: 4, LearningRate: 1e-3, EMA: 0.9, Seed: 1},
}
training := must.M1(must.M1(session.Open()).Train(config, galaxies(), folder))
must.M(training.Watch(context.Background(), func(p fit.Progress) {
	if p.Step%100 == 0 {
		fmt.Println("step", p.Step)
	}
}))
fmt.Println("detached")
"""

STATE = """
%%
s := must.M1(session.Open())
state, last, err := must.M1(s.Training(folder)).State()
must.M(err)
fmt.Println(state, last.Step, must.M1(s.Overview()).Process)
"""

WATCH = """
%%
s := must.M1(session.Open())
observations := must.M1(s.Observe(galaxies(), []psf.PSF{must.M1(psf.Gaussian{Sigma: 1}.Render(7))}, 0.003, 1))
must.M(watch.Training(context.Background(), must.M1(s.Training(folder)), observations, 1))
fmt.Println("detached")
"""

SAMPLE = """
%%
s := must.M1(session.Open())
training := must.M1(s.Training(folder))
must.M(training.Pause())
observations := must.M1(s.Observe(galaxies(), []psf.PSF{must.M1(psf.Gaussian{Sigma: 1}.Render(7))}, 0.003, 1))
p := must.M1(must.M1(s.Load(folder)).Sample(context.Background(), observations, 4, 1))[0]
must.M(plotting.Show(plotting.Candidates{Observation: p.Observation, PSF: p.PSF.Pixels, Samples: p.Samples, Reblurred: p.Reblurred}))
must.M(training.Resume())
"""

OPEN = """
%%
_, err := session.Open()
fmt.Println(err)
"""

run("declarations", DECLARATIONS + "\n%%\n")
run("train", TRAIN, interrupt_at="step 300")
run("state", STATE)
run("watch", WATCH, interrupt_after=2)  # the loss and the candidates
run("sample", SAMPLE)
run("state later", STATE)
manager.restart_kernel()
client.wait_for_ready(timeout=300)
run("declarations again", DECLARATIONS + "\n%%\n")
run("state after restart", STATE.replace("must.M(err)", "fmt.Println(err)").replace("must.M1(s.Training(folder)).State()", '0, fit.Progress{}, func() error { _, err := s.Training(folder); return err }()'))
run("kill", """
%%
must.M(syscall.Kill(must.M1(must.M1(session.Open()).Overview()).Process, syscall.SIGKILL))
""")
run("open after kill", OPEN)
run("open again", OPEN)
client.stop_channels()
manager.shutdown_kernel()
