"""Pins another Kafka: resolves its jars with jgo and prints the text of `jars.txt`.

    python -m tradewind.adapters.embedded_kafka.resolve 4.4.0 > tradewind/adapters/embedded_kafka/jars.txt

For maintainers only; a download (jars.py) needs no resolution.  Kafka's own jars hold no SLF4J binding, without which
it dies mute, so log4j's is added, in the version of the log4j that Kafka brings.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from tradewind.adapters.embedded_kafka.pins import Jar, written

SCOPES = ("compile", "runtime")


def resolve(version: str, folder: Path) -> str:
    """The text of `jars.txt` for this version of Kafka; what is fetched for it goes to `folder`."""
    from jgo.maven import MavenContext, PythonResolver

    context = MavenContext(repo_cache=folder, resolver=PythonResolver())
    kafka = context.create_dependency(f"org.apache.kafka:kafka_2.13:{version}")
    inputs, others = context.resolver.resolve([kafka])
    found = {
        d.artifact.component.project.artifactId: d.artifact for d in (*inputs, *others) if d.scope in (*SCOPES, None)
    }
    core = found["log4j-core"].component.version
    # log4j calls its binding for SLF4J 1.x `impl`, that for 2.x `slf4j2-impl`.
    binding = "log4j-slf4j-impl" if found["slf4j-api"].component.version.startswith("1.") else "log4j-slf4j2-impl"
    found[binding] = context.project("org.apache.logging.log4j", binding).at_version(core).artifact()
    jars = []
    for artifact in found.values():
        content = artifact.resolve().read_bytes()
        name = artifact.component.project
        digest = hashlib.sha256(content).hexdigest()
        jars.append(Jar(name.groupId, name.artifactId, artifact.component.version, len(content), digest))
    return written(version, jars)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        sys.stdout.write(resolve(sys.argv[1], Path(scratch)))
