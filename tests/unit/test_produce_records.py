"""Batches, read back by a reader of the tests' own, and the hash that places keys."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.kafka_batches import Record, crc32c, read
from tradewind.adapters.kafka_log.produce.records import OVERHEAD, Identity, batch, body, murmur2, varint

SIZES = st.sampled_from([0, 1, 63, 64, 127, 128, 4095, 4096, 8191, 8192, 16_384, 20_000])
"""Around where a varint of a length, or of what holds it, becomes longer."""
LARGE = SIZES.map(lambda size: b"x" * size)
BYTES = st.binary(max_size=12) | LARGE
HEADERS = st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=8)), max_size=4)
MANY_HEADERS = st.integers(60, 300).map(lambda count: [(f"name-{n}", b"%d" % n) for n in range(count)])
RECORDS = st.builds(Record, st.none() | BYTES, st.none() | BYTES, HEADERS | MANY_HEADERS)
IDENTITIES = st.builds(Identity, st.integers(0, 2**63 - 1), st.integers(0, 2**15 - 1))


def test_the_witness_knows_the_published_check_of_crc_32c() -> None:
    assert crc32c(b"123456789") == 0xE3069283


@given(
    st.lists(RECORDS, min_size=1, max_size=5), IDENTITIES, st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1)
)  # fmt: skip
@example([Record(None, None, [])], Identity(0, 0), 0, 0)
@example([Record(b"", b"", [("", b"")])], Identity(2**63 - 1, 2**15 - 1), 2**31 - 1, 2**63 - 1)
@example([Record(b"k", b"v" * 20_000, [("ce_größe€😀", "ü".encode()), ("same", b"1"), ("same", b"2")])] * 2,
         Identity(7, 1), 12, 1_767_225_600_000)  # fmt: skip
def test_what_is_written_is_read(records: list[Record], identity: Identity, sequence: int, time: int) -> None:
    bodies = [body(*record) for record in records]
    data = batch(bodies, identity, sequence, time)
    assert read(data) == (identity, sequence, (time, time), records)
    assert len(data) > OVERHEAD + sum(map(len, bodies))


@pytest.mark.parametrize("count", [64, 65, 5000, 9000])
def test_records_are_numbered_through(count: int) -> None:
    """In one byte, in two, in three, and beyond the varints that are kept."""
    written = [Record(None, b"%d" % number, []) for number in range(count)]
    assert read(batch([body(*record) for record in written], Identity(1, 0), 0, 0)).records == written


@pytest.mark.parametrize("damage", range(len(batch([body(b"k", b"v", [])], Identity(1, 0), 0, 0))))
def test_no_byte_of_a_batch_may_change(damage: int) -> None:
    """The witness sees every change, so what it takes is as it must be."""
    data = bytearray(batch([body(b"k", b"v", [])], Identity(1, 0), 0, 0))
    data[damage] ^= 1
    with pytest.raises(AssertionError):
        read(bytes(data))


def test_a_batch_is_as_kafkas_documentation_lays_it_out() -> None:
    """The one example by hand."""
    data = batch([body(b"key", None, [("name", b"value")])], Identity(0x0102, 3), 4, 5)
    inner = bytes.fromhex(
        "0000 00000000 0000000000000005 0000000000000005 0000000000000102 0003 00000004 00000001"  # of the batch
        "28 00 00 00 06 6b6579 01 02 08 6e616d65 0a 76616c7565"  # of the record: 20 bytes follow its length
    )
    assert data == bytes.fromhex("0000000000000000 00000046 ffffffff 02") + crc32c(inner).to_bytes(4, "big") + inner


@pytest.mark.parametrize(
    ("number", "coded"),
    [(0, "00"), (1, "02"), (63, "7e"), (64, "8001"), (4095, "fe3f"), (4096, "8040"), (8191, "fe7f"), (8192, "808001"),
     (2**20, "80808001"), (2**31 - 1, "feffffff0f")],
)  # fmt: skip
def test_a_varint_is_zigzagged(number: int, coded: str) -> None:
    assert varint(number) == bytes.fromhex(coded)


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_keys_are_hashed_as_kafkas_own_clients_do(key: bytes, hashed: int) -> None:
    """The vectors of Kafka's UtilsTest.testMurmur2; a partition is chosen by 31 bits of it (Utils.toPositive)."""
    assert murmur2(key) == hashed & 0x7FFFFFFF


@given(st.binary(max_size=20))
def test_every_key_has_a_hash_of_31_bits(key: bytes) -> None:
    assert 0 <= murmur2(key) < 2**31
