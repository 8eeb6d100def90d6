"""Which form an output has, by its name."""

from pathlib import Path

from service.api.answers import Answer, AttentionAnswer, TokenizeAnswer
from service.corpus.errors import CorpusError
from service.corpus.ndjson import NdjsonOutput
from service.corpus.output import Output

ANSWERS: dict[str, type[Answer]] = {"/tokenize": TokenizeAnswer, "/attention": AttentionAnswer}


def open_output(path: Path, endpoint: str, *, force: bool) -> Output:
    """The output at `path`, of which nothing is written yet, of answers of `endpoint`, /tokenize or /attention.

    Raises:
        CorpusError: it is of no form that is known, is there already, or what writes it is not installed.
    """
    if not path.parent.is_dir():
        raise CorpusError(f"cannot write {path}: there is no folder {path.parent}")
    match path.suffix.lower():
        case ".ndjson":
            return NdjsonOutput(path, force=force)
        case ".parquet":
            try:
                from service.corpus.parquet import ParquetOutput
            except ImportError:
                raise CorpusError(
                    f"{path}: .parquet needs pyarrow: python -m pip install 'attention-service[parquet]'"
                ) from None
            return ParquetOutput(path, force=force, answer=ANSWERS[endpoint])
    raise CorpusError(f"{path}: name a file that ends in .ndjson or .parquet")
