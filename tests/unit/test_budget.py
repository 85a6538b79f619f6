"""The bytes that all Triggers of a process may hold: never more than the budget and one event of each."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from tradewind.trigger_dispatcher.budget import OVERHEAD, SHARED, Account, Budget


@dataclass(eq=False)
class Holder:
    """As a Trigger's Lanes: payloads that run and those that do not."""

    budget: Budget
    loaded: list[int] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    bare: list[int] = field(default_factory=list)
    """Sizes of the payloads that were given up."""

    def __post_init__(self) -> None:
        self.account: Account = self.budget.account(self)

    def loose(self) -> int:
        return sum(self.loaded)

    def give_up(self, wanted: int) -> None:
        while wanted > 0 and self.loaded:
            size = self.loaded.pop()
            wanted -= size
            self.account.drop(size)
            self.bare.append(size)

    def take(self, size: int) -> bool:
        if not self.account.may_take():
            return False
        self.account.add(size)
        self.loaded.append(size)
        self.budget.relieve()
        return True

    def read_again(self) -> None:
        if self.bare and self.account.may_load(self.bare[-1]):
            size = self.bare.pop()
            self.account.load(size)
            self.loaded.append(size)

    def settle(self) -> None:
        for sizes in (self.running, self.loaded):
            if sizes:
                self.account.remove(sizes.pop())
                return
        if self.bare:
            self.bare.pop()
            self.account.remove(0)


def test_a_trigger_may_hold_half_of_the_shared_part_and_a_second_one_finds_room_beside_it() -> None:
    budget = Budget(100_000)
    first, second = Holder(budget), Holder(budget)
    while first.take(1000 - OVERHEAD):
        pass
    assert first.account.bytes == 100_000 * SHARED / 2 + 1000 - OVERHEAD + 12  # its credit, and what was rounded up
    assert second.take(1000 - OVERHEAD)


def test_each_trigger_may_hold_one_event_however_full_it_is() -> None:
    budget = Budget(1000)
    holders = [Holder(budget) for _ in range(5)]
    assert [one.take(5000) for one in holders] == [True] * 5
    assert [one.take(1) for one in holders] == [False] * 5
    holders[0].settle()
    assert holders[0].take(1)


def test_what_each_holds_alone_counts_for_nobody() -> None:
    budget = Budget(100_000)
    stuck = [Holder(budget).account for _ in range(50)]
    for one in stuck:
        one.add(1_000_000)
    assert budget.total == 50 * OVERHEAD
    assert Holder(budget).take(1000)
    stuck[0].add(300)
    assert budget.total == 51 * OVERHEAD + 1000 - 1000 + 300 + OVERHEAD
    stuck[0].drop(1_000_000)
    assert stuck[0].charge == 2 * OVERHEAD
    stuck[0].drop(300)
    stuck[0].load(7)
    assert stuck[0].charge == 2 * OVERHEAD


def test_a_payload_is_read_again_where_it_fits_or_where_the_trigger_holds_no_other() -> None:
    budget = Budget(100_000)
    one, other = Holder(budget).account, Holder(budget).account
    one.add(0)
    one.add(0)
    one.load(6000)
    free = int(100_000 * SHARED) - budget.total
    assert one.may_load((free - one.charge) // 2 - 1)
    assert not one.may_load((free - one.charge) // 2 + 1)
    assert other.may_load(1_000_000)


def test_a_trigger_has_a_part_of_its_own_where_others_have_filled_the_shared_one() -> None:
    budget = Budget(100_000)
    greedy, late = Holder(budget), Holder(budget)
    greedy.account.add(1)
    greedy.account.load(80_000)
    greedy.running = [1, 80_000]
    taken = 0
    while late.account.may_take():
        late.account.add(1000 - OVERHEAD)
        taken += 1
    assert 12 <= taken <= 14  # of an eighth of the budget, and its credit
    assert not greedy.account.may_take()
    greedy.account.load(20_000)
    assert not late.account.may_take()


def test_nobodys_own_part_goes_beyond_the_budget() -> None:
    """What a partition already owes when it is taken over is counted and never refused: here it is all there is."""
    budget = Budget(100_000)
    full, late = Holder(budget), Holder(budget)
    full.account.add(1)
    full.account.load(99_000)
    late.account.add(1)
    late.account.add(200)
    assert (budget.total > 100_000, late.account.may_take(), late.account.may_load(1)) == (True, False, False)


def test_of_what_a_trigger_may_hold_a_share_may_be_asked_for() -> None:
    budget = Budget(100_000)
    one = Holder(budget)
    while one.account.may_take(0.5):
        one.account.add(1000 - OVERHEAD)
    half = budget.total
    while one.account.may_take():
        one.account.add(1000 - OVERHEAD)
    assert (half, budget.total) == (25_512, 37_512)


def test_a_hundred_that_are_stuck_leave_room_for_one_that_is_not() -> None:
    budget = Budget(64 << 20)
    stuck = [Holder(budget) for _ in range(100)]
    well = Holder(budget)
    moved = True
    while moved:
        moved = any([one.take(1024) for one in stuck])
    for _ in range(100):
        assert well.take(1024)


def test_the_largest_give_up_payloads_first_and_what_runs_keeps_its_own() -> None:
    budget = Budget(100_000)
    small, large, busy = Holder(budget), Holder(budget), Holder(budget)
    for holder, size in ((small, 5_000), (large, 30_000), (busy, 60_000)):
        holder.account.load(0)
        holder.account.load(size)
    small.loaded, large.loaded, busy.running = [5_000], [30_000], [60_000]
    assert budget.total == 95_000
    assert budget.relief() == [(large.account, 30_000), (small.account, 5_000)]
    small.loaded = [5_000, 40_000]
    small.account.load(40_000)
    assert budget.relief() == [(small.account, 45_000), (large.account, 30_000)]
    budget.relieve()
    assert (small.bare, large.bare) == ([40_000, 5_000], [30_000])


def test_where_little_can_be_given_up_it_is_not_asked_for_at_each_event() -> None:
    budget = Budget(100_000)
    asked = 0

    class Counting(Holder):
        def loose(self) -> int:
            nonlocal asked
            asked += 1
            return super().loose()

    one = Counting(budget).account
    one.load(0)
    one.load(71_000)
    budget.relieve()
    budget.relieve()
    assert asked == 1
    one.load(2_100)
    budget.relieve()
    assert asked == 2
    one.drop(3_100)
    budget.relieve()
    one.load(2_500)
    budget.relieve()
    assert asked == 3


def test_relief_ends_with_what_is_wanted() -> None:
    budget = Budget(100_000)
    holders = [Holder(budget) for _ in range(3)]
    for holder, size in zip(holders, (40_000, 20_000, 15_000), strict=True):
        holder.account.load(0)
        holder.account.load(size)
        holder.loaded = [size]
    assert budget.relief() == [(holders[0].account, 25_000)]


def test_a_trigger_that_is_gone_is_asked_for_nothing_and_counts_until_it_ends() -> None:
    budget = Budget(1000)
    one = Holder(budget)
    one.account.add(2000)
    one.running.append(2000)
    budget.close(one.account)
    assert budget.relief() == []
    one.settle()
    assert budget.total == 0


@given(
    st.integers(1, 40_000),
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(["take", "take", "run", "settle", "read"]), st.integers(1, 9000)),
        max_size=200,
    ),
)
def test_the_sum_never_exceeds_the_budget_and_one_event_of_each(most: int, moves: list[tuple[int, str, int]]) -> None:
    budget = Budget(most)
    holders = [Holder(budget) for _ in range(5)]
    largest = [0] * 5
    for number, move, size in moves:
        holder = holders[number]
        match move:
            case "take":
                if holder.take(size):
                    largest[number] = max(largest[number], size + OVERHEAD)
            case "run" if holder.loaded:
                holder.running.append(holder.loaded.pop(0))
            case "settle":
                holder.settle()
            case "read":
                holder.read_again()
        held = sum(one.account.bytes for one in holders)
        assert held == sum(OVERHEAD * (len(one.loaded) + len(one.running) + len(one.bare)) for one in holders) + sum(
            sum(one.loaded) + sum(one.running) for one in holders
        )
        assert held <= most + sum(largest) + max(largest)
        assert budget.total == sum(one.account.charge for one in holders)
        assert all(0 <= one.account.charge <= one.account.bytes for one in holders)
