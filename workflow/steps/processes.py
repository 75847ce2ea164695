"""Keep the suite's processes apart: one Snakemake per folder, one program per run, and no program that outlives its Snakemake.
The kernel holds the locks and releases them when a process ends, in any way."""

import functools
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import IO

from ssif.errors import UserError, exit_cleanly
from ssif.io import locked, remove_strays, this_machine
from workflow.plan.runs import Run, results

STARTER = "SSIF_SNAKEMAKE"  # environment variable of jobs: the process id of the Snakemake that started them
PATIENCE = 20  # seconds within which a program ends after its Snakemake was killed


def lock(name: str, work: str, patience: float = 0) -> IO:
    """A file of results/locks, locked until it is closed.

    Raises UserError, naming the process that holds the lock, if that process is still at work after `patience` seconds, and if
    the file cannot be written.
    """
    path = results() / "locks" / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None
    end = time.monotonic() + patience
    while not locked(file):
        if time.monotonic() > end:
            file.seek(0)
            holder = file.read() or "another process"
            file.close()
            raise UserError(f"{holder} is at work on {work}; wait for it or stop it")
        time.sleep(0.1)
    file.truncate(0)
    file.write(f"process {os.getpid()} on {this_machine()}")
    file.flush()
    return file


def alone(run: Run, work: str) -> IO:
    """The lock under which a program does one kind of work (training, evaluation ...) on a run."""
    return lock(f"{run.preset}/{run.id}.{work}", f"{run.id} ({work})", PATIENCE)


def at_work(run: Run, work: str) -> bool:
    """Whether a program is doing this kind of work on a run now."""
    path = results() / "locks" / f"{run.preset}/{run.id}.{work}"
    if not path.exists():
        return False
    with path.open("a") as file:
        return not locked(file)


def program(main):
    """Decorate the `main` of a program. It exits as in `exit_cleanly`, leaves no temporary file on SIGTERM, and removes the
    files that killed programs left. Soon after the Snakemake that started it is gone, it stops as on SIGTERM."""

    @exit_cleanly
    @functools.wraps(main)
    def wrapped() -> None:
        before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        try:
            if starter := os.environ.get(STARTER):
                threading.Thread(target=_stop_after, args=(int(starter), os.getppid()), daemon=True).start()
            remove_strays(results())
            main()
        finally:
            signal.signal(signal.SIGTERM, before)

    return wrapped


def _stop_after(starter: int, shell: int) -> None:
    """Stop this process once its Snakemake, or the shell between the two, is gone."""
    # psutil comes with Snakemake; a program that is run by hand does not need it.
    import psutil

    with suppress(psutil.NoSuchProcess):
        snakemake = psutil.Process(starter)
        # A killed process is a zombie until its parent asks for the exit status.
        while os.getppid() == shell and snakemake.is_running() and snakemake.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.5)
    # Python drops an exception that is raised inside a destructor, and the signal with it, so send the signal again.
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)


def pass_on_interrupts() -> None:
    """Pass a SIGINT to this Snakemake on to its jobs, as Ctrl-C would. Otherwise it would wait for them, then forget them."""
    import psutil

    def interrupt(number: int, _) -> None:
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.send_signal(number)
        raise KeyboardInterrupt

    # A command that was started in the background may have been told to ignore Ctrl-C.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupt)
