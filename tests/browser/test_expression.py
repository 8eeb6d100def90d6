"""The language of the exercises: what a formula comes to is what numpy says."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.browser.explorer import Explorer

pytestmark = pytest.mark.browser

RANDOM = np.random.default_rng(0)
MATRICES = {"Q": RANDOM.random((5, 3)), "K": RANDOM.random((5, 3)), "V": RANDOM.random((5, 2))}
EVALUATE = """(() => {
    const table = ([rows, columns, numbers]) => ({rows, columns, numbers: Float64Array.from(numbers)});
    const names = {...Object.fromEntries(Object.entries(a.matrices).map(([name, of]) => [name, table(of)])), dk: 3};
    try {
        const value = m.evaluate(a.text, names);
        return typeof value === 'number' ? value : [value.rows, value.columns, [...value.numbers]];
    } catch (error) {
        if (error instanceof m.FormulaError) return error.message;
        throw error;
    }
})()"""


async def evaluate(explorer: Explorer, text: str) -> object:
    matrices = {name: [*matrix.shape, matrix.ravel().tolist()] for name, matrix in MATRICES.items()}
    value = await explorer.module("expression", EVALUATE, {"text": text, "matrices": matrices})
    return np.reshape(value[2], value[:2]) if isinstance(value, list) else value


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(
    "text",
    [
        "Q @ K.T / sqrt(dk)",
        "softmax(Q @ K.T / sqrt(dk)) @ V",
        "-Q + 2 * K - Q / 4",
        "(Q - K).T",
        "Q.T @ K.T.T",
        "exp(-Q) * K",
        "2 - 3 - 4",
        "2 / 4 / 8",
        "1 + 2 * 3",
        "-2 * -3",
        "1.5e1 - .5",
        "sqrt(2) * sqrt(2)",
    ],
)
async def test_a_formula_comes_to_what_numpy_says(explorer: Explorer, text: str) -> None:
    await explorer.show()
    wanted = eval(text, {**MATRICES, "dk": 3, "sqrt": np.sqrt, "exp": np.exp, "softmax": softmax})  # noqa: S307  # ours
    np.testing.assert_allclose(np.asarray(await evaluate(explorer, text), float), wanted, rtol=1e-12)


@pytest.mark.parametrize("text", ["(" * 600, "(" * 60, "-" * 80 + "1", "1" * 501])
async def test_what_is_nested_too_deeply_or_too_long_is_refused(explorer: Explorer, text: str) -> None:
    await explorer.show()
    message = await evaluate(explorer, text)
    assert isinstance(message, str)
    assert "deeply" in message or "at most" in message


@pytest.mark.parametrize(
    "text", ["constructor", "__proto__", "toString", "window", "alert(1)", "Q.constructor", "Q['x']", "Q; K", "`x`"]
)
async def test_nothing_of_javascript_is_within_reach(explorer: Explorer, text: str) -> None:
    await explorer.show()
    assert isinstance(await evaluate(explorer, text), str), "a message, no value"


async def test_no_text_is_more_than_a_value_or_a_message(explorer: Explorer) -> None:
    await explorer.show()
    texts: list[str] = []

    @settings(max_examples=300, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.text("QKVdk@.T/*+-() sqrtsoftmax12e", max_size=30))
    def gather(text: str) -> None:
        texts.append(text)

    gather()
    for text in texts:
        value = await evaluate(explorer, text)
        assert isinstance(value, str | float | int | np.ndarray) or value is None, text  # NaN and Infinity come as None
