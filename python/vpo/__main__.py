"""Where the command and `python -m vpo` begin."""

import os
import signal
from typing import NoReturn


def main() -> NoReturn:
    """Runs the command line and ends the process with its exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Before anything else is imported: Ctrl-C ends the process, as it does any
        # program's, until a command has something to finish. An exception in the middle
        # of an import is not what extension modules expect: orjson's crashes.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from vpo.cli.main import run

    # Not `sys.exit`: a short command takes a sixth longer if Python takes all modules apart.
    # Nothing is lost: by now files and connections are closed and all text is written.
    os._exit(run())


if __name__ == "__main__":
    main()
