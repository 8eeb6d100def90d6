"""Where configured models come from: `id=source@revision`, a folder or a repository of the Hugging Face hub."""

import re
from hashlib import file_digest, sha256
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import logging as hub_logging
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from service.engine.errors import ModelLoadError

MODEL_ID = re.compile(r"[a-z0-9._-]{1,64}")
REPOSITORY = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
RESERVED = "synthetic"
FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]
"""What is fetched of a repository: no pickle, no code."""
FETCHED: dict[str, list[str]] = {"allow_patterns": FILES, "ignore_patterns": ["*/*"]}
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")

hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # its retries are no news: the outcome is told at the end


class Source(NamedTuple):
    """A configured model."""

    id: str
    place: str
    """A folder, or the name of a repository."""
    revision: str | None
    """Of a repository: a branch, tag or commit."""

    @property
    def is_folder(self) -> bool:
        """Whether it lies on this machine rather than on the hub."""
        return Path(self.place).expanduser().is_dir() or not REPOSITORY.fullmatch(self.place)


def parse_sources(models: str) -> list[Source]:
    """The models that the setting MODELS names, separated by commas.

    Raises:
        ModelLoadError: an entry is not `id=source@revision`, or two have one id.
    """
    sources = [_parse(entry.strip()) for entry in models.split(",") if entry.strip()]
    taken = {RESERVED}
    for source in sources:
        if source.id in taken:
            raise ModelLoadError(source.id, "this id is taken. Choose another: id=source")
        taken.add(source.id)
    return sources


def _parse(entry: str) -> Source:
    given, equals, rest = entry.partition("=")
    place, at, revision = (rest if equals else entry).rpartition("@")
    if not at or Path(rest if equals else entry).expanduser().is_dir():
        place, revision = rest if equals else entry, ""
    model_id = given if equals else re.sub(r"[^a-z0-9._-]", "-", Path(place).name.lower())[:64]
    if not MODEL_ID.fullmatch(model_id):
        raise ModelLoadError(entry, "the id must be 1 to 64 of a-z, 0-9, '.', '_' and '-'. Write id=source")
    if not place:
        raise ModelLoadError(model_id, "no source: write id=folder or id=repository@revision")
    return Source(model_id, place, revision or None)


def check_source(source: Source) -> None:
    """Find out early what is wrong with a folder; a repository is looked at when it is loaded.

    Raises:
        ModelLoadError: it is missing, or holds no safe weights.
    """
    if source.is_folder:
        _check_folder(source, Path(source.place).expanduser())


def fetch(source: Source) -> tuple[Path, str]:
    """The folder that holds the model, and its revision: a commit, or for a folder a digest of its files.

    Raises:
        ModelLoadError: it cannot be had, or holds no safe weights.
    """
    if source.is_folder:
        folder = Path(source.place).expanduser()
        _check_folder(source, folder)
        return folder, _digest(folder)
    try:
        folder = Path(
            snapshot_download(source.place, revision=source.revision, allow_patterns=FILES, ignore_patterns=["*/*"])
        )
    except RevisionNotFoundError:
        raise ModelLoadError(source.id, f"{source.place} has no revision {source.revision!r}") from None
    except RepositoryNotFoundError:
        raise ModelLoadError(
            source.id, f"the hub has no repository {source.place!r}, or HF_TOKEN does not open it"
        ) from None
    except HFValidationError as error:
        raise ModelLoadError(source.id, first_line(error)) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise ModelLoadError(
            source.id,
            f"{source.place}{'@' + source.revision if source.revision else ''} is neither a folder nor in the hub's "
            f"cache, and the hub cannot be reached ({_shortened(error)}). Connect once, or name a folder",
        ) from None
    _check_folder(source, folder)
    return folder, folder.name


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__


def _shortened(error: Exception) -> str:
    """The first sentence: the hub's errors go on with advice on its own settings."""
    return first_line(error).partition(". ")[0].rstrip(".")


def _check_folder(source: Source, folder: Path) -> None:
    if source.is_folder and source.revision is not None:
        raise ModelLoadError(source.id, f"{source.place} is a folder, which has no revisions: leave @… out")
    if not folder.is_dir():
        raise ModelLoadError(source.id, f"there is no folder {source.place}")
    if not (folder / "config.json").is_file():
        raise ModelLoadError(source.id, f"{source.place} has no config.json, so it holds no model of transformers")
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
        instead = (
            f"only {pickles[0]}, which may run code when it is read: save it as safetensors" if pickles else "none"
        )
        raise ModelLoadError(source.id, f"{source.place} has no weights in safetensors, {instead}")


def _digest(folder: Path) -> str:
    """Of all that decides answers; to read the weights once more costs little beside loading them."""
    digest = sha256()
    for file in sorted(path for pattern in FILES for path in folder.glob(pattern)):
        with file.open("rb") as stream:
            digest.update(f"{file.name} {file_digest(stream, 'sha256').hexdigest()} ".encode())
    return digest.hexdigest()[:16]
