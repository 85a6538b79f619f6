"""An auth Secret as a folder of files, and what only OpenSSL can say of it."""

import os
from pathlib import Path

import pytest

from tests.certificates import Authority
from tradewind.adapters import auth_folder
from tradewind.adapters.kafka_log import tls
from tradewind.errors import InvalidSettings
from tradewind.resources.kafka_auth import PLAINTEXT, KafkaAuth, Protocol

OPEN = Path("/proc/self/fd")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("authority")


def laid_down(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def faults(folder: Path) -> list[str]:
    with pytest.raises(InvalidSettings) as raised:
        auth_folder.load(folder, "--kafka-auth")
    return list(map(str, raised.value.faults))


def test_what_the_files_say(tmp_path: Path, authority: Authority) -> None:
    """Hidden files and folders are none of its keys."""
    user = authority.issue("user")
    folder = laid_down(tmp_path, protocol="SSL", ca_crt=authority.pem, user_crt=user.certificate, user_key=user.key)
    (folder / "..data").mkdir()
    (folder / ".user.skip").write_text("true")
    (folder / "user.skip").mkdir()
    assert auth_folder.load(folder, "--kafka-auth") == KafkaAuth(
        protocol=Protocol.SSL, ca=authority.pem, certificate=user.certificate, key=user.key
    )


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("protocol: SSL")
    (fault,) = faults(tmp_path / "file")
    assert fault.startswith(f"--kafka-auth: found '{tmp_path / 'file'}' (Not a directory), expected a folder ")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    laid_down(tmp_path, protocol="SSL", password="secret")
    (tmp_path / "password").chmod(0)
    assert f"--kafka-auth {tmp_path}/password: found Permission denied, expected a file that may be read" in faults(
        tmp_path
    )


def test_a_key_of_another_certificate(tmp_path: Path, authority: Authority) -> None:
    one, other = authority.issue("one"), authority.issue("other")
    laid_down(tmp_path, protocol="SSL", user_crt=one.certificate, user_key=other.key)
    assert faults(tmp_path) == [
        f"--kafka-auth {tmp_path}/user.key: found key values mismatch, "
        "expected the key of user.crt, both as OpenSSL can read them"
    ]


def test_certificates_that_only_look_like_some(tmp_path: Path) -> None:
    text = "-----BEGIN CERTIFICATE-----\nMAMCAQA=\n-----END CERTIFICATE-----\n"
    key = text.replace("CERTIFICATE", "PRIVATE KEY")
    laid_down(tmp_path, protocol="SSL", ca_crt=text, user_crt=text, user_key=key)
    first, second = faults(tmp_path)
    assert first.startswith(f"--kafka-auth {tmp_path}/ca.crt: found ")
    assert first.endswith(", expected certificates that OpenSSL can read")
    assert second.startswith(f"--kafka-auth {tmp_path}/user.key: found ")


def test_the_systems_authorities_where_none_is_named() -> None:
    assert tls.context(KafkaAuth(protocol=Protocol.SSL)).check_hostname


def test_the_systems_authorities_besides(authority: Authority) -> None:
    assert tls.with_system(authority.pem).endswith(authority.pem)


@pytest.mark.skipif(not OPEN.exists(), reason="the system does not list a process's files there")
def test_nothing_is_left_open(authority: Authority) -> None:
    user = authority.issue("user")
    auth = KafkaAuth(protocol=Protocol.SSL, certificate=user.certificate, key=user.key)
    before = files()
    tls.context(auth)
    assert files() == before


def files() -> list[str]:
    """The files that this process has open; connections may come and go meanwhile, of what other tests have left."""
    return sorted(path for one in OPEN.iterdir() if (path := os.path.realpath(one)).startswith("/memfd:"))


def test_an_empty_folder_asks_for_nothing_as_an_optional_secret_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    assert auth_folder.load(tmp_path, "--kafka-auth") == PLAINTEXT
