"""What is imported is asked for, what is asked for is used, and what CI tested is written down for every Python."""

import ast
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ("tradewind", "broker", "sources", "trigger_dispatcher")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = (
    {"sys_platform": "linux", "platform_system": "Linux"},
    {"sys_platform": "darwin", "platform_system": "Darwin"},
)
DATA = {"tzdata"}
"""Read by zoneinfo where the machine has no time zones."""
BY_NAME = {
    "mypy",
    "ruff",
    "import-linter",
    "pytest-timeout",
    "pytest-cov",
    "pytest-rerunfailures",
    "pytest-xdist",
    "build",
    "hatchling",
}
"""Tools that are called or plugged in, and so imported nowhere."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OPTIONAL = PROJECT["optional-dependencies"]


def requirements(texts: Iterable[str]) -> dict[NormalizedName, Requirement]:
    """By name, without what names an extra of our own."""
    found = (Requirement(text) for text in texts)
    return {canonicalize_name(one.name): one for one in found if one.name != "tradewind"}


CORE = requirements(PROJECT["dependencies"])
EMBEDDED = requirements(OPTIONAL["embedded"])
CEL = requirements(OPTIONAL["cel"])
WEBHOOK = requirements(OPTIONAL["webhook"])
SNS = requirements(OPTIONAL["sns"])
DEV = requirements(OPTIONAL["dev"])


def pinned() -> dict[NormalizedName, str]:
    """The constraints: name and version, and nothing else."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    split = [line.split("==") for line in lines]
    assert [line for line, parts in zip(lines, split, strict=True) if len(parts) != 2] == []
    return {canonicalize_name(name): version for name, version in split}


def imported(files: Iterable[Path]) -> set[NormalizedName]:
    """The distributions that these files import from, each by the name that it has on PyPI."""
    owners = packages_distributions()
    found: set[NormalizedName] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            for top in tops(node):
                if top not in sys.stdlib_module_names and top not in {"tradewind", "tests", "subscriber"}:
                    assert top in owners, f"{file}: nothing that is installed holds {top}"
                    found.update(canonicalize_name(owner) for owner in owners[top])
    return found


def tops(node: ast.AST) -> Iterator[str]:
    """The first names of an import."""
    match node:
        case ast.Import(names=names):
            yield from (alias.name.split(".")[0] for alias in names)
        case ast.ImportFrom(module=str(module), level=0):
            yield module.split(".")[0]


def code() -> list[Path]:
    """What we ship."""
    return [file for root in SOURCE_ROOTS for file in (ROOT / root).rglob("*.py")]


def embedded() -> list[Path]:
    """What may use the extra."""
    return list((ROOT / "tradewind" / "adapters" / "embedded_kafka").rglob("*.py"))


def door_of_cel() -> list[Path]:
    """What may use the extra."""
    return [ROOT / "tradewind" / "filters" / "cel" / "library.py"]


def certificates() -> list[Path]:
    """What may use the extra."""
    return [ROOT / "tradewind" / "control" / "webhook" / "certificates.py"]


def signatures() -> list[Path]:
    """What may use the extra."""
    return [ROOT / "sources" / "tradewind" / "sources" / "webhook" / "senders" / "rsa.py"]


def test_what_our_code_imports_is_asked_for_by_name() -> None:
    """Not had by chance, through what something else needs today."""
    of_extras = [*embedded(), *door_of_cel(), *certificates(), *signatures()]
    assert imported(file for file in code() if file not in of_extras) - CORE.keys() == set()
    assert imported(embedded()) - CORE.keys() - EMBEDDED.keys() == set()
    assert imported(door_of_cel()) - CORE.keys() - CEL.keys() == set()
    assert imported(certificates()) - CORE.keys() - WEBHOOK.keys() == set()
    assert imported(signatures()) - CORE.keys() - SNS.keys() == set()


def test_what_is_asked_for_is_imported() -> None:
    assert CORE.keys() - imported(code()) == DATA
    assert EMBEDDED.keys() - imported(embedded()) == set()
    assert CEL.keys() - imported(door_of_cel()) == set()
    assert WEBHOOK.keys() - imported(certificates()) == set()
    assert SNS.keys() - imported(signatures()) == set()


def test_what_tests_import_is_asked_for_and_the_other_way_round() -> None:
    tests = imported((ROOT / "tests").rglob("*.py"))
    assert tests - CORE.keys() - EMBEDDED.keys() - WEBHOOK.keys() - DEV.keys() == set()
    stubs = {name for name in DEV if name.startswith("types-")}
    assert DEV.keys() - tests == BY_NAME | stubs


@pytest.mark.parametrize("name", sorted(CORE.keys() | EMBEDDED.keys() | CEL.keys() | WEBHOOK.keys() | SNS.keys()))
def test_every_bound_holds_what_ci_tested_and_stops_before_the_next_break(name: NormalizedName) -> None:
    requirement = (CORE | EMBEDDED | CEL | WEBHOOK | SNS)[name]
    assert requirement.specifier.contains(pinned()[name])
    operators = {one.operator for one in requirement.specifier}
    assert operators == ({">="} if name in DATA else {">=", "<"})


def test_what_ci_tested_fits_the_tools() -> None:
    assert [name for name, one in DEV.items() if not one.specifier.contains(pinned()[name])] == []


@pytest.mark.parametrize("python", PYTHONS)
def test_the_constraints_name_all_that_is_installed_on_this_python(python: str) -> None:
    """Through every dependency of a dependency, on Linux and macOS: nothing is left to the day of the install."""
    needed = everything(python)
    assert needed - pinned().keys() == set()
    assert len(needed) > 60


def test_the_constraints_name_nothing_else() -> None:
    assert pinned().keys() - set().union(*map(everything, PYTHONS)) == set()


def everything(python: str) -> set[NormalizedName]:
    """What `pip install .[dev]` installs there."""
    seen: set[tuple[NormalizedName, str]] = set()
    for platform in PLATFORMS:
        environment = {**platform, "os_name": "posix", "python_version": python, "python_full_version": f"{python}.0"}
        for requirement in [
            *CORE.values(),
            *EMBEDDED.values(),
            *CEL.values(),
            *WEBHOOK.values(),
            *SNS.values(),
            *DEV.values(),
        ]:
            walk(requirement, environment, seen)
    return {name for name, _ in seen}


def walk(requirement: Requirement, environment: Mapping[str, str], seen: set[tuple[NormalizedName, str]]) -> None:
    """Note what a requirement brings with it in this environment, itself and its extras among it."""
    name = canonicalize_name(requirement.name)
    for extra in {"", *requirement.extras}:
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for below in brought(name):
            if applies(below, environment, extra):
                walk(below, environment, seen)


@cache
def brought(name: NormalizedName) -> tuple[Requirement, ...]:
    """What a distribution says it needs; nothing is known of one that is not installed on this Python."""
    try:
        return tuple(map(Requirement, requires(name) or ()))
    except PackageNotFoundError:
        return ()


def applies(requirement: Requirement, environment: Mapping[str, str], extra: str) -> bool:
    """Whether its marker, if any, holds there."""
    return requirement.marker is None or requirement.marker.evaluate({**environment, "extra": extra})


def test_classifiers_and_bound_name_the_same_pythons() -> None:
    prefix = "Programming Language :: Python :: 3."
    named = [text.removeprefix(prefix) for text in PROJECT["classifiers"] if text.startswith(prefix)]
    assert [f"3.{minor}" for minor in named] == list(PYTHONS)
    bound = SpecifierSet(PROJECT["requires-python"])
    assert [minor for minor in range(9, 17) if bound.contains(f"3.{minor}.0")] == [int(minor) for minor in named]
