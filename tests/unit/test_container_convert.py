"""A ContainerSource → programs, or what stands in their way."""

import json
from dataclasses import replace

import pytest

from tradewind.errors import StartFailed
from tradewind.plan import SourcePlan, Target
from tradewind.resources.containers import ConfigMapRef, Container, EnvVar
from tradewind.resources.model import ContainerSource, Destination, Metadata, NamespacedName
from tradewind.resources.webhooks import SecretRef
from tradewind.sources.container import convert
from tradewind.sources.container.program import Program

SINK = "http://127.0.0.1:8080/default/default"
OURS = {"PATH": "/bin", "HOME": "/home/a"}
SECRET, TEXT = SecretRef("s", "k"), ConfigMapRef("m", "k")
MAIN = Container("main", "i", ("python", "-u"), ("x.py",))


def plan(*containers: Container, url: str | None = SINK, overrides: dict[str, str] | None = None) -> SourcePlan:
    source = ContainerSource(Metadata(NamespacedName("default", "c")), Destination(), {}, containers, overrides or {})
    return SourcePlan(
        source, None, Target(url, "" if url else "no Broker default/b"), {SECRET: b"word"}, texts={TEXT: "t"}
    )


def programs(planned: SourcePlan) -> tuple[Program, ...]:
    assert isinstance(planned.source, ContainerSource)
    assert convert.obstacles(planned.source, planned, allowed=True) == []
    return convert.programs(planned.source, planned, OURS, "/m")


def obstacles(planned: SourcePlan) -> list[str]:
    assert isinstance(planned.source, ContainerSource)
    return convert.obstacles(planned.source, planned, allowed=True)


def test_of_our_environment_it_gets_what_it_needs_and_nothing_else() -> None:
    ours = {"PATH": "/bin", "LANG": "C", "TRADEWIND_KAFKA": "k:1", "AWS_SECRET_ACCESS_KEY": "s", "SSH_AUTH_SOCK": "/x"}
    assert convert.kept(ours) == {"PATH": "/bin", "LANG": "C"}


def test_a_program_for_each_container() -> None:
    first, second = programs(plan(MAIN, replace(MAIN, name="other", command=("true",), args=(), working_dir="sub")))
    assert first == Program("main", ("python", "-u", "x.py"), {**OURS, "K_SINK": SINK, "K_CE_OVERRIDES": ""}, "/m")
    assert (second.name, second.argv, second.folder) == ("other", ("true",), "/m/sub")
    assert programs(plan(replace(MAIN, working_dir="/tmp")))[0].folder == "/tmp"


def test_overrides_are_told_in_knatives_json() -> None:
    told = programs(plan(MAIN, overrides={"team": "ä"}))[0].environment["K_CE_OVERRIDES"]
    assert json.loads(told) == {"extensions": {"team": "ä"}}


def test_variables_are_what_is_written_or_referred_to() -> None:
    env = (
        EnvVar("PATH", "/own"),
        EnvVar("PASSWORD", ref=SECRET),
        EnvVar("TEXT", ref=TEXT),
        EnvVar("GONE", ref=SecretRef("s", "other"), optional=True),
        EnvVar("GONE_TOO", ref=ConfigMapRef("m", "other"), optional=True),
        EnvVar("BOTH", "$(TEXT) $(PASSWORD) $(LATER)"),
        EnvVar("LATER", "x"),
        EnvVar("K_SINK", "http://mine"),
    )
    (program,) = programs(plan(replace(MAIN, env=env)))
    assert program.environment == {
        **OURS,
        "PATH": "/own",
        "PASSWORD": "word",
        "TEXT": "t",
        "BOTH": "t word $(LATER)",
        "LATER": "x",
        "K_SINK": SINK,
        "K_CE_OVERRIDES": "",
    }
    assert "word" not in repr(program)


def test_a_value_that_is_referred_to_is_not_expanded() -> None:
    planned = plan(replace(MAIN, env=(EnvVar("A", "a"), EnvVar("B", ref=TEXT))))
    assert programs(replace(planned, texts={TEXT: "$(A)"}))[0].environment["B"] == "$(A)"


def test_bytes_of_a_secret_reach_the_process_whatever_they_are() -> None:
    planned = replace(plan(replace(MAIN, env=(EnvVar("A", ref=SECRET),))), secrets={SECRET: b"\xff\xc3\xa4"})
    assert programs(planned)[0].environment["A"].encode("utf-8", "surrogateescape") == b"\xff\xc3\xa4"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("$(A)", "1"),
        ("--a=$(A),$(A)", "--a=1,1"),
        ("$(B)", "$(B)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A ${A} $(A", "$A ${A} $(A"),
        ("$()", "$()"),
        ("$", "$"),
    ],
)
def test_references_are_replaced_as_kubernetes_does(word: str, expected: str) -> None:
    assert convert.expanded(word, {"A": "1"}) == expected


def test_command_and_arguments_may_name_the_sink() -> None:
    assert programs(plan(replace(MAIN, args=("--sink=$(K_SINK)",))))[0].argv == ("python", "-u", f"--sink={SINK}")


def test_all_that_stands_in_the_way_is_said_at_once() -> None:
    env = (
        EnvVar("A", unserved="fieldRef"),
        EnvVar("B", ref=SecretRef("s", "other")),
        EnvVar("C", ref=ConfigMapRef("m", "other")),
        EnvVar("D", "fine"),
        EnvVar("E", ref=TEXT),
    )
    planned = replace(plan(Container("one", "img", env=env, env_from=True), MAIN, url=None), texts={TEXT: "a\0b"})
    assert obstacles(planned) == [
        "its sink has no address: no Broker default/b",
        "container one has no `command`, and its image img is not run here",
        "container one has `envFrom`, which is read on Kubernetes only: name each in `env`",
        "container one: variable A is from a `fieldRef`, which only Kubernetes knows",
        "container one: variable B needs the key other of Secret s, which is not there",
        "container one: variable C needs the key other of ConfigMap m, which is not there",
        "container one: variable E holds NUL, which no environment can",
    ]


def test_a_command_that_may_not_run_is_an_obstacle_beside_the_others() -> None:
    planned = plan(MAIN, url=None)
    assert isinstance(planned.source, ContainerSource)
    found = convert.obstacles(planned.source, planned, allowed=False)
    assert found == ["its sink has no address: no Broker default/b", convert.NOT_ALLOWED]


def test_what_is_said_of_one_that_cannot_be_started_or_does_not_stay() -> None:
    said = convert.unstartable(Program("main", ("x",), {}, "/"), StartFailed("there is no folder /y", "Make it."))
    assert said == "container main cannot be started: there is no folder /y; Make it"
    assert (convert.repeated(said, 1), convert.repeated("why", 2)) == (said, "why; 2 times in a row")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0, "container main ended with exit code 0 after 0.2 s"),
        (3, "container main ended with exit code 3 after 0.2 s"),
        (127, "container main ended with exit code 127 after 0.2 s: a command was not found"),
        (126, "container main ended with exit code 126 after 0.2 s: a command cannot be executed"),
        (-9, "container main was ended by SIGKILL after 0.2 s"),
        (-99, "container main was ended by signal 99 after 0.2 s"),
    ],
)
def test_what_an_end_means(status: int, expected: str) -> None:
    assert convert.ending(Program("main", ("x",), {}, "/"), status, 0.2) == expected


def test_ends_count_until_it_has_run_for_a_while() -> None:
    assert [convert.failures(0, 0.1), convert.failures(4, convert.STEADY - 0.1)] == [1, 5]
    assert convert.failures(4, convert.STEADY) == 1
