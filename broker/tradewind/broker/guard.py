"""One guard for what a timer, Kafka or a client calls on a connection."""

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


def guarded(call: Callable[[C, *Given], None]) -> Callable[[C, *Given], None]:
    """One connection's fault is no other's, and leaves no callback: it is logged, and ends that connection."""

    @wraps(call)
    def guard(connection: C, *given: *Given) -> None:
        try:
            call(connection, *given)
        except Exception:
            log.exception("connection failed")
            connection.abort()

    return guard
