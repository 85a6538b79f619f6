#!/usr/bin/env python3
"""Builds what API tests run: etcd, kube-apiserver, kube-controller-manager and kubectl, from their Go modules.

    build.py            build what is not there yet; the last line is the folder for KUBEBUILDER_ASSETS
    build.py --built    only say which folder that is; nothing where it is not built

The versions stand in `kubernetes/go.mod` and `etcd/go.mod`, the sums of all that they bring in the `go.sum` beside
them.  Two modules, because each program shall run with the dependencies that its own release was tested with.  `go`'s
own environment (GOPROXY, GOFLAGS, GOTOOLCHAIN, its caches) is used as it is.  Standard library only: the one thing
that this needs is Go.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
STAMP = "k8s.io/component-base/version"
"""The package whose variables hold what a Kubernetes program says of itself, and what it emulates."""
NO_GO = """{found}
Building etcd and Kubernetes takes Go {needed} or newer. To install it:
  Debian, Ubuntu   sudo apt-get install golang-go    (older than {needed}: https://go.dev/dl)
  Fedora           sudo dnf install golang
  macOS            brew install go
  elsewhere        https://go.dev/dl"""


class Failed(Exception):
    """What to tell the user; nothing was put into the cache."""


@dataclass(frozen=True)
class Program:
    """One program and where it comes from."""

    name: str
    module: Path
    """Folder of the go.mod that names its version."""
    package: str
    says: Sequence[str]
    """Arguments that make it say its version."""


KUBERNETES, ETCD = HERE / "kubernetes", HERE / "etcd"
PROGRAMS = (
    Program("etcd", ETCD, "go.etcd.io/etcd/server/v3", ("--version",)),
    Program("kubectl", KUBERNETES, "k8s.io/kubernetes/cmd/kubectl", ("version", "--client")),
    Program("kube-apiserver", KUBERNETES, "k8s.io/kubernetes/cmd/kube-apiserver", ("--version",)),
    Program("kube-controller-manager", KUBERNETES, "k8s.io/kubernetes/cmd/kube-controller-manager", ("--version",)),
)


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say; answers with the exit status."""
    if list(arguments) not in ([], ["--built"]):
        print(__doc__, file=sys.stderr)
        return 2
    folder = cache() / key()
    if arguments:
        print(folder if folder.exists() else "")
        return 0
    try:
        with alone():
            if not folder.exists():
                build(folder)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    print(folder)
    return 0


def cache() -> Path:
    """Where built programs are kept: `$XDG_CACHE_HOME/tradewind/kube-assets`, else below `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tradewind" / "kube-assets"


def key() -> str:
    """Name of the folder: both versions, and a sum of all that says how to build, so that a change builds anew."""
    recipe = [Path(__file__), *(folder / name for folder in (KUBERNETES, ETCD) for name in ("go.mod", "go.sum"))]
    summed = zlib.crc32(b"".join(path.read_bytes() for path in recipe))
    return f"kubernetes-{version(KUBERNETES)}-etcd-{version(ETCD)}-{summed:08x}"


def version(module: Path) -> str:
    """The version that this go.mod asks for: its first requirement."""
    return stated(module, r"^require \S+ v(\S+)$")


def stated(module: Path, pattern: str) -> str:
    """What this go.mod says in the line of this pattern."""
    path = module / "go.mod"
    found = re.search(pattern, path.read_text(), re.MULTILINE)
    if not found:
        raise Failed(f"{path} has no line like {pattern}")
    return found[1]


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold the cache's lock: a second build waits, and then finds the folder there.  It ends with its holder."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another build", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(folder: Path) -> None:
    """Build all programs beside the folder, see that each says the version asked for, then put it in place at once."""
    require_go()
    print("Building etcd and Kubernetes: five to ten minutes, once", file=sys.stderr)
    for left in cache().glob("unfinished-*"):
        shutil.rmtree(left, ignore_errors=True)  # of builds that were killed: we hold the lock
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=cache()) as unfinished:
        fresh = Path(unfinished) / "bin"
        fresh.mkdir()
        for program in PROGRAMS:
            compile_one(program, fresh)
        fresh.rename(folder)


def require_go() -> None:
    """Raises Failed unless there is a Go that is new enough; `go version` fetches that itself where it may."""
    for module in (KUBERNETES, ETCD):
        needed = stated(module, r"^go (\S+)$")
        if not shutil.which("go"):
            raise Failed(NO_GO.format(found="Go is not here.", needed=needed))
        asked = subprocess.run(["go", "version"], cwd=module, capture_output=True, text=True, check=False)
        said = (asked.stdout + asked.stderr).strip()
        found = re.search(r"\bgo(\d+(?:\.\d+)*)", asked.stdout)
        if asked.returncode or not found or numbers(found[1]) < numbers(needed):
            raise Failed(NO_GO.format(found=f"Go is too old here: {said}", needed=needed))


def numbers(text: str) -> tuple[int, ...]:
    """A version as something to compare."""
    return tuple(map(int, text.split(".")))


def compile_one(program: Program, fresh: Path) -> None:
    """Build one program into the folder.  Raises Failed when that fails, or it says another version."""
    began, wanted, path = time.monotonic(), version(program.module), fresh / program.name
    print(f"  {program.name} {wanted} … ", end="", flush=True, file=sys.stderr)
    log = fresh.parent / "log"
    with log.open("w") as output:
        command = ["go", "build", "-mod=readonly", "-trimpath", "-ldflags", flags(program)]
        environment = {**os.environ, "CGO_ENABLED": "0"}  # as upstream builds them; no C compiler is needed
        built = subprocess.run(
            [*command, "-o", str(path), program.package],
            cwd=program.module,
            env=environment,
            stdout=output,
            stderr=output,
            check=False,
        )
    if built.returncode:
        said = "\n".join(log.read_text().splitlines()[-15:])
        raise Failed(f"\ngo could not build {program.name}:\n{said}")
    said = subprocess.run([str(path), *program.says], capture_output=True, text=True, check=False).stdout
    if not re.search(rf"\bv?{re.escape(wanted)}\b", said):
        raise Failed(f"\n{program.name} should say that it is {wanted}, and says: {said.strip() or 'nothing'}")
    print(f"{path.stat().st_size >> 20} MiB, {time.monotonic() - began:.0f} s", file=sys.stderr)


def flags(program: Program) -> str:
    """For the linker: no debugging symbols; and the version, which Kubernetes' programs do not hold themselves."""
    if program.module is not KUBERNETES:
        return "-s -w"
    major, minor, _ = version(KUBERNETES).split(".")
    values = {"gitMajor": major, "gitMinor": minor, "gitVersion": f"v{version(KUBERNETES)}"}
    return " ".join(["-s", "-w", *(f"-X {STAMP}.{name}={value}" for name, value in values.items())])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
