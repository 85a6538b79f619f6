"""Progress of what is fetched or read: a bar on a terminal, a line at each tenth elsewhere."""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress

MB = 1_000_000
STEPS = 10


class Meter:
    """Told what is going on, with what was had and what there is in all; shows it.  A context that ends the bar.

    Bytes, unless `counted` says what else; the bar of these is on standard error, beside what is printed.
    """

    def __init__(self, say: Callable[[str], None], *, terminal: bool | None = None, counted: str = "") -> None:
        self._say = say
        self._counted = counted
        stream = sys.stderr if counted else sys.stdout
        self._terminal = stream.isatty() if terminal is None else terminal
        self._bar: Progress | None = None
        self._shown: tuple[str, int] | None = None

    def __call__(self, text: str, done: int, total: int) -> None:
        """Show where it stands."""
        if self._terminal and total:
            self._draw(text, done, total)
            return
        step = (text, STEPS * done // total if total else 0)
        if step != self._shown:
            self._shown = step
            had = f"{done:,} of {total:,} {self._counted}" if self._counted else f"{done // MB} of {total // MB} MB"
            self._say(f"{text}: {had}" if total else text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _draw(self, text: str, done: int, total: int) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn
            from rich.progress import TransferSpeedColumn as Speed

            how = [MofNCompleteColumn()] if self._counted else [DownloadColumn(), Speed()]
            console = Console(stderr=bool(self._counted))
            self._bar = Progress(TextColumn("{task.description}"), BarColumn(), *how, console=console)
            self._bar.add_task(text, total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], description=text, completed=done, total=total)
