"""The installed command, with the injections of a test in it: see `injection.py`.

    python inject.py PLAN ARGUMENTS...

The plan holds functions by their module and name: reading it fails if one is not there.
"""

from __future__ import annotations

import base64
import functools
import inspect
import os
import pickle
import pkgutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).parent.parent))

from injection import LAUNCHER_FAILED, Injection, Replacement


def main() -> None:
    """Puts the injections into the program, and runs it."""
    pending: list[Injection] = []
    try:
        for each in pickle.loads(base64.b64decode(sys.argv.pop(1))):
            if isinstance(each, Replacement):
                _substitute(each.target, each.substitute)
            else:
                pending.append(each)
                _substitute(each.point.target, _wrapped(each, pending))
        from vpo.cli.main import run as vpo
    except Exception:
        _fail("The injections cannot be put into the program")
    sys.argv[0] = "vpo"
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        status = vpo()
    finally:
        if pending:
            reached = ", ".join(f"{each.point} (turn {each.turn})" for each in pending)
            _fail(f"The program never came to: {reached}")
    os._exit(status)


def _wrapped(injection: Injection, pending: list[Injection]) -> Callable[..., Any]:
    """The function of an injection, with what is to happen; that is not pending then."""
    target, side = injection.point.target, injection.point.side
    calls = 0

    @functools.wraps(target)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        is_its_turn = calls == injection.turn
        if is_its_turn and side == "before":
            _happen(injection, pending)
        result = target(*args, **kwargs)
        if is_its_turn and side == "after":
            _happen(injection, pending)
        return result

    return wrapper


def _happen(injection: Injection, pending: list[Injection]) -> None:
    pending.remove(injection)
    for deed in injection.deeds:
        if isinstance(deed, BaseException):
            raise deed
        try:
            deed()
        except Exception:
            # The program must not take it for an error of its own.
            _fail(f"What was to happen {injection.point} failed")


def _substitute(target: Callable[..., Any], substitute: Callable[..., Any]) -> None:
    """Puts something in the place of a function: in its module or class, and where it is imported.

    A function of `os` is replaced there alone.
    """
    owner_name, _, name = target.__qualname__.rpartition(".")
    module = "os" if target.__module__ == os.name else target.__module__
    owner = pkgutil.resolve_name(f"{module}:{owner_name}") if owner_name else sys.modules[module]
    if inspect.getattr_static(owner, name) is not target:
        raise LookupError(f"{module}.{target.__qualname__} is another one by now")
    setattr(owner, name, substitute)
    for module, importing in list(sys.modules.items()):
        if module == "vpo" or module.startswith("vpo."):
            for name, found in list(vars(importing).items()):
                if found is target:
                    setattr(importing, name, substitute)


def _fail(message: str) -> NoReturn:
    traceback.print_exc()
    print(f"inject.py: {message}.", file=sys.stderr, flush=True)
    os._exit(LAUNCHER_FAILED)


if __name__ == "__main__":
    main()
