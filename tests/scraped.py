"""A process's metrics as Prometheus' own parser reads them."""

from prometheus_client.parser import text_string_to_metric_families

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scraped:
    """One scrape.  `value("…_total", trigger_name="a")` sums up what has these labels, whatever others it has."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        self.names = {sample.name for family in families for sample in family.samples}
        self._samples = [sample for family in families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float | None:
        """The sum of what has these labels; None where nothing has."""
        found = [one.value for one in self._samples if one.name == name and labels.items() <= one.labels.items()]
        return sum(found) if found else None

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """Each value of a label, of what has these others."""
        given = [one for one in self._samples if one.name == name and labels.items() <= one.labels.items()]
        return {one.labels[label]: one.value for one in given}
