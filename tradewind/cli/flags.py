"""One flag for each setting, made from the fields of Settings: what a flag says is written in config.py only."""

import ast
import asyncio
import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Any

import typer
from typer.models import OptionInfo

from tradewind import config
from tradewind.config import Loaded, Settings, flag, load

PANEL = "Settings"
MANY = frozenset({"services"})
"""Settings of several values: their flag may be given several times."""
NAMES: Mapping[str, tuple[str, ...]] = {
    "manifests": ("-f", "--filename", "--manifests"),
    "services": ("--service", "--services"),
}
"""Flags that kubectl's habits ask for."""


@functools.cache
def documentation() -> Mapping[str, str]:
    """What config.py says below each field; empty where there is no source to read."""
    try:
        body = ast.parse(inspect.getsource(config)).body
    except OSError:
        return {}
    settings = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == Settings.__name__)
    found: dict[str, str] = {}
    for before, node in zip(settings.body, settings.body[1:], strict=False):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name) and isinstance(node, ast.Expr):
            found[before.target.id] = " ".join(str(ast.literal_eval(node.value)).split())
    return found


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose first parameter, the flags that were given by field name, comes from a flag per setting.

    What the command itself calls one of its own, such as `-f`, is no name of a setting's flag.
    """

    @functools.wraps(command)
    def called(**given: Any) -> None:  # typer hands over what each parameter's own type says
        flags = {name: _text(given.pop(name)) for name in settings}
        command({name: text for name, text in flags.items() if text is not None}, **given)

    own = [p for p in inspect.signature(command, eval_str=True).parameters.values()][1:]
    settings = _parameters(frozenset(name for p in own for name in _names(p)))
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + list(settings.values())
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect looks for
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    return called


def loaded(flags: Mapping[str, str]) -> Loaded:
    """The settings in force; what to warn of is said.  Raises InvalidSettings."""
    found = load(flags, os.environ)
    for sentence in found.unknown:
        typer.echo(f"warning: {sentence}", err=True)
    return found


def deployed(flags: Mapping[str, str]) -> Settings:
    """The settings in force, with the names in Kafka of the deployment that a command is about.

    Raises InvalidSettings, ApiFailed, StartFailed.
    """
    settings = loaded(flags).settings
    if not settings.kubernetes:
        return settings
    from tradewind import runtime

    return asyncio.run(runtime.installed(settings))


def _names(parameter: inspect.Parameter) -> Sequence[str]:
    """What a parameter of a command is called on the command line, where it says so."""
    options = [one for one in getattr(parameter.annotation, "__metadata__", ()) if isinstance(one, OptionInfo)]
    return [name for one in options for name in (one.default, *(one.param_decls or ())) if isinstance(name, str)]


@functools.cache
def _parameters(taken: frozenset[str]) -> Mapping[str, inspect.Parameter]:
    return {field.name: _parameter(field.name, field.default, taken) for field in fields(Settings)}


def _parameter(name: str, default: object, taken: frozenset[str]) -> inspect.Parameter:
    shown = default if default != "" else "nothing"
    text = f"{documentation().get(name, '')} [default: {shown}]".replace("[default", "\\[default")
    names = [one for one in NAMES.get(name, (flag(name),)) if one not in taken]
    option = typer.Option(*names, help=text, show_default=False, rich_help_panel=PANEL, metavar=name.upper())
    kind: Any = list[str] if name in MANY else str  # a type made at run time
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _text(given: str | list[str] | None) -> str | None:
    if isinstance(given, list):
        return ",".join(given) if given else None
    return given
