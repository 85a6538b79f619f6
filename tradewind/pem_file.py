"""A file that OpenSSL reads a certificate and its key from: it takes them from nowhere else."""

import contextlib
import os
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def pem_file(text: str) -> Iterator[str]:
    """Its path, while the block runs; without a disk where the system has that, as a container's may not be written."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("tradewind"), "w") as held:
            held.write(text)
            held.flush()
            yield f"/proc/self/fd/{held.fileno()}"
    else:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(text)
            file.flush()
            yield file.name
