"""One guard for what a timer, Kafka or a client calls on a connection.

What is called for each event guards itself, with `broke`: to be wrapped would cost it another call.
"""

from collections.abc import Callable
from functools import wraps
from typing import Protocol, TypeVar, TypeVarTuple

from tradewind.observe.logs import Log

log = Log("ingress")


class Abortable(Protocol):
    """A connection."""

    def abort(self) -> None:
        """End it as it is."""


C = TypeVar("C", bound=Abortable)
Given = TypeVarTuple("Given")


def broke(connection: Abortable) -> None:
    """End a connection for the exception that is being handled: a fault of ours."""
    log.exception("connection failed")
    connection.abort()


def guarded(call: Callable[[C, *Given], None]) -> Callable[[C, *Given], None]:
    """One connection's fault is no other's, and leaves no callback: it is logged, and ends that connection."""

    @wraps(call)
    def guard(connection: C, *given: *Given) -> None:
        try:
            call(connection, *given)
        except Exception:
            broke(connection)

    return guard
