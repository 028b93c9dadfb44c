"""Executes one notebook in its kernel and writes it, and an HTML page of it, to a directory. With --export it only makes the page, of what
an earlier execution left in the notebook.

What happens is told on standard output, one JSON object a line (see kernels/notebook/run.go); other output goes to standard error.
Standard input is the line of life to the program that started this one: when it ends, by intent or because that program was killed,
the running cell is interrupted, the kernel shut down, and nothing is written.
"""

import argparse
import asyncio
import html
import json
import os
import re
import sys
import tempfile
import threading
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

# How long an interrupted cell may take to end: the kernel gives it 5 s to write a checkpoint.
GRACE = 6

# Anything that libraries print must not get between the events.
_events = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)


def tell(event, **values):
    try:
        print(json.dumps({"event": event, **values}), file=_events, flush=True)
    except BrokenPipeError:
        pass  # nobody listens any more: standard input tells, too


class Stopped(Exception):
    """The run was given up."""


class Client(NotebookClient):
    """An nbclient that tells what its cells do, and can be stopped."""

    def __init__(self, nb, **kw):
        super().__init__(nb, **kw)
        self.stopping = False
        self.total = sum(runs(c) for c in nb.cells)
        self.label = ""
        self.on_cell_execute = self.tell_start
        self.on_cell_executed = self.tell_end

    async def async_execute_cell(self, cell, cell_index, **kw):
        if self.stopping:
            raise Stopped
        self.label = heading(cell) if cell.cell_type == "markdown" else self.label
        cell = await super().async_execute_cell(cell, cell_index, **kw)
        if cell.cell_type == "code":
            self.label = ""
        return cell

    def tell_start(self, cell, cell_index):
        self.start = time.monotonic()
        tell("cell", number=self.code_cells_executed + 1, total=self.total, label=self.label or first_line(cell))

    def tell_end(self, cell, cell_index, execute_reply):
        tell("done", seconds=time.monotonic() - self.start, ok=execute_reply["content"]["status"] == "ok")

    def process_message(self, msg, cell, cell_index):
        text = live_text(msg)
        if text:
            tell("text", text=text)
        return super().process_message(msg, cell, cell_index)


def runs(cell):
    return cell.cell_type == "code" and bool(cell.source.strip())


def first_line(cell):
    """The first line of a cell that says something."""
    return next((line.strip() for line in cell.source.splitlines() if line.strip(" %")), "")


def heading(cell):
    """The last heading of a Markdown cell, or nothing."""
    lines = [line.lstrip("#").strip() for line in cell.source.splitlines() if line.startswith("#")]
    return lines[-1] if lines else ""


def live_text(msg):
    """The last line of what a message of the kernel shows."""
    content = msg["content"]
    if msg["msg_type"] == "stream":
        text = content["text"]
    elif msg["msg_type"] in ("display_data", "update_display_data"):
        data = content["data"]
        text = data.get("text/plain") or html.unescape(re.sub(r"<[^>]*>", "", data.get("text/html", "")[:1000]))
    else:
        return ""
    return next((line.strip() for line in reversed(text.replace("\r", "\n").splitlines()) if line.strip()), "")


async def execute(client, stop):
    """Executes the notebook; returns the error that ended it, if any."""
    run = asyncio.ensure_future(client.async_execute())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({run, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not run.done():
        client.stopping = True
        if client.km is not None and client.km.has_kernel:
            await client.km.interrupt_kernel()
        await asyncio.wait({run}, timeout=GRACE)
        if not run.done():
            run.cancel()
            await asyncio.wait({run}, timeout=GRACE)
        raise Stopped
    stopped.cancel()
    return run.exception()


def failure(client, error):
    """What the user is told about a cell that failed."""
    number, cell = client.code_cells_executed, None
    cells = [c for c in client.nb.cells if runs(c)]
    if 0 < number <= len(cells):
        cell = cells[number - 1]
    if isinstance(error, DeadKernelError):
        message = "the kernel died (out of memory?)"
    elif isinstance(error, CellExecutionError):
        # A program that fails says why on standard error; gonb adds its exit status there, and once more as the error.
        said = "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stderr")
        errors = ("\n".join(o.traceback) for o in cell.outputs if o.output_type == "error")
        message = "\n".join((said or "\n".join(errors)).strip().splitlines()[-40:])
    else:
        raise error
    return {"number": number, "source": first_line(cell) if cell else "", "message": message}


# JupyterLab's page without its scripts, which nbconvert would have it load from the network; MathJax stays where there are formulas.
TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_css -%}{{ super() }}
<style>
/* On paper nothing scrolls: sheets are as wide as the widest tables, and long lines of code wrap. */
@media print {
  @page { size: 300mm 424mm; margin: 12mm; }
  .jp-Notebook pre { white-space: pre-wrap !important; overflow-wrap: anywhere; }
}
</style>
{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- if resources.formulas -%}{{ super() }}{%- endif -%}{%- endblock -%}
"""


def page(nb, title):
    """The notebook as one HTML file with its figures in it, which can be read without a network."""
    from nbconvert import HTMLExporter

    formulas = any(c.cell_type == "markdown" and "$" in c.source for c in nb.cells)
    exporter = HTMLExporter(embed_images=True, raw_template=TEMPLATE)
    return exporter.from_notebook_node(nb, resources={"metadata": {"name": title}, "formulas": formulas})[0]


def write(path, text):
    """Writes a file so that it is there whole or not at all."""
    fd, tmp = tempfile.mkstemp(dir=os.path.dirname(path), prefix="." + os.path.basename(path))
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as f:
            f.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(tmp, 0o666 & ~umask)
        os.replace(tmp, path)
    except BaseException:
        os.unlink(tmp)
        raise


def tidy(nb):
    """Takes out of an executed notebook what differs from run to run without meaning anything."""
    nb.metadata.kernelspec = {"display_name": "galdecon (Go)", "language": "go", "name": "galdecon"}
    nb.metadata.language_info = {"file_extension": ".go", "mimetype": "text/x-go", "name": "go"}
    for cell in nb.cells:
        cell.metadata.pop("execution", None)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("notebook")
    parser.add_argument("--out", required=True)
    parser.add_argument("--export", action="store_true")
    args = parser.parse_args()

    try:
        with open(args.notebook, encoding="utf-8") as f:
            nb = nbformat.read(f, as_version=4)
        nbformat.validate(nb)
    except nbformat.ValidationError as e:
        tell("invalid", message=str(e).splitlines()[0])
        os._exit(1)
    name = os.path.splitext(os.path.basename(args.notebook))[0]
    executed, web = (os.path.join(args.out, name + ext) for ext in (".ipynb", ".html"))
    if args.export:
        write(web, page(nb, name))
        tell("written", html=web)
        return

    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def watch():
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(stop.set)
        time.sleep(3 * GRACE)
        os._exit(1)  # the kernel sees that its parent has gone

    threading.Thread(target=watch, daemon=True).start()

    # What an earlier run left must not pass for this one's, should a cell fail.
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = Client(
        nb,
        kernel_name="galdecon",
        timeout=None,
        startup_timeout=300,  # the kernel takes a second or two, where the machine isn't busy
        iopub_timeout=60,  # for outputs that are still on their way when a cell has ended
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": os.path.dirname(os.path.abspath(args.notebook))}},
    )
    error = await execute(client, stop)
    failed = failure(client, error) if error else None
    tidy(nb)
    write(executed, nbformat.writes(nb) + "\n")
    write(web, page(nb, name))
    tell("written", notebook=executed, html=web, cells=client.code_cells_executed, total=client.total, failed=failed)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except Stopped:
        tell("stopped")
        os._exit(1)
    except Exception as e:
        import traceback

        traceback.print_exc()
        tell("broken", message=f"{type(e).__name__}: {next(iter(str(e).splitlines()), '')}")
        os._exit(1)
    os._exit(0)  # without waiting for the thread that reads standard input
