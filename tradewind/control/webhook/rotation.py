"""Which certificate the webhook needs next, by the time.

Each serving certificate has an authority of its own, whose key is thrown away once it has signed; so what API servers
trust changes with it, and both are known to them for a while:

    Begin     nothing that can be used               → a new pair, at once; what is served by now stays trusted
    Prepare   the pair's end comes near              → the next pair; its authority is published beside the current one
    Write     published, and OVERLAP has passed      → the next pair is the current one; its authority stays trusted
    Write     OVERLAP has passed                     → the old authority is dropped
    Rest      else

Times are seconds since 1970.  Every replica decides by the same Secret, which is written under its resourceVersion.
"""

from dataclasses import dataclass, field, replace

LIFE = 90 * 86400.0
"""Seconds a pair is valid from when it is made.  A quarter of a year, so that rotation is nothing rare."""

RENEW = 30 * 86400.0
"""Seconds before its end at which the next one is made: whoever was switched off for a month finds it valid."""

OVERLAP = 600.0
"""Seconds for which old and new are trusted.  API servers watch the webhook configurations, and replicas look at the
Secret every few seconds; both may be late."""

SKEW = 86400.0
"""Seconds before it is made from which a pair is valid: clocks differ."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A serving certificate, its key and the authority that signed it, and nothing else; all PEM."""

    authority: str
    certificate: str
    key: str = field(repr=False)
    names: frozenset[str]
    """DNS names and IP addresses that it is for."""
    begins: float
    ends: float

    def valid(self, now: float) -> bool:
        """Whether a client with this time takes it."""
        return self.begins <= now < self.ends


@dataclass(frozen=True, slots=True)
class Kept:
    """What the Secret holds."""

    current: Pair | None = None
    """What is served; None where there is nothing that can be read."""
    next: Pair | None = None
    """What will be."""
    previous: str = ""
    """Authority of what was served before."""
    since: float = 0.0
    """When it came to this."""

    @property
    def bundle(self) -> str:
        """What API servers must trust, PEM after PEM."""
        pairs = (pair.authority for pair in (self.current, self.next) if pair)
        return "".join((*pairs, self.previous))


@dataclass(frozen=True, slots=True)
class Rest:
    """All is as it should be."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Make a pair and serve it: `begun`."""


@dataclass(frozen=True, slots=True)
class Prepare:
    """Make a pair that will be served: `prepared`."""


@dataclass(frozen=True, slots=True)
class Write:
    """Let the Secret hold this."""

    kept: Kept


Step = Rest | Begin | Prepare | Write


def decide(kept: Kept, *, now: float, names: frozenset[str], published: bool) -> Step:
    """What to do now for a server of these names; `published`: the API server has the bundle as it stands."""
    current, coming = kept.current, kept.next
    overlapped = abs(now - kept.since) >= OVERLAP  # a clock that was set back must not hold it for long
    if current is None or not current.valid(now):
        return Write(_promoted(kept, coming, now)) if coming and coming.valid(now) else Begin()
    if coming is not None:
        if not coming.valid(now):
            return Prepare()
        return Write(_promoted(kept, coming, now)) if published and overlapped else Rest()
    if kept.previous:
        return Write(replace(kept, previous="", since=now)) if overlapped else Rest()
    return Prepare() if current.ends - now < RENEW or not names <= current.names else Rest()


def begun(kept: Kept, pair: Pair, *, now: float, served: Pair | None) -> Kept:
    """The pair in place of everything; what is served now, or was as far as one can read, stays trusted for a while."""
    before = served or kept.current
    return Kept(pair, previous=before.authority if before else "", since=now)


def prepared(kept: Kept, pair: Pair, *, now: float) -> Kept:
    """The pair as the next one."""
    return replace(kept, next=pair, since=now)


def _promoted(kept: Kept, pair: Pair, now: float) -> Kept:
    return Kept(pair, previous=kept.current.authority if kept.current else "", since=now)
