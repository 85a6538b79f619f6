"""What runs by what is declared, under the settings of a process."""

import pytest

from tradewind.config import Settings
from tradewind.resources.model import Broker, DeliverySpec, Destination, Metadata, NamespacedName, Trigger
from tradewind.runtime.declared import planned


@pytest.mark.parametrize("kubernetes", [False, True])
def test_of_waits_that_its_settings_cut_a_process_tells(kubernetes: bool) -> None:
    broker = Broker(Metadata(NamespacedName("shop", "default")))
    delivery = DeliverySpec(backoff_delay=60.0, retry=1)
    trigger = Trigger(Metadata(NamespacedName("shop", "a")), "default", Destination(uri="http://a"), {}, delivery)
    for longest, told in ((60.0, ["waits of up to 120 s between retries"]), (120.0, [])):
        settings = Settings(kubernetes=kubernetes, max_backoff=longest)
        assert [problem.found for problem in planned(settings, [broker, trigger]).problems] == told
