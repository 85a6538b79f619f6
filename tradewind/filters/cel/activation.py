"""One event, as every `cel` filter that is asked of it sees it: its data are read once, and not before one is asked."""

from collections.abc import Mapping

from tradewind.events.model import Event
from tradewind.filters.cel import document, library
from tradewind.filters.cel.bounds import Bounds


class Activation:
    """Shared by all CEL filters of an event.  `errors` says what those met that were asked."""

    __slots__ = (
        "_answers",
        "_attributes",
        "_data",
        "_document",
        "_handle",
        "_longest",
        "_max_data_bytes",
        "_why",
        "errors",
    )

    def __init__(self, attributes: Mapping[str, str], data: bytes | None = None, *, max_data_bytes: int = 0) -> None:
        self._attributes = attributes
        self._data = data
        self._max_data_bytes = max_data_bytes
        self._handle: object = None
        self._document: object = None
        self._longest: int | None = None
        self._why = ""
        self._answers: dict[str, bool | str] = {}
        """What each expression, by its text, came to: it is evaluated once."""
        self.errors: dict[str, str] = {}
        """What went wrong, by the expression's text, since this was emptied."""

    def ask(self, text: str, program: library.Program, known: Bounds) -> bool:
        """Whether the event passes; an error is no match, and noted, and so is an event beyond what is known of it."""
        answer = self._answers.get(text)
        if answer is None:
            answer = self._too_large(known.max_bytes) or self._too_long(known.max_listed)
            answer = answer or library.answer(program, self._values())
            if isinstance(answer, str) and library.MISSING in answer:
                answer = self._why
            self._answers[text] = answer
        if isinstance(answer, str):
            self.errors[text] = answer
            return False
        return answer

    def _too_large(self, most: int | None) -> str:
        size = Event(self._attributes, self._data).size if most is not None else 0
        if most is None or size <= most:
            return ""
        return f"the event is {size:,} bytes, more than the {most:,} that this expression may look at"

    def _too_long(self, most: int | None) -> str:
        if most is None:
            return ""
        self._values()  # which reads the data
        if self._longest is None:
            self._longest = max(len(self._attributes), document.longest(self._document))
        if self._longest <= most:
            return ""
        return f"the event holds a list or map of {self._longest:,} elements, more than the {most} for map and filter"

    def _values(self) -> object:
        if self._handle is None:
            values: dict[str, object] = {"event": self._attributes}
            try:
                content_type = self._attributes.get("datacontenttype")
                values["data"] = self._document = document.read(
                    self._data, content_type, max_bytes=self._max_data_bytes
                )
            except document.NoDocument as why:
                self._why = str(why)
            self._handle = library.activation(values)
        return self._handle
