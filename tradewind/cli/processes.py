"""Our own processes as a supervisor's children: the same commands that compose and Kubernetes run."""

import sys
from collections.abc import Mapping

from tradewind.adapters.children import Command
from tradewind.cli.supervisor import Role
from tradewind.config import flag


def process(
    command: str,
    flags: Mapping[str, str],
    kafka: str,
    *,
    environment: Mapping[str, str],
    name: str = "",
    alike: bool = False,
) -> Role:
    """The role of `tradewind <command>` with these flags, called `name`, or as its command; it announces itself."""
    given = [word for field, text in flags.items() for word in (flag(field), text)]
    argv = (sys.executable, "-P", "-m", "tradewind.cli.main", command, *given)
    return Role(
        command=Command(name=name or command, argv=argv, environment=environment, announces=True),
        remedy="What it logged above says why.",
        needs=f"Kafka at {kafka}",
        alike=alike,
    )
