"""Asks galdecon's kernel as JupyterLab does. Standard input is a JSON list of requests, each a list of its kind and its arguments:

    ["execute", source], ["interrupt", source, seconds after its beginning],
    ["complete", source, position of the cursor], ["inspect", source, position of the cursor]
    ["complete when ready", source, position of the cursor]: asks again until there is a completion, for 5 minutes

Prints what comes back as JSON, one line a request.
"""

import json
import sys
import threading
import time

from jupyter_client.manager import start_new_kernel


def execute(client, source, begins=lambda: None):
    said, error, shown = "", [], []

    def hear(message):
        nonlocal said, error
        if message["msg_type"] == "stream":
            said += message["content"]["text"]
        elif message["msg_type"] in ("display_data", "update_display_data"):
            shown.append(message["content"]["data"])
        elif message["msg_type"] == "error":
            error = message["content"]["traceback"]
        elif message["msg_type"] == "execute_input":
            begins()

    reply = client.execute_interactive(source, output_hook=hear, allow_stdin=False, timeout=600)
    return {"Status": reply["content"]["status"], "Said": said, "Error": "\n".join(error), "Shown": shown}


def interrupt(client, source, after):
    return execute(client, source, threading.Timer(after, manager.interrupt_kernel).start)


def complete(client, source, position):
    content = client.complete(source, position, reply=True, timeout=600)["content"]
    return {"Status": content["status"], "Matches": content["matches"], "From": content["cursor_start"], "To": content["cursor_end"]}


def complete_when_ready(client, source, position):
    end = time.monotonic() + 300
    while True:
        reply = complete(client, source, position)
        if reply["Matches"] or time.monotonic() > end:
            return reply
        time.sleep(0.5)


def inspect(client, source, position):
    content = client.inspect(source, position, reply=True, timeout=600)["content"]
    return {"Status": content["status"], "Said": "\n".join(content["data"].values())}


manager, client = start_new_kernel(kernel_name="galdecon", startup_timeout=300)
try:
    for kind, *arguments in json.load(sys.stdin):
        start = time.monotonic()
        ask = {"execute": execute, "interrupt": interrupt, "complete": complete, "complete when ready": complete_when_ready,
               "inspect": inspect}[kind]
        reply = ask(client, *arguments)
        print(json.dumps({**reply, "Seconds": time.monotonic() - start}), flush=True)
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=False)
