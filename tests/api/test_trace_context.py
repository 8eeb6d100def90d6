"""W3C Trace Context: a valid `traceparent` is answered as part of its trace, an invalid one as if it had not come."""

import httpx
import pytest

TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("path", ["/tokenize?sentence=hi", "/livez", "/nowhere"])
@pytest.mark.parametrize("flags", ["00", "01", "03"])
async def test_the_answer_belongs_to_the_trace_as_a_span_of_its_own(
    client: httpx.AsyncClient, path: str, flags: str
) -> None:
    answer = await client.get(path, headers={"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-{flags}"})
    version, trace_id, span_id, answered_flags = answer.headers["traceparent"].split("-")
    assert (version, trace_id, answered_flags) == ("00", TRACE_ID, flags)
    assert len(span_id) == 16
    assert span_id != PARENT_ID


async def test_a_later_version_may_say_more(client: httpx.AsyncClient) -> None:
    answer = await client.get("/livez", headers={"traceparent": f"cc-{TRACE_ID}-{PARENT_ID}-01-more"})
    assert answer.headers["traceparent"].startswith(f"00-{TRACE_ID}-")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "00",
        f"ff-{TRACE_ID}-{PARENT_ID}-01",
        f"00-{'0' * 32}-{PARENT_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID.upper()}-{PARENT_ID}-01",
        f"00-{TRACE_ID}-{PARENT_ID}-1",
        f"00-{TRACE_ID}-{PARENT_ID}-01-more",
        f"cc-{TRACE_ID}-{PARENT_ID}-01more",
        f"00-{TRACE_ID}-{PARENT_ID}-01, 00-{TRACE_ID}-{PARENT_ID}-01",
    ],
)
async def test_an_invalid_one_is_ignored(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/livez", headers={"traceparent": given})
    assert answer.is_success
    assert "traceparent" not in answer.headers


async def test_who_sends_none_gets_none(client: httpx.AsyncClient) -> None:
    assert "traceparent" not in (await client.get("/livez")).headers
