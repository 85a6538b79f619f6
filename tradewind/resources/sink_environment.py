"""What a program that sends events is told by its environment, in Knative's words.

    K_SINK            URL to which it POSTs its events
    K_CE_OVERRIDES    {"extensions": {…}}: attributes that it sets on each; empty where there are none

On Kubernetes containers get them by a SinkBinding or a ContainerSource; elsewhere a ContainerSource's process does.
"""

import json
from collections.abc import Mapping

K_SINK = "K_SINK"
K_CE_OVERRIDES = "K_CE_OVERRIDES"
NAMES = (K_SINK, K_CE_OVERRIDES)


def environment(sink: str, ce_overrides: Mapping[str, str]) -> dict[str, str]:
    """The variables for this sink and these extensions; the same text for the same extensions, in whatever order."""
    extensions = {"extensions": dict(ce_overrides)}
    written = json.dumps(extensions, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return {K_SINK: sink, K_CE_OVERRIDES: written if ce_overrides else ""}
