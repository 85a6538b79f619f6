"""The file store over real files: how editors, Kubernetes and accidents write them."""

import asyncio
import os
import shutil
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from watchfiles import Change, awatch

from tradewind.adapters import file_store
from tradewind.adapters.file_store import FileStore, load
from tradewind.errors import InvalidManifest
from tradewind.ports import Snapshot

DEADLINE = 20.0
"""Seconds that a change may take on a busy machine; only a fault reaches it."""


def broker(name: str) -> str:
    return f"apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {{name: {name}}}\n"


def names(snapshot: Snapshot) -> set[str]:
    return {resource.metadata.name.name for resource in snapshot.resources}


def write(file: Path, text: str) -> None:
    """Into a folder that is made if need be."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


class Watch:
    """A store that is watched, one snapshot at a time."""

    def __init__(self, path: Path, look: float) -> None:
        self.snapshots = FileStore(path, look=look).watch()

    async def next(self) -> Snapshot:
        async with asyncio.timeout(DEADLINE):
            return await anext(self.snapshots)

    async def until(self, wanted: set[str]) -> Snapshot:
        """The first snapshot that has exactly these Brokers in force and no fault."""
        while (found := await self.next()).faults or names(found) != wanted:
            pass
        return found


@asynccontextmanager
async def watched(path: Path, *, look: float = 0.5) -> AsyncIterator[Watch]:
    watch = Watch(path, look)
    try:
        yield watch
    finally:
        await watch.snapshots.aclose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "manifests"
    made.mkdir()
    (made / "a.yaml").write_text(broker("a"))
    return made


async def test_a_save_takes_effect_by_what_the_system_tells(folder: Path) -> None:
    async with watched(folder, look=60.0) as watch:  # above the deadline: looking does not help
        await watch.next()
        for name in ("b", "c", "d"):
            (folder / "a.yaml").write_text(broker(name))
            assert names(await watch.next()) == {name}


async def test_editors_rename_a_new_file_over_the_old_one(folder: Path) -> None:
    async with watched(folder, look=60.0) as watch:
        await watch.next()
        for name in ("b", "c"):
            (folder / ".a.yaml.swp").write_text(broker(name))
            (folder / ".a.yaml.swp").rename(folder / "a.yaml")
            assert names(await watch.next()) == {name}


async def test_a_watched_file_may_be_renamed_over_too(folder: Path) -> None:
    (folder / "other.yaml").write_text("nonsense that is not looked at: [")
    async with watched(folder / "a.yaml", look=60.0) as watch:
        assert names(await watch.next()) == {"a"}
        for name in ("b", "c"):
            (folder / "a.tmp").write_text(broker(name))
            (folder / "a.tmp").rename(folder / "a.yaml")
            assert names(await watch.next()) == {name}


async def test_kubernetes_swaps_a_link_to_a_folder(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    for version in ("one", "two"):
        (mount / f"..{version}").mkdir(parents=True)
        (mount / f"..{version}" / "a.yaml").write_text(broker(version))
    (mount / "..data").symlink_to("..one")
    (mount / "a.yaml").symlink_to("..data/a.yaml")
    async with watched(mount, look=60.0) as watch:
        assert names(await watch.next()) == {"one"}
        (mount / "..data_tmp").symlink_to("..two")
        (mount / "..data_tmp").rename(mount / "..data")
        assert names(await watch.next()) == {"two"}


async def test_a_save_in_several_writes_is_not_judged_in_between(folder: Path) -> None:
    async with watched(folder, look=60.0) as watch:
        await watch.next()
        whole = broker("b") + "spec: {delivery: {retry: 3}}\n"
        with (folder / "a.yaml").open("w") as file:
            for character in whole:
                file.write(character)
                file.flush()
                await asyncio.sleep(0)
        following = await watch.next()
        assert (names(following), following.faults) == ({"b"}, ())


async def test_a_broken_manifest_is_refused_and_what_ran_goes_on(folder: Path) -> None:
    async with watched(folder) as watch:
        first = await watch.next()
        (folder / "b.yaml").write_text(
            "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: t}\nspec: {}\n"
        )
        (folder / "c.yml").write_text("a: [")
        (folder / "d.json").write_text("{")
        while len((refused := await watch.next()).faults) < 4:
            assert refused.resources == first.resources
        assert refused.resources == first.resources
        assert [fault.path.partition(":")[0] for fault in refused.faults] == ["c.yml", "d.json", "b.yaml", "b.yaml"]


async def test_a_folder_that_is_emptied_or_gone_is_never_a_plan(folder: Path) -> None:
    async with watched(folder) as watch:
        first = await watch.next()
        (folder / "a.yaml").unlink()
        emptied = await watch.next()
        assert emptied.resources == first.resources
        assert "no manifest in it" in str(emptied.faults[0])
        shutil.rmtree(folder)
        gone = await watch.next()
        assert gone.resources == first.resources
        assert "nothing there" in str(gone.faults[0])
        write(folder / "a.yaml", broker("back"))
        await watch.until({"back"})
        (folder / "a.yaml").write_text(broker("again"))
        await watch.until({"again"})


async def test_a_folder_that_came_back_is_watched_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking would find what is written, too; that it does not have to shows in what the system is asked to watch."""
    begun = []

    def counted(path: Path, **options: Any) -> AsyncGenerator[set[tuple[Change, str]]]:  # whatever the store asks for
        begun.append(path)
        return awatch(path, **options)

    monkeypatch.setattr(file_store, "awatch", counted)
    async with watched(folder) as watch:
        await watch.next()
        shutil.rmtree(folder)
        await watch.next()
        begun.clear()
        for name in ("back", "b"):
            write(folder / "a.yaml", broker(name))
            await watch.until({name})
    assert begun[-1:] == [folder]


async def test_a_folder_may_be_replaced_by_another(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to(folder)
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.yaml").write_text(broker("other"))
    async with watched(link) as watch:
        assert names(await watch.next()) == {"a"}
        (tmp_path / "new").symlink_to(other)
        (tmp_path / "new").rename(link)
        await watch.until({"other"})
        (other / "a.yaml").write_text(broker("seen"))
        await watch.until({"seen"})


async def test_a_file_that_was_cut_to_nothing_is_a_fault(folder: Path) -> None:
    (folder / "b.yaml").write_text(broker("b"))
    async with watched(folder) as watch:
        first = await watch.next()
        os.truncate(folder / "b.yaml", 0)
        cut = await watch.next()
        assert cut.resources == first.resources
        assert str(cut.faults[0]) == "b.yaml: found an empty file, expected a manifest, or no file"
        (folder / "b.yaml").unlink()
        await watch.until({"a"})


async def test_a_store_whose_first_state_is_wrong_says_so_at_once(folder: Path) -> None:
    (folder / "b.yaml").write_text(broker("A") + "---\n" + broker("B"))
    with pytest.raises(InvalidManifest) as raised:
        await anext(FileStore(folder).watch())
    assert len(raised.value.faults) == 2


async def test_cancelled_or_closed_it_leaves_nothing_behind(folder: Path) -> None:
    async def follow() -> None:
        async for _ in FileStore(folder).watch():
            running.set()

    running = asyncio.Event()
    task = asyncio.ensure_future(follow())
    await running.wait()
    task.cancel()
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [other for other in asyncio.all_tasks() if other is not asyncio.current_task()] == []


def test_no_thread_outlives_the_loop(folder: Path) -> None:
    async def look_and_leave() -> None:
        async for _ in FileStore(folder).watch():
            return

    before = set(threading.enumerate())
    asyncio.run(look_and_leave())
    assert set(threading.enumerate()) <= before


async def test_reading_is_no_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []

    def counted(path: Path, *, portable: bool) -> file_store.State:
        reads.append(path)
        return examine(path, portable=portable)

    examine = file_store.examine
    monkeypatch.setattr(file_store, "examine", counted)
    async with watched(folder, look=60.0) as watch:
        await watch.next()
        for name in ("b", "c"):
            (folder / "a.yaml").write_text(broker(name))
            await watch.until({name})
    assert len(reads) < 8  # one at the start, one or two for each save


async def test_where_nothing_can_be_watched_looking_has_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refusing(*args: object, **options: object) -> AsyncIterator[None]:
        raise OSError("OS file watch limit reached.")
        yield

    monkeypatch.setattr(file_store, "awatch", refusing)
    async with watched(folder, look=0.05) as watch:
        await watch.next()
        (folder / "a.yaml").write_text(broker("longer"))
        await watch.until({"longer"})


class TestLoad:
    """What a folder is read as."""

    def test_yaml_and_json_of_this_folder_alone(self, folder: Path) -> None:
        (folder / "b.yml").write_text("\ufeff" + broker("b"), encoding="utf-8")
        (folder / "c.json").write_text('{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}')
        (folder / "d.txt").write_text("not looked at: [")
        (folder / ".e.yaml").write_text("not looked at: [")
        (folder / "f.yaml").mkdir()
        (folder / "f.yaml" / "g.yaml").write_text("not looked at: [")
        os.mkfifo(folder / "h.yaml")
        assert [resource.metadata.name.name for resource in load(folder)] == ["a", "b", "c"]
        assert [resource.metadata.origin for resource in load(folder)] == ["a.yaml", "b.yml", "c.json"]

    def test_one_file_whatever_its_name(self, folder: Path) -> None:
        (folder / "b.txt").write_text(broker("b"))
        assert [resource.metadata.name.name for resource in load(str(folder / "b.txt"))] == ["b"]

    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (b"", "an empty file"),
            (b"a: \xff", "bytes at 3 that are not UTF-8"),
            (b"#" * 5_000_000, "characters"),
            (b"a: [", "no YAML"),
        ],
    )
    def test_a_file_that_cannot_be_read_is_a_fault(self, folder: Path, content: bytes, found: str) -> None:
        (folder / "a.yaml").write_bytes(content)
        with pytest.raises(InvalidManifest, match=f"a.yaml.*found .*{found}"):
            load(folder)

    def test_a_document_that_cannot_be_read_hides_no_other_fault(self, folder: Path) -> None:
        (folder / "a.yaml").write_text("---\n".join([broker("A"), "a: [1\n", broker("B")]))
        with pytest.raises(InvalidManifest) as raised:
            load(folder)
        paths = [fault.path for fault in raised.value.faults]
        named = [f"a.yaml: Broker default/{name}: metadata.name" for name in "AB"]
        assert paths == ["a.yaml: line 6, column 1", *named]

    def test_a_link_that_leads_nowhere_is_a_fault(self, folder: Path) -> None:
        (folder / "b.yaml").symlink_to("nowhere")
        with pytest.raises(InvalidManifest, match=r"b\.yaml: found No such file or directory"):
            load(folder)

    def test_nothing_is_a_fault(self, folder: Path, tmp_path: Path) -> None:
        (folder / "a.yaml").write_text("# nothing but this\n")
        with pytest.raises(InvalidManifest, match="found no resource"):
            load(folder)
        (folder / "a.yaml").unlink()
        with pytest.raises(InvalidManifest, match="found no manifest in it"):
            load(folder)
        with pytest.raises(InvalidManifest, match="found nothing there"):
            load(tmp_path / "missing")
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InvalidManifest, match="found neither a folder nor a file, expected a folder of"):
            load(tmp_path / "pipe")
        with pytest.raises(InvalidManifest, match="found nothing there"):
            load(tmp_path / "pipe" / "below")
