"""An engine with a small pretrained model of every architecture."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.engine.engine import Engine
from service.engine.models import Batching
from service.engine.sources import Source
from tests import models


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where the models of `tests.models` are saved."""
    top = tmp_path_factory.mktemp("models")
    return {architecture: models.save(architecture, top / architecture) for architecture in models.ARCHITECTURES}


@pytest.fixture(scope="session")
def zoo(folders: dict[str, Path]) -> Iterator[Engine]:
    """An engine with all of them, which batches."""
    engine = Engine("cpu")
    for architecture, folder in folders.items():
        engine.add(Source(architecture, str(folder), None), "float32", Batching())
    yield engine
    engine.close()
