"""How a command ends that did not do what it was asked: in words, with an exit code, never with a traceback.

0 done · 1 error · 2 wrong usage, settings among it
"""

import sys
from collections.abc import Callable
from typing import NoReturn

from tradewind.errors import Faulty, InvalidSettings, StartFailed

ERROR = 1
USAGE = 2
INTERRUPTED = 130
"""As a shell says it of a command that Ctrl-C ended."""


def told(run: Callable[[], None]) -> NoReturn:
    """Run, and exit: what is raised on purpose becomes text on standard error and an exit code."""
    try:
        run()
    except Faulty as faulty:
        print("\n".join(f"error: {fault}" for fault in faulty.faults), file=sys.stderr)
        sys.exit(USAGE if isinstance(faulty, InvalidSettings) else ERROR)
    except StartFailed as failed:
        print(f"error: {failed.cause}\n{failed.remedy}", file=sys.stderr)
        sys.exit(ERROR)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(0)
