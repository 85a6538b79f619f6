"""Both stores pass the suite."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.contracts.resource_store import ResourceStoreContract
from tradewind.adapters.file_store import FileStore
from tradewind.adapters.memory_store import MemoryStore
from tradewind.errors import Fault
from tradewind.ports import ResourceStore
from tradewind.resources.model import Broker, Metadata, NamespacedName

BROKER = "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {{name: {name}}}\n"


class FolderShelf:
    """A folder with one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.declare(["a"])

    def store(self) -> ResourceStore:
        return FileStore(self.folder)

    def declare(self, names: Iterable[str]) -> None:
        (self.folder / "brokers.yaml").write_text("---\n".join(BROKER.format(name=name) for name in names))

    def spoil(self) -> None:
        (self.folder / "brokers.yaml").write_text("kind: [")


class MemoryShelf:
    """A MemoryStore; whoever watches shares it."""

    def __init__(self) -> None:
        self.shared = MemoryStore()
        self.declare(["a"])

    def store(self) -> ResourceStore:
        return self.shared

    def declare(self, names: Iterable[str]) -> None:
        self.shared.put(Broker(Metadata(NamespacedName("default", name))) for name in names)

    def spoil(self) -> None:
        self.shared.refuse([Fault("brokers.yaml", "nonsense", "sense")])


class TestMemoryStore(ResourceStoreContract):
    """In milliseconds."""

    @pytest.fixture
    def shelf(self) -> MemoryShelf:
        return MemoryShelf()


class TestFileStore(ResourceStoreContract):
    """Real files, really watched."""

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> FolderShelf:
        return FolderShelf(tmp_path)
