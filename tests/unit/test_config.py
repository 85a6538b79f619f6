"""Settings: from flags, environment and defaults, with every wrong value named at once."""

from dataclasses import fields

import pytest

from tradewind.api_server import BOUND_SOURCES, HOSTED_SOURCES
from tradewind.config import (
    Origin,
    Settings,
    flag,
    ingress_base,
    installation_of,
    kinds,
    load,
    of_installation,
    variable,
)
from tradewind.errors import Fault, InvalidSettings
from tradewind.setting_kinds import SOURCES


def test_nothing_given_is_all_defaults() -> None:
    loaded = load({}, {"PATH": "/bin"})
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {Origin.DEFAULT}
    assert loaded.unknown == ()


def test_a_flag_counts_before_the_environment_and_that_before_the_default() -> None:
    loaded = load({"port": "8081"}, {"TRADEWIND_PORT": "8082", "TRADEWIND_GRACE": "2.5"})
    assert (loaded.settings.port, loaded.settings.grace) == (8081, 2.5)
    assert (loaded.origins["port"], loaded.origins["grace"]) == (Origin.FLAG, Origin.ENVIRONMENT)


def test_an_empty_variable_is_not_set() -> None:
    loaded = load({}, {"TRADEWIND_PORT": ""})
    assert (loaded.settings.port, loaded.origins["port"]) == (8080, Origin.DEFAULT)


def test_every_wrong_value_is_named_at_once() -> None:
    with pytest.raises(InvalidSettings) as raised:
        load({"port": "http"}, {"TRADEWIND_GRACE": "10s", "TRADEWIND_KAFKA": "localhost"})
    assert raised.value.faults == (
        Fault("TRADEWIND_KAFKA", "'localhost'", "host:port with a port from 1 to 65535, several with commas"),
        Fault("--port", "'http'", "a port, 1–65535"),
        Fault("TRADEWIND_GRACE", "'10s'", "a number of seconds, 0.001 or more"),
    )


def test_a_wrong_variable_does_not_matter_under_a_flag() -> None:
    assert load({"port": "81"}, {"TRADEWIND_PORT": "x"}).settings.port == 81


@pytest.mark.parametrize("default", fields(Settings), ids=lambda field: str(field.name))
def test_every_default_is_a_value_that_its_own_kind_accepts(default: object) -> None:
    name = default.name  # type: ignore[attr-defined]  # dataclasses.Field is generic in its value
    value = getattr(Settings(), name)
    assert kinds()[name].read(str(value)) == value


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("kafka", ["a:1", "a:1,b.example:9092", "[::1]:9092", "127.0.0.1:9092", "a:65535"]),
        ("services", ["", "default/a=127.0.0.1:80", "default/a=h:80,other/b=[::1]:81", "a/b=https://c/d"]),
        ("manifests", [".", "a b/c"]),
        ("host", ["0.0.0.0", "::1", "localhost"]),
        ("port", ["1", "65535"]),
        ("health_port", ["0", "65535"]),
        ("ingress_url", ["", "http://ingress:8080", "https://example.com/base"]),
        ("slot", ["dispatcher-1", "a" * 249]),
        ("partitions", ["1", "300"]),
        ("retention", ["0.001", "60", "604800.5"]),
        ("max_event_bytes", ["65536", "15728640"]),
        ("backoff_jitter", ["0", "0.5", "1"]),
        ("disk_floor", ["0"]),
    ],
)
def test_what_is_accepted(name: str, texts: list[str]) -> None:
    for text in texts:
        value = getattr(load({name: text}, {}).settings, name)
        assert type(value)(text) == value
        assert type(value) is type(getattr(Settings(), name))


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("kafka", ["", "a", "a:", ":1", "a:1,", "http://a:1", "a:1 b:2", "a:0", "a:65536", "a:1,b:99999"]),
        (
            "services",
            [
                "a=h:1",
                "default/a",
                "default/a=h",
                "default/a=ftp://h:1",
                "default/A=h:1",
                "default/a=h:0",
                "default/a=h:1,default/b=[::1]:65536",
            ],
        ),
        ("manifests", [""]),
        ("host", ["", "http://a", "a b"]),
        ("port", ["", "0", "65536", "-1", "8080.0", "８０", "1_0", "9" * 30]),
        ("health_port", ["65536"]),
        ("ingress_url", ["ingress:8080", "ftp://a", "http:///a"]),
        ("slot", ["", "a b", ".", "..", "a" * 250]),
        ("partitions", ["0", "ten"]),
        ("retention", ["0", "-1", "nan", "inf", "1e3", "PT1H", "7d"]),
        ("max_event_bytes", ["0", "1MiB", "65535", "15728641"]),
        ("backoff_jitter", ["1.1", "-0.1"]),
        ("disk_floor", ["-1"]),
    ],
)
def test_what_is_not_accepted(name: str, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(InvalidSettings, match=f"{flag(name)}: found "):
            load({name: text}, {})


def test_a_service_that_is_wrong_is_told_of_every_form_of_an_address() -> None:
    with pytest.raises(InvalidSettings, match="--service: found 'a=b', expected ") as raised:
        load({"services": "a=b"}, {})
    assert raised.value.faults[0].expected == (
        "namespace/name=host:port with a port from 1 to 65535, or namespace/name= and an http:// or https:// URL, "
        "several with commas"
    )


def test_a_field_has_a_flag_and_a_variable() -> None:
    assert (flag("kafka_patience"), variable("kafka_patience")) == ("--kafka-patience", "TRADEWIND_KAFKA_PATIENCE")
    assert (flag("services"), variable("services")) == ("--service", "TRADEWIND_SERVICES")


def test_unknown_variables_are_warned_of_and_ours_are_not() -> None:
    ours = {"TRADEWIND_READY_FD": "3", "TRADEWIND_SUPERVISED": "1", "TRADEWIND_MAVEN_URL": "u"}
    loaded = load({}, {**ours, "TRADEWIND_KAFAK": "a:1", "TRADEWIND_XYZZY": "1", "TRADEWIN_PORT": "1"})
    assert loaded.unknown == (
        "TRADEWIND_KAFAK is no setting; is TRADEWIND_KAFKA meant?",
        "TRADEWIND_XYZZY is no setting",
    )


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        (Settings(), "http://127.0.0.1:8080"),
        (Settings(host="0.0.0.0", port=81), "http://127.0.0.1:81"),
        (Settings(host="::"), "http://[::1]:8080"),
        (Settings(host="example.com"), "http://example.com:8080"),
        (Settings(ingress_url="https://events.example.com"), "https://events.example.com"),
    ],
)
def test_where_the_ingress_is_reached(settings: Settings, url: str) -> None:
    assert ingress_base(settings) == url


def test_a_queue_that_no_event_fits_into_is_refused() -> None:
    with pytest.raises(
        InvalidSettings, match=r"--queue-bytes: found 70000, expected at least --max-event-bytes, 80000"
    ):
        load({"queue_bytes": "70000", "max_event_bytes": "80000"}, {})


def test_a_process_may_store_what_it_accepted_before_it_is_killed() -> None:
    settings = Settings(grace=4.0, kafka_patience=2.0)
    assert settings.stop_deadline > settings.grace + 2 * settings.kafka_patience


def test_an_installation_has_names_of_its_own_in_kafka() -> None:
    found = of_installation(Settings(), "0a1b2c3d")
    assert found == Settings(
        installation="0a1b2c3d",
        dispatcher_group="tradewind-dispatchers.0a1b2c3d",
        cursors_topic="tradewind.cursors.0a1b2c3d",
        sources_group="tradewind-sources.0a1b2c3d",
        sources_topic="tradewind.sources.0a1b2c3d",
        sources_dead_letter_topic="tradewind.sources.dead.0a1b2c3d",
    )


def test_an_installation_is_known_by_its_cluster_and_its_namespace() -> None:
    """Not by what is made anew when it is installed again: what was kept would be another's for ever."""
    one, other = "0a1b2c3d-4e5f-6789-abcd-ef0123456789", "1a1b2c3d-4e5f-6789-abcd-ef0123456789"
    found = installation_of(one, "tradewind-system")
    assert found == "38d93879"
    assert len({found, installation_of(other, "tradewind-system"), installation_of(one, "second")}) == 3


@pytest.mark.parametrize(
    ("kinds", "served"),
    [
        ("", {"PingSource", "KafkaSource"}),
        ("KafkaSource", {"KafkaSource"}),
        ("WebhookSource,PingSource", {"PingSource"}),
        ("WebhookSource", set()),
    ],
)
def test_which_kinds_of_sources_are_served(kinds: str, served: set[str]) -> None:
    settings = load({"source_kinds": kinds}, {}).settings
    assert {kind for kind in ("PingSource", "KafkaSource") if settings.serves_source(kind)} == served


def test_a_kind_of_sources_that_is_none_is_named() -> None:
    with pytest.raises(InvalidSettings) as refused:
        load({"source_kinds": "PingSource,Pingsource"}, {})
    assert "PingSource,Pingsource" in str(refused.value)
    assert set(SOURCES) == {*HOSTED_SOURCES, *BOUND_SOURCES}
