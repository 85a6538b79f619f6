"""The Event itself."""

from tests.builders import event


def test_its_required_attributes_are_at_hand() -> None:
    assert (event().id, event().source, event().type) == ("1", "/tests", "tests.happened")


def test_its_size_counts_attributes_and_data() -> None:
    assert event(e="xy", data=b"12345").size == event().size + 3 + 5


def test_it_is_copied_never_changed() -> None:
    original = event(a="1", b="2", data=b"x")
    assert original.with_attributes(a=None, b="3", c="4", d=None) == event(b="3", c="4", data=b"x")
    assert original == event(a="1", b="2", data=b"x")


def test_an_attribute_may_be_called_self() -> None:
    """A legal name, which a subscriber's `kne-self` may ask for: it must not end in a TypeError for ever."""
    assert event(id="1").with_attributes(**{"self": "x"}).attributes["self"] == "x"
