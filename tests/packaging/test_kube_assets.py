"""`make kube-assets` around the compiler: what it asks of Go, and that the cache holds whole folders only.

`go` is a script here that writes down how it is called; the real one takes minutes, and `.ci/run` runs it.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "kube_assets" / "build.py"
PROGRAMS = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"]
VERSIONS = "1.37.2 3.7.3"
GO = """#!/bin/sh
echo "$@" >> "{calls}"
if [ "$1" = version ]; then echo "go version go{version} linux/amd64"; exit; fi
while [ "$1" != -o ]; do shift; done
case "$2" in *{fails}) echo "no such package" >&2; exit 1 ;; esac
printf '#!/bin/sh\\necho version {says}\\n' > "$2"
chmod +x "$2"
"""


@dataclass(frozen=True)
class Machine:
    """One with a cache, and perhaps a Go."""

    folder: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache" / "tradewind" / "kube-assets"

    @property
    def calls(self) -> list[str]:
        """How Go was called."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def go(self, *, version: str = "1.26.0", fails: str = "nothing", says: str = VERSIONS) -> None:
        """Install a Go, or another one."""
        path = self.folder / "bin" / "go"
        path.parent.mkdir(exist_ok=True)
        path.write_text(GO.format(calls=self.folder / "calls", version=version, fails=fails, says=says))
        path.chmod(0o755)

    def build(self, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, SCRIPT, *arguments],
            env={"PATH": path or f"{self.folder / 'bin'}:/usr/bin:/bin", "XDG_CACHE_HOME": str(self.folder / "cache")},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def built(self) -> list[str]:
        """What the cache holds besides its lock."""
        return sorted(path.name for path in self.cache.iterdir() if path.name != "lock")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_its_last_line_is_the_folder_of_all_programs(machine: Machine) -> None:
    machine.go()
    done = machine.build()
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.splitlines()[-1])
    assert folder.parent == machine.cache
    assert folder.name.startswith("kubernetes-1.37.2-etcd-3.7.3-")
    assert sorted(path.name for path in folder.iterdir()) == PROGRAMS
    assert machine.built() == [folder.name]


def test_what_is_built_is_not_built_again(machine: Machine) -> None:
    machine.go()
    assert machine.build("--built").stdout == "\n"
    first = machine.build()
    calls = machine.calls
    assert len([call for call in calls if call.startswith("build -mod=readonly ")]) == 4
    assert machine.build().stdout == machine.build("--built").stdout == first.stdout
    assert machine.calls == calls


@pytest.mark.parametrize("version", ["1.19.8", "1.25.9"])
def test_a_go_that_is_too_old_is_told_with_what_it_takes(machine: Machine, version: str) -> None:
    machine.go(version=version)
    done = machine.build()
    assert done.returncode == 1
    assert f"Go is too old here: go version go{version}" in done.stderr
    assert "takes Go 1.26.0 or newer" in done.stderr
    assert done.stdout == ""
    assert machine.built() == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_where_one_cannot_be_built_nothing_is_there(machine: Machine, name: str) -> None:
    machine.go(fails=name)
    done = machine.build()
    assert done.returncode == 1
    assert f"go could not build {name}:\nno such package" in done.stderr
    assert machine.built() == []
    machine.go()
    assert machine.build().returncode == 0


def test_a_program_of_another_version_is_not_kept(machine: Machine) -> None:
    machine.go(says="1.37.1 3.7.3")
    done = machine.build()
    assert done.returncode == 1
    assert "kubectl should say that it is 1.37.2" in done.stderr
    assert machine.built() == []


def test_what_a_killed_build_left_goes_with_the_next(machine: Machine) -> None:
    (machine.cache / "unfinished-1" / "bin").mkdir(parents=True)
    machine.go()
    assert machine.build().returncode == 0
    assert [name for name in machine.built() if name.startswith("unfinished")] == []


def test_two_at_a_time_build_once(machine: Machine) -> None:
    machine.go()
    with ThreadPoolExecutor() as both:
        one, other = both.map(lambda _: machine.build(), range(2))
    assert one.stdout == other.stdout == machine.build("--built").stdout
    assert len([call for call in machine.calls if call.startswith("build ")]) == 4


def test_without_go_it_says_how_to_get_it(machine: Machine) -> None:
    done = machine.build(path="/nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("Go is not here.\n")
    assert "takes Go 1.26.0 or newer" in done.stderr
