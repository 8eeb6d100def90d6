"""Whole corpora, from file to file: answered by this process, or by a cluster.

What takes long to import is imported once the input and the output are known to be right.
"""

import asyncio
from pathlib import Path

from service.api.endpoints import SentenceEndpoint
from service.corpus.errors import CorpusError
from service.corpus.forms import open_output
from service.corpus.sidecar import Counted
from service.corpus.source import Source
from service.deploy.cluster_settings import ClusterSettings
from service.settings import Settings


def answer_here(
    settings: Settings, endpoint: SentenceEndpoint, source: Source, output: str, *, force: bool
) -> tuple[Counted, str]:
    """Answer each line of `source` at `endpoint` into the file `output`; how much there was, and that in a line.

    Raises:
        CorpusError: the output cannot be written, or the fields ask for what the model does not have.
        EngineError: the models cannot be loaded.
    """
    path = Path(output)
    opened = open_output(path, endpoint.path, force=force)
    if path.exists() and Path(source.address).exists() and path.samefile(source.address):
        raise CorpusError(f"{path} is the input: name another file to write")

    from service.corpus.run import run
    from service.loader import load_operations

    operations = load_operations(settings)
    try:
        said = asyncio.run(run(operations, endpoint, source, opened))
    except OSError as error:
        raise _unwritable(output, error) from None
    finally:
        operations.engine.close()
    return opened.counted, said


def answer_on_ray(
    settings: ClusterSettings, endpoint: SentenceEndpoint, source: Source, output: str, *, force: bool
) -> tuple[Counted, str]:
    """The same by the actors of a Ray cluster, into the folder `output`, wherever fsspec reaches.

    Raises:
        ClusterError: Ray is not installed, the cluster cannot be reached, or what its nodes do failed.
        CorpusError, EngineError: see there.
    """
    if Path(output).suffix.lower() != ".parquet":
        raise CorpusError(f"{output}: name a folder that ends in .parquet, which is what --engine ray writes")

    from service.deploy.environment import prepare

    prepare(settings)

    from service.deploy.bulk import run_on_ray

    try:
        return run_on_ray(settings, endpoint, source, output, force=force)
    except OSError as error:
        raise _unwritable(output, error) from None


def _unwritable(output: str, error: OSError) -> CorpusError:
    return CorpusError(f"cannot write {output}: {error.strerror or error}; mend that, and run the same command again")
