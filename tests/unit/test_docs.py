"""README and docs/: links lead somewhere, manifests are right, and each kind of source has the same kind of page."""

import re
from pathlib import Path

import pytest

from tradewind.resources import documents, manifests
from tradewind.resources.kinds import OURS

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/sources").glob("*.md"))
ALL = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES = {kind.kind for kind in OURS if "sources" in kind.categories}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", ALL, ids=name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_of_a_source_says_the_same_things_as_the_others(page: Path) -> None:
    text = page.read_text()
    title = text.splitlines()[0].removeprefix("# ")
    assert title in SOURCES
    assert "What arrives" in text
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings[-2:] == ["Delivery", "Not supported"]
    assert f"[{title}](docs/sources/{page.name})" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_its_manifests_are_right(page: Path) -> None:
    blocks = re.findall(r"^```yaml\n(apiVersion.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        parsed = documents.parse(page.name, block)
        assert [*parsed.faults, *manifests.examine(parsed.documents).faults] == []


@pytest.mark.parametrize("folder", sorted((ROOT / "examples").iterdir()), ids=name)
def test_examples_are_right(folder: Path) -> None:
    for file in folder.glob("*.yaml"):
        parsed = documents.parse(file.name, file.read_text())
        assert [*parsed.faults, *manifests.examine(parsed.documents).faults] == []
