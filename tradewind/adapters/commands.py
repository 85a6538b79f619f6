"""Starts the commands of users: children on a leash, with an environment of their own, their output for us to read."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tradewind.adapters.children import Child, Command
from tradewind.errors import StartFailed


async def start(name: str, argv: tuple[str, ...], environment: Mapping[str, str], folder: str) -> Child:
    """The command, started in this folder with this environment and no other.

    Raises StartFailed where it cannot be found or executed, and OSError where the machine refuses it.
    """
    _require(argv[0], environment.get("PATH", os.defpath), Path(folder))
    command = Command(name=name, argv=argv, environment=environment, bare=True, folder=folder, piped=True)
    child = Child(command)
    try:
        await child.start()
    except BaseException:
        child.drop()
        raise
    return child


def _require(word: str, path: str, folder: Path) -> None:
    """Said before it is tried, since its exit code would be that of any command that finds another missing."""
    if not folder.is_dir():
        raise StartFailed(f"there is no folder {folder}", "`workingDir` must be one that is there.")
    if "/" not in word:
        if shutil.which(word, path=path) is None:
            raise StartFailed(f"no command {word!r} is found in PATH ({path})", "Install it, or name it by its path.")
        return
    file = folder / word
    if not file.exists():
        raise StartFailed(f"there is no file {file}", "`command` must name a program that is there.")
    if file.is_dir() or not os.access(file, os.X_OK):
        raise StartFailed(f"{file} cannot be executed", f"Make it executable (chmod +x {file}), or name what runs it.")
