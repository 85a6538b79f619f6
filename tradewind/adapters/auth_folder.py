"""An auth Secret as a folder of files, one for each key: as Kubernetes mounts it, or as anybody lays it down."""

from pathlib import Path

from tradewind.adapters.kafka_log import tls
from tradewind.errors import Fault, InvalidSettings
from tradewind.resources.kafka_auth import PLAINTEXT, KafkaAuth, read

LARGEST = 1024 * 1024
"""Bytes of a file, as of a whole Secret; what has more is none of its keys."""


def load(folder: Path, path: str) -> KafkaAuth:
    """What it says; PLAINTEXT, where it is empty, as Kubernetes mounts a Secret that is optional and not there.

    Hidden files are Kubernetes' own: it swaps the Secret by them.  Raises InvalidSettings with every fault; `path`
    names the setting.
    """
    faults, data = [], {}
    try:
        files = sorted(file for file in folder.iterdir() if not file.name.startswith(".") and file.is_file())
    except OSError as error:
        why = f"{str(folder)!r} ({error.strerror or error})"
        raise InvalidSettings([Fault(path, why, "a folder with the keys of an auth Secret")]) from error
    if not files:
        return PLAINTEXT
    for file in files:
        try:
            with file.open("rb") as opened:
                data[file.name] = opened.read(LARGEST)
        except OSError as error:
            faults.append(Fault(f"{path} {file}", error.strerror or str(error), "a file that may be read"))
    found = read(data, f"{path} {folder}/")
    if not isinstance(found, KafkaAuth):
        faults += found
    if faults or not isinstance(found, KafkaAuth):
        raise InvalidSettings(faults)
    if found.tls:
        tls.context(found, f"{path} {folder}/")
    return found
