"""Long texts' attention, some queries at a time, against the whole of it in float64."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Bool, Float64
from torch import Tensor

from service.engine import analyses
from service.engine.crew import Crew
from service.engine.heads import CausalMask, Head, Masked
from service.engine.keeping import strongest
from service.engine.streaming import Steps, stream_head, stream_reduced
from service.engine.view import Pooling, Sight, View, resolve
from tests.benchmarks import resident

CPU = torch.device("cpu")
CREW = Crew(2)
EPSILON = 2.0**-23
LEAST = 1e-30


@dataclass(frozen=True)
class TableMask:
    """Any mask at all."""

    table: Bool[Tensor, "n m"]

    def reach(self, _queries: slice) -> int:
        return self.table.shape[1]

    def of(self, queries: slice) -> Masked:
        return Masked(0, self.table[queries])


def finished(steps: Steps) -> dict[str, Tensor]:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return dict(end.value)


def tensors(head: Head, sight: Sight, *names: str, special: Sequence[int] | None = None) -> dict[str, Tensor]:
    view = resolve(sight, head.n, head.m)
    return finished(stream_head(head, view, names, special or [0] * head.m, CREW))


def scores64(head: Head) -> Float64[Tensor, "n m"]:
    """The whole, in float64 from the same float32 queries and keys."""
    scores = head.query.double() @ head.key.double().T * head.scaling
    masked = None if head.mask is None else head.mask.of(slice(0, head.n))
    if masked is not None:
        scores[:, masked.first :][masked.cells] = -torch.inf
    return scores


def attentions64(head: Head) -> Float64[Tensor, "n m"]:
    return torch.softmax(scores64(head), dim=-1).nan_to_num(nan=0.0)


def tolerance(head: Head) -> float:
    return 4 * EPSILON * (1 + largest_score(head))


def largest_score(head: Head) -> float:
    return scores64(head).nan_to_num(neginf=0.0).abs().max().item()


def assert_close(found: Tensor, expected: Tensor, relative: float) -> None:
    """Equal in where there is nothing, and in numbers that are not too small."""
    assert found.shape == expected.shape
    assert torch.equal(found.isnan(), expected.isnan())
    counts = expected.abs() > LEAST
    assert torch.allclose(found[counts].double(), expected[counts].double(), rtol=relative, atol=0)


def pooled64(matrix: Float64[Tensor, "n m"], masked: Tensor, view: View) -> Float64[Tensor, "rows columns"]:
    """Bin by bin, as it is said: NaN where all is masked, which is else left out."""
    cells = matrix.where(~masked, torch.nan)[view.queries, view.keys]
    rows = [cells[start : start + view.bin[0]] for start in range(0, view.num_queries, view.bin[0])]
    bins = [[row[:, start : start + view.bin[1]] for start in range(0, view.num_keys, view.bin[1])] for row in rows]

    def fold(cells: Tensor) -> float:
        seen = cells[~cells.isnan()]
        if not seen.numel():
            return math.nan
        return (seen.max() if view.pooling == "max" else seen.mean()).item()

    return torch.tensor([[fold(cells) for cells in row] for row in bins], dtype=torch.float64)


@st.composite
def heads(draw: st.DrawFn, most: int = 90) -> Head:
    """Heads of few tokens with all kinds of masks and of scores."""
    n, m = draw(st.integers(1, most)), draw(st.integers(1, most))
    d_k = draw(st.sampled_from([1, 4, 16, 64]))
    kind = draw(st.sampled_from(["ordinary", "extreme", "equal", "dominant", "tiny"]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    query, key = torch.randn(n, d_k, generator=generator), torch.randn(m, d_k, generator=generator)
    reach = {"ordinary": 1.0, "extreme": 100.0, "equal": 1.0, "dominant": 1.0, "tiny": 1e-3}[kind]
    query, key = query * reach, key * reach
    if kind == "equal":
        key[:] = key[0].clone()
    if kind == "dominant":
        key[0] = 40 * query[0]
    mask = draw(st.sampled_from(["none", "causal", "random", "nothing for some"]))
    table = torch.rand(n, m, generator=generator) < 0.5
    if mask == "nothing for some":
        table[n // 2] = True
    elif mask == "random":
        table[:, 0] = False
    if mask == "causal":
        key = torch.randn(n, d_k, generator=generator) * reach
    value = torch.randn(len(key), 3, generator=generator)
    masks = {"none": None, "causal": CausalMask(CPU)}
    return Head(query, key, value, 1 / math.sqrt(d_k), masks.get(mask, TableMask(table)))


@st.composite
def sights(draw: st.DrawFn, head: Head, *, pooled: bool = False) -> Sight:
    """Windows with any edges, and bins of any size."""

    def window(length: int) -> tuple[int, int] | None:
        start = draw(st.integers(0, length - 1))
        return draw(st.sampled_from([None, (start, draw(st.integers(start + 1, length)))]))

    bins = (draw(st.integers(1, 40)), draw(st.integers(1, 40))) if pooled else None
    pooling: Pooling = draw(st.sampled_from(["max", "mean"]))
    return Sight(window(head.n), window(head.m), bins, pooling)


def is_masked(head: Head) -> Bool[Tensor, "n m"]:
    return scores64(head).isneginf()


@given(st.data())
def test_a_window_of_attentions_has_the_normaliser_of_whole_rows(data: st.DataObject) -> None:
    head = data.draw(heads())
    sight = data.draw(sights(head))
    expected = attentions64(head)[resolve(sight, head.n, head.m).window]
    assert_close(tensors(head, sight, "attentions")["attentions"], expected, tolerance(head))


@given(st.data())
def test_a_window_of_scores_is_that_of_the_whole(data: st.DataObject) -> None:
    head = data.draw(heads())
    sight = data.draw(sights(head))
    found = tensors(head, sight, "scores")["scores"]
    expected = scores64(head)[resolve(sight, head.n, head.m).window]
    assert torch.equal(found.isneginf(), expected.isneginf())
    seen = ~expected.isneginf()
    assert torch.allclose(found[seen].double(), expected[seen], rtol=0, atol=tolerance(head))


@given(st.data())
def test_bins_are_the_maximum_or_mean_of_the_whole_matrix_where_it_is_not_masked(data: st.DataObject) -> None:
    head = data.draw(heads(60))
    sight = data.draw(sights(head, pooled=True))
    view = resolve(sight, head.n, head.m)._replace(marks_masked=True)
    found = finished(stream_head(head, view, {"attentions"}, [0] * head.m, CREW))["attentions"]
    assert_close(found, pooled64(attentions64(head), is_masked(head), view), tolerance(head))


@given(st.data())
def test_bins_of_scores_leave_masked_cells_out(data: st.DataObject) -> None:
    head = data.draw(heads(60))
    sight = data.draw(sights(head, pooled=True))
    view = resolve(sight, head.n, head.m)._replace(marks_masked=True)
    found = finished(stream_head(head, view, {"scores"}, [0] * head.m, CREW))["scores"].double()
    expected = pooled64(scores64(head), is_masked(head), view)
    assert torch.equal(found.isnan(), expected.isnan())
    assert torch.allclose(found, expected, rtol=0, atol=tolerance(head), equal_nan=True)


@given(st.data())
def test_the_strongest_keys_are_those_of_the_whole_row(data: st.DataObject) -> None:
    head = data.draw(heads())
    sight = data.draw(sights(head))._replace(top_k=data.draw(st.integers(1, 12)))
    view = resolve(sight, head.n, head.m)
    found = tensors(head, sight, "attentions")
    whole = attentions64(head)[view.window]
    expected = whole.sort(dim=-1, descending=True).values[:, : view.top_k]
    assert_close(found["attentions"], expected, tolerance(head))
    assert_close(whole.gather(1, found["indices"] - view.keys.start), expected, tolerance(head))


@given(st.data())
def test_the_strongest_keys_are_told_once_each_and_of_equal_ones_the_first(data: st.DataObject) -> None:
    n, m = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 40))
    numbers = st.sampled_from([0.0, 1e-30, 0.1, 0.25, 1.0])
    attentions = torch.tensor(data.draw(st.lists(st.lists(numbers, min_size=m, max_size=m), min_size=n, max_size=n)))
    k = data.draw(st.integers(1, m))
    assert torch.equal(strongest(attentions, k), attentions.sort(descending=True, stable=True).indices[:, :k])


@given(st.data())
def test_output_mixes_the_values_of_all_keys(data: st.DataObject) -> None:
    head = data.draw(heads())
    sight = data.draw(sights(head))
    queries = resolve(sight, head.n, head.m).queries
    expected = (attentions64(head) @ head.value.double())[queries]
    largest = head.value.abs().max().item()
    assert torch.allclose(
        tensors(head, sight, "output")["output"].double(), expected, rtol=0, atol=2 * tolerance(head) * largest
    )


@given(st.data())
def test_statistics_of_rows_are_those_of_the_whole(data: st.DataObject) -> None:
    head = data.draw(heads(60).filter(lambda head: head.n == head.m))
    special = data.draw(st.lists(st.integers(0, 1), min_size=head.m, max_size=head.m))
    names = ("statistics", "row_entropy", "row_maximum", "mass_by_distance")
    found = tensors(head, Sight(), *names, special=special)
    whole = attentions64(head)
    rows = analyses.row_statistics(whole, 0, analyses.mask_of(special, CPU))
    assert_close(found["statistics"], analyses.of_rows("statistics", whole, 0, special), tolerance(head))
    assert_close(found["row_entropy"], rows["entropy"], tolerance(head))
    assert_close(found["row_maximum"], rows["maximum"], tolerance(head))
    assert_close(found["mass_by_distance"], analyses.mass_by_distance(whole, 0, head.m), tolerance(head))


@given(st.data())
def test_heads_that_are_reduced_are_so_cell_by_cell_before_they_are_pooled(data: st.DataObject) -> None:
    first = data.draw(heads(40))
    second = Head(first.query.flip(0), first.key.flip(0), first.value, first.scaling, first.mask)
    view = resolve(data.draw(sights(first, pooled=True)), first.n, first.m)._replace(marks_masked=True)
    for reduction in ("mean", "max"):
        steps = stream_reduced([first, second], view, "attentions", reduction, CREW)
        both = torch.stack([attentions64(first), attentions64(second)])
        whole = both.mean(0) if reduction == "mean" else both.amax(0)
        expected = pooled64(whole, is_masked(first), view)
        assert_close(finished(steps)["attentions"], expected, max(tolerance(first), tolerance(second)))


@pytest.mark.slow
@pytest.mark.parametrize("d_k", [4, 64])
@pytest.mark.parametrize("reach", [0.1, 1.0, 100.0])
@pytest.mark.parametrize("mask", [None, CausalMask(CPU)], ids=["all", "causal"])
def test_four_thousand_tokens_are_within_the_tolerance(d_k: int, reach: float, mask: CausalMask | None) -> None:
    n = 4096
    generator = torch.Generator().manual_seed(d_k)
    query, key, value = (torch.randn(n, d_k, generator=generator) * reach for _ in range(3))
    head = Head(query, key, value, 1 / math.sqrt(d_k), mask)
    whole, relative = attentions64(head), tolerance(head)
    window = Sight((1000, 3000), (77, 4095))
    assert_close(tensors(head, window, "attentions")["attentions"], whole[1000:3000, 77:4095], relative)
    folds: dict[Pooling, Callable[..., np.ndarray]] = {"max": np.nanmax, "mean": np.nanmean}
    for pooling, fold in folds.items():
        found = tensors(head, Sight(most_bins=(300, 7), pooling=pooling), "attentions")["attentions"]
        cells = torch.nn.functional.pad(whole.where(~is_masked(head), torch.nan), (0, 6, 0, 6), value=torch.nan)
        bins = cells.reshape(293, 14, 7, 586).numpy()  # the last bins have six rows and columns less
        with warnings.catch_warnings(action="ignore"):  # numpy tells of bins that are masked as a whole
            expected = torch.from_numpy(fold(bins, axis=(1, 3))).nan_to_num(nan=0.0)
        assert_close(found, expected, relative)
    told = tensors(head, Sight(), "statistics", "row_entropy", "mass_by_distance")
    assert_close(told["statistics"], analyses.of_rows("statistics", whole, 0, [0] * n), relative)
    assert_close(told["row_entropy"], analyses.of_rows("row_entropy", whole, 0, [0] * n), relative)
    assert_close(told["mass_by_distance"], analyses.mass_by_distance(whole, 0, n), relative)
    best = tensors(head, Sight(top_k=5), "attentions")["attentions"]
    assert_close(best, whole.topk(5).values, relative)


@pytest.mark.parametrize("names", [("statistics",), ("mass_by_distance",), ("output", "row_entropy")])
def test_what_is_told_of_rows_takes_no_memory_for_cells(names: tuple[str, ...]) -> None:
    n = 4096
    query, key, value = (torch.rand(n, 4, generator=torch.Generator().manual_seed(part)) for part in range(3))
    before = resident.now()
    resident.begin_peak()
    tensors(Head(query, key, value, 0.5), Sight(), *names)
    assert resident.peak() - before < n * n * 8 / 2


def test_the_sum_of_a_bin_does_not_depend_on_who_computes_first() -> None:
    n = 3000
    query, key, value = (torch.randn(n, 4, generator=torch.Generator().manual_seed(part)) for part in range(3))
    head, sight = Head(query, key, value, 0.5), Sight(most_bins=(3, 5), pooling="mean")
    view = resolve(sight, n, n)
    alone = finished(stream_head(head, view, ["attentions"], [], Crew(1)))["attentions"]
    assert all(torch.equal(tensors(head, sight, "attentions")["attentions"], alone) for _ in range(5))


def test_what_was_made_in_inference_mode_is_streamed_in_and_out_of_it() -> None:
    with torch.inference_mode():
        head = Head(torch.rand(30, 4), torch.rand(30, 4), torch.rand(30, 4), 0.5, CausalMask(CPU))
        inside = tensors(head, Sight(most_bins=(3, 4)), "attentions", "output", "statistics")
    outside = tensors(head, Sight(most_bins=(3, 4)), "attentions", "output", "statistics")
    assert all(torch.equal(inside[name].nan_to_num(), outside[name].nan_to_num()) for name in inside)
