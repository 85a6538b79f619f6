"""What became of a source's events, in plain numbers that only grow: read when somebody asks for the metrics."""

from tradewind.resources import plugins


class Counts:
    """Of one source, however often it was changed."""

    __slots__ = ("dead_letters", "emitted", "failures", "retries")

    def __init__(self) -> None:
        self.emitted = 0
        self.dead_letters = 0
        self.retries = 0
        self.failures = 0
        """Times it failed itself, and was made again."""


def resource_group(kind: str) -> str:
    """A kind of source as Knative's metrics name it: `pingsources.sources.knative.dev`."""
    group = next(one.group for one in plugins.known().values() if one.kind == kind)
    return f"{kind.lower()}s.{group}"
