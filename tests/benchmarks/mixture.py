"""Every kind of request there is, none of them twice."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import count
from urllib.parse import urlencode

from tests.benchmarks.client import Connection, get, post

CLIENTS = 16
WORDS = ("the", "powerful", "models", "naïve", "東京", "привет", "السلام", "🙂", "tokenization", "www.WWW", "!")
LONG_EVERY = 100
"""One sentence in so many has hundreds of tokens at most."""

SEEDS = count(1)

Fields = dict[str, object]
Ask = Callable[[Connection, Fields], Awaitable[None]]


def posting(path: str, status: int = 200, **more: object) -> Ask:
    """A POST that is answered `status`."""

    async def ask(connection: Connection, fields: Fields) -> None:
        answered, body = await connection.ask(post(path, fields | more))
        assert answered == status, body

    return ask


def getting(path: str, method: str = "GET") -> Ask:
    """A GET or HEAD that is answered."""

    async def ask(connection: Connection, fields: Fields) -> None:
        answered, body = await connection.ask(get(f"{path}?{urlencode(fields)}", method), reads_body=method == "GET")
        assert answered == 200, body

    return ask


def aborting(path: str) -> Ask:
    """A POST whose client does not wait for the answer."""
    return lambda connection, fields: connection.abort(post(path, fields))


def with_new_seed(ask: Ask) -> Ask:
    """The same with a seed that was not asked for before."""
    return lambda connection, fields: ask(connection, fields | {"seed": next(SEEDS)})


KINDS: tuple[Ask, ...] = (
    *[posting("/tokenize")] * 5,
    *[posting("/attention")] * 2,
    posting("/attention", num_heads=4, include=["query", "key", "value", "scores", "attentions", "output"]),
    posting("/attention", level="word", include=["attentions", "statistics", "rollout"], decimals=3),
    *[with_new_seed(posting("/attention", d_model=64))] * 2,
    posting("/attention", format="safetensors"),
    posting("/attention", format="npy", mask="causal"),
    getting("/attention"),
    getting("/tokenize", "HEAD"),
    getting("/attention", "HEAD"),
    posting("/heatmap", width=300, height=200),
    posting("/heatmap", format="svg"),
    posting("/attention", 422, d_k=0),
    posting("/attention", 422, nonsense=True),
    posting("/nowhere", 404),
    aborting("/attention"),
    aborting("/heatmap"),
)


async def ask(url: str, numbers: Iterable[int]) -> None:
    """Ask one request for each of `numbers`, from many clients at once; each is answered as it must be."""
    left = iter(numbers)
    await asyncio.gather(*(_client(url, left) for _ in range(CLIENTS)))


async def _client(url: str, left: Iterator[int]) -> None:
    connection = Connection(url)
    for number in left:
        await KINDS[number % len(KINDS)](connection, {"sentence": _sentence(number)})
    connection.close()


def _sentence(number: int) -> str:
    drawn = random.Random(number)
    words = drawn.randint(50, 100) if number % LONG_EVERY == 0 else drawn.randint(1, 30)
    return f"{' '.join(drawn.choices(WORDS, k=words))} {number}"
