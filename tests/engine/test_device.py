"""Which device and how many threads: by fakes, as no machine has them all."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from service.engine import device
from service.engine.device import default_num_threads, resolve_device
from service.engine.errors import DeviceUnavailableError


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def nothing_but_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("name", "found"), [("auto", "cuda:0"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("cpu", "cpu")]
)
def test_a_device_is_found_by_its_name(name: str, found: str) -> None:
    assert resolve_device(name) == torch.device(found)


@pytest.mark.usefixtures("nothing_but_cpu")
def test_auto_is_the_cpu_where_there_is_nothing_better() -> None:
    assert resolve_device("auto") == torch.device("cpu")


@pytest.mark.usefixtures("nothing_but_cpu")
def test_apples_gpu_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("mps")


@pytest.mark.usefixtures("two_gpus")
def test_an_absent_device_is_refused_naming_what_is_there() -> None:
    with pytest.raises(
        DeviceUnavailableError, match=r"'cuda:2' is not on this machine, which has: cuda:0, cuda:1.*cpu"
    ):
        resolve_device("cuda:2")


@pytest.fixture
def eight_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "DEFAULT_THREADS", 8)


@pytest.mark.usefixtures("eight_threads")
@pytest.mark.parametrize(("quota", "threads"), [("150000 100000", 2), ("max 100000", 8), ("10000 100000", 1)])
def test_a_quota_of_cgroup_v2_bounds_the_threads(tmp_path: Path, quota: str, threads: int) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert default_num_threads(tmp_path) == threads


@pytest.mark.usefixtures("eight_threads")
@pytest.mark.parametrize(("quota", "threads"), [("300000", 3), ("-1", 8)])
def test_a_quota_of_cgroup_v1_bounds_the_threads(tmp_path: Path, quota: str, threads: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert default_num_threads(tmp_path) == threads


def test_without_a_quota_torch_has_as_many_threads_as_in_a_notebook(tmp_path: Path) -> None:
    code = "import torch; print(torch.get_num_threads())"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert default_num_threads(tmp_path) == int(printed)
