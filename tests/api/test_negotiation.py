"""Accept-Encoding, read as RFC 9110 has it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.negotiation import choose_coding

Qualities = dict[str, float]

NAMES = st.sampled_from(["zstd", "br", "gzip", "identity", "*", "deflate"])
MEMBERS = st.dictionaries(NAMES, st.sampled_from([0, 0.001, 0.2, 0.5, 0.999, 1]), max_size=6)
SPACES = st.sampled_from(["", " ", "\t"])
WRITINGS = st.sampled_from([str.lower, str.upper, str.title])


def read_by_hand(qualities: Qualities) -> str:
    """Section 12.5.3: a coding has its own quality, else that of `*`; identity, unless refused, is always left."""
    best, best_quality = "identity", 0.0
    for coding in ("zstd", "br", "gzip"):
        quality = qualities.get(coding, qualities.get("*", 0))
        if quality > best_quality:
            best, best_quality = coding, quality
    identity = qualities.get("identity", qualities.get("*", 0))
    return best if best_quality and best_quality >= identity else "identity"


@given(MEMBERS, SPACES, WRITINGS, st.booleans())
def test_the_coding_is_the_one_that_the_rfc_prefers(
    qualities: Qualities, space: str, written: Callable[[str], str], ones_are_told: bool
) -> None:
    header = f"{space},{space}".join(
        name if quality == 1 and not ones_are_told else f"{name}{space};{space}q={quality}"
        for name, quality in qualities.items()
    )
    assert choose_coding(written(header)) == read_by_hand(qualities)


@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("gzip;q=0.5, *;q=0.1", "gzip"),
        ("*;q=0.5, zstd;q=0", "br"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0, gzip;q=0.001", "gzip"),
        ("identity;q=0", "identity"),
        ("*;q=0", "identity"),
        ("compress, x", "identity"),
        (",, gzip", "gzip"),
        ("gzip;;, a/b, ;q=1", "gzip"),
    ],
)
def test_a_header_chooses(accept_encoding: str | None, coding: str) -> None:
    assert choose_coding(accept_encoding) == coding
