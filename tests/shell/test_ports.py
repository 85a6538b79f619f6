"""Two that would listen on one port are told before either does."""

import pytest

from tradewind.adapters.embedded_kafka import Wanted, require_different
from tradewind.errors import StartFailed


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("127.0.0.1", "::"),
        ("0.0.0.0", "127.0.0.2"),
    ],
)
def test_one_port_for_two_is_refused_and_both_flags_are_named(one: str, other: str) -> None:
    wanted = [Wanted(8080, "--port", one), Wanted(9092, "--third"), Wanted(8080, "--kafka-port", other)]
    with pytest.raises(StartFailed) as failed:
        require_different(wanted)
    assert failed.value.cause == "--port and --kafka-port both name port 8080"
    assert failed.value.remedy == "Name another for one of them: --port PORT, --kafka-port PORT"


@pytest.mark.parametrize(
    ("one", "other"), [("127.0.0.1", "127.0.0.2"), ("::1", "127.0.0.1"), ("no.such.host.invalid", "0.0.0.0")]
)
def test_one_port_on_two_addresses_is_nobodys_harm(one: str, other: str) -> None:
    require_different([Wanted(8080, "--port", one), Wanted(8080, "--kafka-port", other)])
    require_different([Wanted(8080, "--port", one), Wanted(8081, "--kafka-port", one)])
