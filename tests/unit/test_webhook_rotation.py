"""Which certificate comes next, by the time."""

from dataclasses import replace

import pytest

from tradewind.control.webhook.rotation import (
    LIFE,
    OVERLAP,
    RENEW,
    SKEW,
    Begin,
    Kept,
    Pair,
    Prepare,
    Rest,
    Step,
    Write,
    begun,
    decide,
    prepared,
)

NAMES = frozenset({"a"})
NOW = 1_000_000_000.0


def pair(made: float = NOW, *, name: str = "1", names: frozenset[str] = NAMES) -> Pair:
    return Pair(f"ca{name};", f"cert{name}", "key", names, made - SKEW, made + LIFE)


def step(kept: Kept, now: float = NOW, *, published: bool = True, names: frozenset[str] = NAMES) -> Step:
    return decide(kept, now=now, names=names, published=published)


def test_nothing_that_can_be_used_is_made_at_once() -> None:
    assert step(Kept()) == Begin()
    assert step(Kept(previous="ca0;"), published=False) == Begin()
    assert step(Kept(pair()), NOW + LIFE) == Begin()
    assert step(Kept(pair()), NOW - SKEW - 1) == Begin()


def test_a_clock_that_is_a_little_late_takes_a_new_pair() -> None:
    assert pair().valid(NOW - SKEW) and pair().valid(NOW + LIFE - 1)
    assert not pair().valid(NOW + LIFE) and not pair().valid(NOW - SKEW - 1)
    assert step(Kept(pair()), NOW - SKEW) == Rest()


def test_a_pair_rests_until_its_end_comes_near() -> None:
    assert step(Kept(pair()), NOW + LIFE - RENEW) == Rest()
    assert step(Kept(pair()), NOW + LIFE - RENEW + 1) == Prepare()


def test_a_name_that_it_is_not_for_asks_for_another() -> None:
    assert step(Kept(pair()), names=frozenset({"a", "b"})) == Prepare()
    assert step(Kept(pair(names=frozenset({"a", "b"})))) == Rest()


def test_the_next_pair_waits_until_it_is_published_and_everybody_may_know() -> None:
    waiting = Kept(pair(), pair(name="2"), since=NOW)
    assert step(waiting, NOW + OVERLAP - 1) == Rest()
    assert step(waiting, NOW + OVERLAP, published=False) == Rest()
    assert step(waiting, NOW + OVERLAP) == Write(Kept(pair(name="2"), previous="ca1;", since=NOW + OVERLAP))


def test_a_clock_that_was_set_back_does_not_hold_it_up() -> None:
    waiting = Kept(pair(), pair(name="2"), since=NOW + 10 * OVERLAP)
    assert isinstance(step(waiting, NOW), Write)


def test_the_next_pair_is_taken_at_once_where_the_current_one_cannot_be_used() -> None:
    late = NOW + LIFE
    coming = pair(late, name="2")
    assert step(Kept(pair(), coming, since=late), late, published=False) == Write(
        Kept(coming, previous="ca1;", since=late)
    )
    assert step(Kept(None, coming, since=late), late) == Write(Kept(coming, since=late))
    assert step(Kept(None, pair(), since=late), late) == Begin()


def test_a_next_pair_that_cannot_be_used_is_made_anew() -> None:
    assert step(Kept(pair(), pair(NOW + 2 * SKEW))) == Prepare()


def test_the_old_authority_is_dropped_when_everybody_serves_the_new_pair() -> None:
    changed = Kept(pair(), previous="ca0;", since=NOW)
    assert step(changed, NOW + OVERLAP - 1) == Rest()
    assert step(changed, NOW + OVERLAP) == Write(Kept(pair(), since=NOW + OVERLAP))


def test_what_is_served_stays_trusted_when_a_pair_is_begun() -> None:
    new, served = pair(name="2"), pair(name="1")
    assert begun(Kept(), new, now=NOW, served=served) == Kept(new, previous="ca1;", since=NOW)
    assert begun(Kept(pair(name="0")), new, now=NOW, served=None) == Kept(new, previous="ca0;", since=NOW)
    assert begun(Kept(), new, now=NOW, served=None) == Kept(new, since=NOW)


def test_the_bundle_holds_every_authority_that_may_be_met() -> None:
    assert Kept().bundle == ""
    assert Kept(pair(), pair(name="2")).bundle == "ca1;ca2;"
    assert Kept(pair(name="2"), previous="ca1;").bundle == "ca2;ca1;"


def test_a_rotation_comes_to_its_end_and_nobody_ever_serves_what_is_not_trusted() -> None:
    kept, now, served, trusted, made = Kept(pair()), NOW, "ca1;", "ca1;", 1
    seen = []
    while now < NOW + 5 * LIFE:
        published = trusted == kept.bundle
        match step(kept, now, published=published):
            case Prepare():
                made += 1
                kept = prepared(kept, pair(now, name=str(made)), now=now)
                seen.append("prepared")
            case Write(changed):
                kept = changed
                seen.append("dropped" if not changed.previous else "changed")
            case Begin():
                pytest.fail("it ran out")
            case Rest():
                assert kept.current is not None and kept.current.valid(now)
                if served == kept.current.authority and trusted == kept.bundle:
                    now += OVERLAP / 3 if kept.next or kept.previous else 86400.0
                trusted = kept.bundle  # first it is published …
                assert served in trusted
                served = kept.current.authority  # … then it is served
                assert served in trusted
    assert seen[:3] == ["prepared", "changed", "dropped"]
    assert made > 5 and len(seen) >= 3 * (made - 1) - 2


def test_a_key_is_not_shown() -> None:
    assert "secret" not in repr(replace(pair(), key="secret"))
