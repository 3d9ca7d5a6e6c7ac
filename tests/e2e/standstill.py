"""A process that stands still."""

import os
import pathlib
import signal

import street


def halt(pid):
    """Stops a process. Until one of its threads has seen the signal the others go on, so this waits for all of them."""
    os.kill(pid, signal.SIGSTOP)
    tasks = pathlib.Path(f"/proc/{pid}/task")
    street.wait_until(lambda: all("\nState:\tT" in (task / "status").read_text() for task in tasks.iterdir()),
                      f"process {pid} stands still")
