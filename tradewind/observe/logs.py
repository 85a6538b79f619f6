"""Logs: an event in a few words, then fields.  `log.info("delivery refused", trigger=…, status=…)`.

On a terminal a line reads `12:00:01 dispatcher  delivery refused  trigger=default/a status=404`; elsewhere each line
is one JSON object.
"""

import json
import logging
import sys
from typing import Any


class Log:
    """A named logger whose messages carry fields."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(f"tradewind.{name}")

    def debug(self, message: str, **fields: Any) -> None:  # fields are whatever str() makes readable
        """What only someone who debugs Tradewind wants to know."""
        self._logger.debug(message, extra={"fields": fields})

    def info(self, message: str, **fields: Any) -> None:
        """What happened."""
        self._logger.info(message, extra={"fields": fields})

    def warning(self, message: str, **fields: Any) -> None:
        """What somebody should look at."""
        self._logger.warning(message, extra={"fields": fields})

    def error(self, message: str, **fields: Any) -> None:
        """What somebody must look at."""
        self._logger.error(message, extra={"fields": fields})

    def exception(self, message: str, **fields: Any) -> None:
        """A fault of ours, with its traceback; only at the top of a task."""
        self._logger.exception(message, extra={"fields": fields})


class _Lines(logging.Formatter):
    def __init__(self, role: str, *, as_json: bool) -> None:
        super().__init__(datefmt="%H:%M:%S")
        self._role = role
        self._json = as_json

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = getattr(record, "fields", {})  # as Log's methods took them
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if self._json:
            head = {"time": record.created, "level": record.levelname.lower(), "role": self._role}
            tail = {"exception": trace} if trace else {}
            told = {name: _readable(value) for name, value in fields.items()}
            return json.dumps({**head, "message": record.getMessage(), **told, **tail}, default=str)
        mark = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        words = [f"{self.formatTime(record, self.datefmt)} {self._role:<10} {mark}{record.getMessage()}"]
        words += [f"{name}={value}" for name, value in fields.items()]
        return "  ".join(words[:1]) + ("  " + " ".join(words[1:]) if fields else "") + (f"\n{trace}" if trace else "")


def _readable(value: object) -> object:
    """A name made of several (`default/a`) as one word, as on a terminal: JSON would make a list of it."""
    return str(value) if isinstance(value, tuple) and hasattr(value, "_fields") else value


def configure(role: str, *, level: str = "info", as_json: bool | None = None) -> None:
    """Send every log line of this process to standard error under the name of its role."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(role, as_json=not sys.stderr.isatty() if as_json is None else as_json))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.getLogger("tradewind").setLevel(level.upper())
    for noisy in ("uvicorn.access", "asyncio", "watchfiles"):
        logging.getLogger(noisy).setLevel("WARNING")
