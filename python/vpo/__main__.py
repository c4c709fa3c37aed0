"""Where the command and `python -m vpo` begin."""

import gc
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

# New objects after which Python looks for garbage.
GARBAGE_THRESHOLD = 50_000


def main() -> NoReturn:
    """Runs the command line and ends the process with its exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Before anything else is imported: Ctrl-C ends the process, as it does any
        # program's, until a command has something to finish. An exception in the middle
        # of an import is not what extension modules expect: orjson's crashes.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.getfilesystemencoding() != "utf-8":
        _start_again_in_utf8()
    # Python looks for objects that refer to each other in a circle after each 700 new ones.
    # Modules and rows of the catalogue are many objects, and hardly any are garbage.
    gc.set_threshold(GARBAGE_THRESHOLD)
    from vpo.cli.main import run

    # Not `sys.exit`: a short command takes a sixth longer if Python takes all modules apart.
    # Nothing is lost: by now files and connections are closed and all text is written.
    os._exit(run())


def _start_again_in_utf8() -> None:
    """Starts Python again with UTF-8 for names, whatever the locale says.

    Names are bytes. In another encoding, the same letters in a config file (which is UTF-8), in
    an option and on the disk would be different bytes, and a glob or a directory would silently
    select nothing. Text is still printed in the encoding of the locale.
    """
    environment = dict(os.environ)
    environment.setdefault("PYTHONIOENCODING", f"{sys.stdout.encoding}:backslashreplace")
    # If this fails, it is as it was: only ASCII means the same everywhere.
    with suppress(OSError, ValueError):
        words = [sys.orig_argv[0], "-X", "utf8", *sys.orig_argv[1:]]
        os.execve(sys.executable, words, environment)  # noqa: S606


if __name__ == "__main__":
    main()
