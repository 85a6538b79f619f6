"""How a command ends that did not do what it was asked: in words, with an exit code, never with a traceback.

0 done · 1 error · 2 wrong usage, settings among it · 3 Kafka, the API server, or what must run first, is not there or
did not answer · 4 what was expected is not so (`tradewind test`), or no Trigger that was asked about got the event
(`explain`)
"""

import sys
from collections.abc import Callable
from typing import NoReturn

from tradewind.errors import ApiUnavailable, Faulty, InvalidSettings, LogUnavailable, StartFailed, TradewindError

ERROR = 1
USAGE = 2
NOT_READY = 3
UNMET = 4
INTERRUPTED = 130
"""As a shell says it of a command that Ctrl-C ended."""


def told(run: Callable[[], None]) -> NoReturn:
    """Run, and exit: what is raised on purpose becomes text on standard error and an exit code."""
    try:
        run()
    except TradewindError as error:
        sys.exit(_tell(error))
    except BaseExceptionGroup as group:  # tasks that failed together: the first of ours says why
        ours, others = group.split(TradewindError)
        if ours is None or others is not None:
            raise
        sys.exit(_tell(_first(ours)))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(0)


def _tell(error: BaseException) -> int:
    """Print it; answers with the exit code."""
    match error:
        case Faulty(faults=faults):
            print("\n".join(f"error: {fault}" for fault in faults), file=sys.stderr)
        case StartFailed(cause=cause, remedy=remedy):
            print(f"error: {cause}\n{remedy}", file=sys.stderr)
        case _:
            print(f"error: {error}", file=sys.stderr)
    if isinstance(error, LogUnavailable | ApiUnavailable):
        return NOT_READY
    return USAGE if isinstance(error, InvalidSettings) else ERROR


def _first(group: BaseExceptionGroup[TradewindError]) -> BaseException:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
