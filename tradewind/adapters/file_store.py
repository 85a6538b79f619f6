"""A ResourceStore that is a folder of YAML and JSON, or one file: read as `kubectl apply -f` reads it, and watched.

    folder ─list─► files ─documents─► objects ─manifests─► resources, or faults and the resources accepted last

A folder is not descended into.  What is written shall take effect well within a second, and a save that takes several
writes shall not be judged in between, so a change is read once the folder has been quiet for a moment.  The folder is
also looked at each `LOOK` seconds: not every file system tells of changes, and a folder that is replaced tells none.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from watchfiles import Change, awatch

from tradewind.errors import Fault, InvalidManifest
from tradewind.ports import Snapshot
from tradewind.resources import documents, manifests
from tradewind.resources.model import Resource

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
"""Endings of the files in a folder that are read."""

QUIET = 0.1
"""Seconds without a change after which a change is read, and after which a fault must still be there to be told."""

LOOK = 0.5
"""Seconds between looks at the folder where nothing is told; also the longest a cancelled watch goes on."""

MAX_BYTES = 4 * documents.MAX_CHARACTERS
"""Bytes of a file that can hold no more than the permitted characters in UTF-8."""

Print = tuple[tuple[str, int, int, int], ...]
"""Name, inode, size and time of change of each file: equal where nothing was written."""


@dataclass(frozen=True, slots=True)
class State:
    """What a folder or file holds now."""

    resources: tuple[Resource, ...] = ()
    faults: tuple[Fault, ...] = ()


def examine(path: Path, *, portable: bool = False) -> State:
    """What the manifests in this folder or file declare; nothing at all is a fault, because it is surely a slip.

    `portable` refuses what Knative on Kubernetes does not take.
    """
    files, why = _files(path)
    if not files:
        return State(faults=(Fault(str(path), why, "a folder of .yaml, .yml or .json files, or such a file"),))
    parsed = [_parsed(file) for file in files]
    examined = manifests.examine((document for one in parsed for document in one.documents), portable=portable)
    faults = [*(fault for one in parsed for fault in one.faults), *examined.faults]
    if not examined.resources and not faults:
        faults.append(Fault(str(path), "no resource", "at least one; without any, what ran goes on"))
    return State(examined.resources, tuple(faults))


def load(path: str | Path, *, portable: bool = False) -> tuple[Resource, ...]:
    """The resources in this folder or file.  Raises InvalidManifest with every fault."""
    state = examine(Path(path), portable=portable)
    if state.faults:
        raise InvalidManifest(state.faults)
    return state.resources


def _files(path: Path) -> tuple[list[Path], str]:
    """The files to read; where there are none, why."""
    try:
        if path.is_file():
            return [path], ""
        return sorted(file for file in path.iterdir() if _is_manifest(file)), "no manifest in it"
    except (FileNotFoundError, NotADirectoryError):
        return [], "neither a folder nor a file" if path.exists() else "nothing there"
    except OSError as error:  # not ours to read; no folder
        return [], error.strerror or str(error)


def _is_manifest(file: Path) -> bool:
    """Hidden files are editors' and Kubernetes' own (`..data`); a link that leads nowhere is told as a fault."""
    return file.suffix in SUFFIXES and not file.name.startswith(".") and (file.is_file() or file.is_symlink())


def _parsed(file: Path) -> documents.Parsed:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        return documents.Parsed(faults=[Fault(file.name, error.strerror or str(error), "a file that can be read")])
    except UnicodeDecodeError as error:
        return documents.Parsed(faults=[Fault(file.name, f"bytes at {error.start} that are not UTF-8", "UTF-8")])
    if not content:  # a save that was cut short must not end what the file declared
        return documents.Parsed(faults=[Fault(file.name, "an empty file", "a manifest, or no file")])
    return documents.parse(file.name, text)


def _print(path: Path) -> Print:
    """What tells whether anything was written since; the path itself is in it, as it may be another folder now."""
    found = []
    for file in [path, *_files(path)[0]]:
        try:
            stat = file.stat()
        except OSError:
            continue
        moment = 0 if file is path and path.is_dir() else stat.st_mtime_ns
        found.append((str(file), stat.st_ino, stat.st_size, moment))
    return tuple(found)


class FileStore:
    """Resources declared in a folder, or one file."""

    def __init__(self, path: str | Path, *, quiet: float = QUIET, look: float = LOOK, portable: bool = False) -> None:
        self.path = Path(path)
        self.portable = portable
        self.quiet = quiet
        self.look = look
        self._seen: Print = ()

    async def watch(self) -> AsyncGenerator[Snapshot]:
        """Raises InvalidManifest if the first state has faults; later ones come beside what was accepted last."""
        self._seen = await asyncio.to_thread(_print, self.path)
        last = Snapshot(await asyncio.to_thread(load, self.path, portable=self.portable))
        yield last
        while True:
            async with aclosing(self._signals()) as signals:
                async for told in signals:
                    state = await self._settled(told)
                    snapshot = last if state is None else _follow(last, state)
                    if snapshot != last:
                        last = snapshot
                        yield last

    async def _settled(self, told: bool) -> State | None:
        """The new state, if anything was written.  Faults count once they are still there a moment later.

        Two writes within one tick of a file system's clock leave one print, so what is told is always read.
        """
        now = await asyncio.to_thread(_print, self.path)
        if now == self._seen and not told:
            return None
        while True:
            self._seen = now
            state = await asyncio.to_thread(examine, self.path, portable=self.portable)
            if not state.faults:
                return state
            await asyncio.sleep(self.quiet)
            now = await asyncio.to_thread(_print, self.path)
            if now == self._seen:
                return state

    async def _signals(self) -> AsyncGenerator[bool]:
        """Reasons to look at the folder: True where a change is told, False where it is only time.

        Ends where the watch has lost the folder, so that another may begin.
        """
        watched = await asyncio.to_thread(_folder, self.path)
        async with aclosing(self._changes(watched[0])) as changes:
            first = asyncio.ensure_future(anext(changes, None))
            try:
                await asyncio.sleep(0)  # the watch stands: what is written from here on is told
                yield False  # what was written before is looked for
                told = await first
            except OSError:  # the folder is gone, or the system watches too much already: looking has to do
                await asyncio.sleep(self.look)
                told = None
            finally:
                first.cancel()
                await asyncio.wait([first])
            while told is not None and await asyncio.to_thread(_folder, self.path) == watched:
                yield bool(told)
                told = await anext(changes, None)

    def _changes(self, folder: Path) -> AsyncGenerator[set[tuple[Change, str]]]:
        quiet, look = (round(1000 * seconds) for seconds in (self.quiet, self.look))
        return awatch(
            folder,
            watch_filter=None,
            debounce=4 * quiet,
            step=quiet,
            rust_timeout=look,
            yield_on_timeout=True,
            recursive=False,
        )


def _folder(path: Path) -> tuple[Path, int]:
    """The folder to watch, and its inode: another one has what was watched only in name."""
    folder = path if path.is_dir() else path.parent
    try:
        return folder, folder.stat().st_ino
    except OSError:
        return folder, 0


def _follow(last: Snapshot, state: State) -> Snapshot:
    return Snapshot(last.resources, state.faults) if state.faults else Snapshot(state.resources)
