"""The whole on a Kafka that asks who its clients are, and changes its mind; and Secrets that say nothing right."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.contracts.guarded_kafka import PASSWORD, GuardedKafka
from tests.process.commands import Shell
from tests.process.whole import Poster, Recorder, Up, manifests
from tradewind.resources.kafka_auth import Mechanism, Protocol

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(240)]


def mounted(folder: Path, data: dict[str, bytes]) -> Path:
    """The Secret as Kubernetes mounts it: links to files in a hidden folder, which is swapped whole."""
    real = folder / "..2026_11_26"
    real.mkdir(parents=True)
    (folder / "..data").symlink_to(real.name)
    for key, value in data.items():
        (real / key).write_bytes(value)
        (folder / key).symlink_to(f"..data/{key}")
    return folder


def mend(folder: Path, password: str) -> None:
    """Kubernetes swaps the whole."""
    new = folder / "..2026_11_27"
    new.mkdir()
    for key in (folder / "..data").iterdir():
        (new / key.name).write_bytes(key.read_bytes())
    (new / "password").write_text(password)
    (folder / "..new").symlink_to(new.name)
    (folder / "..new").rename(folder / "..data")


def declared(folder: Path) -> Path:
    """A folder with a Broker and a Trigger, whose topics nobody has made."""
    found = folder / "manifests"
    found.mkdir()
    (found / "all.yaml").write_text(manifests(f"b{folder.name[-8:]}".replace("_", "-"), all="com.example.load"))
    return found


async def test_a_password_that_is_changed_loses_nothing(guarded_kafka: GuardedKafka, tmp_path: Path) -> None:
    """Sessions last two seconds there, so that whoever is no longer welcome is soon out."""
    user = f"up-{tmp_path.name}"
    await guarded_kafka.set_password(user, PASSWORD)
    secret = guarded_kafka.secret(Protocol.SASL_SSL, Mechanism.SCRAM_SHA_512, user=user)
    auth = mounted(tmp_path / "secret", secret)
    kafka = {"TRADEWIND_KAFKA": guarded_kafka.at("SASL_SSL"), "TRADEWIND_KAFKA_AUTH": str(auth)}
    recorder = Recorder()
    async with recorder.served() as port:
        up = Up(tmp_path, port)
        up.declare(manifests(all="com.example.load"))
        await up.start(**kafka, TRADEWIND_KAFKA_PATIENCE="2")
        try:
            poster = Poster(up.url, width=4)
            await poster.post(range(100))
            assert len(poster.accepted) == 100
            await guarded_kafka.set_password(user, "another one")
            number = 100
            async with asyncio.timeout(60):
                while not poster.refused:
                    await poster.post([number := number + 1])
            assert {status for status, _ in poster.refused} == {503}
            assert "Authentication failed" in await up.said("kafka denied")
            mend(auth, "another one")
            await up.said("kafka auth changed")
            accepted = len(poster.accepted)
            async with asyncio.timeout(60):
                while len(poster.accepted) < accepted + 100:
                    await poster.post([number := number + 1])
            await recorder.has("all", poster.accepted)
            assert PASSWORD not in "\n".join(up.lines)
        finally:
            assert await up.stop() == 0


async def test_every_fault_of_the_folder_is_named(guarded_kafka: GuardedKafka, tmp_path: Path) -> None:
    folder = mounted(tmp_path / "secret", {"protocol": b"SASL_SSL", "user": b"ada", "ca.crt": b"none"})
    shell = Shell(declared(tmp_path), guarded_kafka.plain)
    for command in (("ingress",), ("up",), ("audit",)):
        code, _, err = await shell.run(*command, "--kafka-auth", str(folder))
        assert (code, err.splitlines()) == (
            2,
            [
                f"error: --kafka-auth {folder}/ca.crt: found 4 characters that are no PEM, "
                "expected certificates in PEM",
                f"error: --kafka-auth {folder}/password: found nothing, "
                "expected the user's password; a protocol with SASL needs one",
            ],
        )


async def test_the_embedded_kafka_asks_nobody(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tradewind.cli.main", "up", "-f", str(declared(tmp_path)), "--kafka-auth", "secret"),
        stderr=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")},
    )
    _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (
        2,
        "error: --kafka-auth: found 'secret', expected none without --kafka: "
        "the embedded Kafka asks nobody who he is\n",
    )


async def test_a_folder_that_is_none(guarded_kafka: GuardedKafka, tmp_path: Path) -> None:
    shell = Shell(declared(tmp_path), guarded_kafka.plain)
    code, _, err = await shell.run("sources", "--kafka-auth", str(tmp_path / "no"))
    assert code == 2
    assert err == (
        f"error: --kafka-auth: found '{tmp_path / 'no'}' (No such file or directory), "
        "expected a folder with the keys of an auth Secret\n"
    )


async def test_a_command_is_let_in(guarded_kafka: GuardedKafka, tmp_path: Path) -> None:
    auth = mounted(tmp_path / "secret", guarded_kafka.secret(Protocol.SSL))
    shell = Shell(declared(tmp_path), guarded_kafka.at("SSL"))
    code, _, err = await shell.run("audit", "--kafka-auth", str(auth))
    assert code == 3
    assert "found none on this Kafka" in err  # which only one that has let it in can say
