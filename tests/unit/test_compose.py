"""docker-compose.yml and Dockerfile, without an engine: the specification's schema, and what we promise of them."""

import ast
import json
import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tradewind.adapters import file_store
from tradewind.config import Settings

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests/compose/compose-spec.json").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())  # a YAML document may be anything
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {"ingress": "ingress", "dispatcher": "dispatcher", "sources": "sources", "webhooks": "sources"}
"""Our services, and the command that each runs."""
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_it_keeps_to_the_compose_specification() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(COMPOSE)] == []


@pytest.mark.parametrize(("service", "key"), [("ingress", "restarts"), ("kafka", "depend_on")])
def test_the_schema_would_see_a_misspelt_key(service: str, key: str) -> None:
    wrong = {**COMPOSE, "services": {**SERVICES, service: {**SERVICES[service], key: "x"}}}
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(wrong)


def test_the_services_are_those_of_the_card() -> None:
    assert set(SERVICES) == {"kafka", "event-display", *OURS}


def test_kafka_is_the_official_image_in_a_version_and_keeps_its_data_in_a_named_volume() -> None:
    kafka = SERVICES["kafka"]
    assert re.fullmatch(r"apache/kafka:\d+\.\d+\.\d+", kafka["image"])
    name, _, folder = kafka["volumes"][0].partition(":")
    assert name in COMPOSE["volumes"]
    assert folder == kafka["environment"]["KAFKA_LOG_DIRS"]


def test_kafkas_cluster_id_is_one() -> None:
    """Kafka's Uuid: 16 bytes in URL-safe Base64 without padding, not beginning with `-`."""
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{20}[AQgw]", SERVICES["kafka"]["environment"]["CLUSTER_ID"])


def test_what_takes_requests_is_published_and_on_loopback_only() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "ingress": ["127.0.0.1:${TRADEWIND_PORT:-8080}:8080"],
        "webhooks": ["127.0.0.1:${TRADEWIND_SOURCES_PORT:-8090}:8090"],
    }


@pytest.mark.parametrize("name", OURS)
def test_a_role_is_one_command_of_the_one_image(name: str) -> None:
    assert SERVICES[name]["command"] == [OURS[name]]
    assert SERVICES[name]["image"] == SERVICES["event-display"]["image"]
    assert "entrypoint" not in SERVICES[name]
    assert 'ENTRYPOINT ["tradewind"]' in DOCKERFILE


def test_the_one_image_is_built_once() -> None:
    assert {name: service["build"] for name, service in SERVICES.items() if "build" in service} == {"ingress": "."}


@pytest.mark.parametrize("name", [*OURS, "event-display"])
def test_the_examples_are_there_read_only(name: str) -> None:
    assert SERVICES[name]["volumes"] == ["./examples:/examples:ro"]


@pytest.mark.parametrize("name", ["broker.yaml", "triggers.yaml"])
def test_the_manifests_are_those_of_the_laptop_and_two_sources(name: str) -> None:
    assert (ROOT / "examples/compose" / name).read_bytes() == (ROOT / "examples/hello" / name).read_bytes()


def test_a_ping_and_a_webhook_are_among_the_manifests() -> None:
    folder = {SERVICES[name]["environment"]["TRADEWIND_MANIFESTS"] for name in OURS}
    assert folder == {"/examples/compose"}
    kinds = {type(resource).__name__ for resource in file_store.load(ROOT / "examples/compose")}
    assert kinds == {"Broker", "Trigger", "PingSource", "Secret", "WebhookSource"}


@pytest.mark.parametrize("name", OURS)
def test_every_setting_that_is_set_exists(name: str) -> None:
    known = {f"TRADEWIND_{field.name.upper()}" for field in fields(Settings)}
    assert set(SERVICES[name]["environment"]) <= known
    assert set(re.findall(r"\b(TRADEWIND_[A-Z_]+)=", DOCKERFILE)) <= known


@pytest.mark.parametrize("name", list(SERVICES))
def test_what_dies_comes_back_and_says_how_it_is(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert isinstance(SERVICES[name]["healthcheck"]["test"], str), "a list's words are cut at spaces by Podman 4"


@pytest.mark.parametrize("name", [*OURS, "event-display"])
def test_a_process_is_not_pid_1(name: str) -> None:
    """A kill -9 from within must end it; see docker-compose.yml."""
    assert SERVICES[name]["init"] is True


@pytest.mark.parametrize("name", ["dispatcher", "sources", "webhooks"])
def test_a_probe_asks_the_port_that_is_opened_for_it(name: str) -> None:
    port = SERVICES[name]["environment"]["TRADEWIND_HEALTH_PORT"]
    assert f":{port}/readyz" in SERVICES[name]["healthcheck"]["test"]


def test_nothing_is_taken_before_the_dispatcher_has_every_trigger_in_force() -> None:
    for name in ("ingress", "sources", "webhooks"):
        assert SERVICES[name]["depends_on"]["dispatcher"]["condition"] == "service_healthy"
    assert SERVICES["dispatcher"]["depends_on"]["kafka"]["condition"] == "service_healthy"


def probes() -> list[str]:
    """The Python that healthchecks run."""
    inline = re.search(r"^HEALTHCHECK.*\\\n\s*CMD (.*)$", DOCKERFILE, re.MULTILINE)
    assert inline is not None
    checks = [shlex.split(text) for text in (*(s["healthcheck"]["test"] for s in SERVICES.values()), inline[1])]
    return [check[2] for check in checks if check[:2] == ["python", "-c"]]


def test_probes_are_python() -> None:
    assert len(probes()) == 6
    for probe in probes():
        ast.parse(probe)


def test_the_image_is_glibc_pinned_and_runs_as_nobody_special() -> None:
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"python:3.13-slim"}
    assert "--constraint constraints.txt" in DOCKERFILE
    assert re.search(r"^USER tradewind$", DOCKERFILE, re.MULTILINE)


def test_everything_the_image_copies_gets_past_the_dockerignore() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for word in shlex.split(line)[:-1]
    }
    assert copied == kept
    assert all((ROOT / name).exists() for name in copied)


def test_sources_may_be_scaled() -> None:
    """Nothing that only one container may have: a slot comes from the name of its host."""
    service = SERVICES["sources"]
    assert not {"container_name", "hostname", "ports"} & service.keys()
    assert "TRADEWIND_SOURCES_SLOT" not in service["environment"]
