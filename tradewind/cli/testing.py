"""`tradewind test`: events that are given, and the Triggers that are expected to get them; for people's CI."""

import json
from collections.abc import Sequence
from pathlib import Path

import typer

from tradewind.cli.cases import Case, Wrong, read, wrong
from tradewind.cli.failures import UNMET
from tradewind.cli.output import Output, colours
from tradewind.cli.trees import lines
from tradewind.cli.triggers import plan_of
from tradewind.config import Settings
from tradewind.errors import Fault, InvalidManifest
from tradewind.filters.explain import as_data as tree_as_data
from tradewind.plan import Plan


def run(settings: Settings, files: Sequence[str], output: Output) -> None:
    """Run every case; exit code 4 where one failed.  Raises InvalidManifest."""
    plan = plan_of(settings)
    results = [(case, wrong(case, plan, max_data_bytes=settings.max_data_bytes)) for case in _cases(files, plan)]
    failed = sum(bool(found) for _, found in results)
    if output is Output.JSON:
        typer.echo(json.dumps([as_data(case, found) for case, found in results], indent=2, ensure_ascii=False))
    else:
        for case, found in results:
            typer.echo(as_text(case, found, colour=colours()))
        typer.echo(f"{len(results) - failed} of {len(results)} cases as expected")
    if failed:
        raise typer.Exit(UNMET)


def _cases(files: Sequence[str], plan: Plan) -> list[Case]:
    faults, cases = list[Fault](), list[Case]()
    for name in files:
        try:
            cases += read(Path(name).name, Path(name).read_text("utf-8-sig"), plan)
        except OSError as error:
            faults.append(Fault(name, error.strerror or str(error), "a file of cases that can be read"))
        except UnicodeDecodeError as error:
            faults.append(Fault(name, f"bytes at {error.start} that are not UTF-8", "UTF-8"))
        except InvalidManifest as invalid:
            faults += invalid.faults
    if faults:
        raise InvalidManifest(faults)
    return cases


def as_text(case: Case, found: Sequence[Wrong], *, colour: bool) -> str:
    """A case for people: of one that failed, each Trigger that did other than expected, and why it did."""
    if not found:
        return f"ok    {case.name}"
    shown = [f"FAIL  {case.name}" + (f" ({case.place})" if case.name != case.place else "")]
    for one in found:
        said = "gets it, and was not expected to" if one.matched else "does not get it, and was expected to"
        shown += [f"      Trigger {one.trigger} {said}", *lines(one.why, colour=colour, indent="        ")]
    return "\n".join(shown)


def as_data(case: Case, found: Sequence[Wrong]) -> dict[str, object]:
    """A case for programs."""
    return {
        "name": case.name,
        "place": case.place,
        "ok": not found,
        "expected": sorted(map(str, case.expected)),
        "wrong": [
            {"trigger": str(one.trigger), "matches": one.matched, "filter": tree_as_data(one.why)} for one in found
        ],
    }
