"""Where models come from, and the one line that says why one cannot be had."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from service.engine.engine import Engine
from service.engine.errors import ModelLoadError
from service.engine.models import Batching
from service.engine.sources import Source, check_source, fetch, parse_sources

ENTRIES = {
    "minilm=./all-MiniLM-L6-v2": Source("minilm", "./all-MiniLM-L6-v2", None),
    "gpt2=openai-community/gpt2@607a30d": Source("gpt2", "openai-community/gpt2", "607a30d"),
    "sentence-transformers/all-MiniLM-L6-v2": Source(
        "all-minilm-l6-v2", "sentence-transformers/all-MiniLM-L6-v2", None
    ),
    "~/models/My Model": Source("my-model", "~/models/My Model", None),
    "gpt2@main": Source("gpt2", "gpt2", "main"),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_names_a_model_its_place_and_its_revision(entry: str) -> None:
    assert parse_sources(entry) == [ENTRIES[entry]]


def test_entries_are_separated_by_commas() -> None:
    assert [source.id for source in parse_sources(" a=x , b=y@z,")] == ["a", "b"]


def test_a_folder_may_have_an_at_sign_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "model@home"
    folder.mkdir()
    assert parse_sources(f"m={folder}") == [Source("m", str(folder), None)]


@pytest.mark.parametrize(
    ("models", "says"),
    [
        ("a=x,a=y", "this id is taken"),
        ("synthetic=x", "this id is taken"),
        ("Big=x", "the id must be"),
        ("=x", "the id must be"),
        ("m=", "no source"),
        ("m=@main", "no source"),
    ],
)
def test_a_wrong_entry_is_refused(models: str, says: str) -> None:
    with pytest.raises(ModelLoadError, match=says):
        parse_sources(models)


@pytest.mark.parametrize("place", ["./nowhere", "../nowhere", "~/nowhere", "/nowhere", "a/b/nowhere"])
def test_what_looks_like_a_path_is_never_asked_of_the_hub(place: str) -> None:
    with pytest.raises(ModelLoadError, match=f"model m: there is no folder {place}"):
        check_source(Source("m", place, None))


def remove_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def pickle_only(folder: Path) -> None:
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def remove_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def damage_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


def drop_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.1.attention.self.query.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def damage_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def unknown_architecture(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "perceptron"}))


def remote_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "code.Config", "AutoModel": "code.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("raise SystemExit('remote code ran')")


def empty_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def other_shapes(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 48}))


def remove_tokenizer(folder: Path) -> None:
    for file in folder.glob("*token*"):
        file.unlink()
    (folder / "vocab.txt").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (shutil.rmtree, "there is no folder"),
        (remove_config, "has no config.json"),
        (pickle_only, "has no weights in safetensors, only pytorch_model.bin"),
        (remove_weights, "has no weights in safetensors"),
        (damage_weights, "cannot be loaded"),
        (drop_a_weight, "1 weights are missing, as encoder.layer.1.attention.self.query.weight"),
        (damage_config, "cannot be loaded"),
        (unknown_architecture, "cannot be loaded"),
        (remote_code, "cannot be loaded"),
        (empty_tokenizer, "cannot be loaded: KeyError 'added_tokens'"),
        (other_shapes, "its weights have other shapes than its config.json says"),
        (remove_tokenizer, "its tokenizer knows 5 tokens, its weights 30,522"),
    ],
)
def test_a_spoiled_folder_is_refused_in_one_line(
    folders: dict[str, Path],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    says: str,
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(folders["bert"], folder)
    spoil(folder)
    engine = Engine("cpu")
    with pytest.raises(ModelLoadError, match=f"model m: .*{says}") as caught:
        engine.add(Source("m", str(folder), None), "float32", Batching())
    engine.close()
    assert ("\n" in str(caught.value), capfd.readouterr().err) == (False, "")


@pytest.mark.parametrize("spoil", [shutil.rmtree, remove_config, pickle_only])
def test_what_is_plainly_wrong_is_found_before_the_port_is_open(
    folders: dict[str, Path], tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(folders["bert"], folder)
    spoil(folder)
    with pytest.raises(ModelLoadError):
        check_source(Source("m", str(folder), None))


def test_a_repository_that_is_not_cached_is_refused_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    engine = Engine("cpu")
    with pytest.raises(ModelLoadError, match="nobody/nothing@abc is neither a folder nor in the hub's cache"):
        engine.add(Source("m", "nobody/nothing", "abc"), "float32", Batching())
    engine.close()


def test_a_cached_repository_is_loaded_at_its_pinned_revision_without_a_network(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--somebody--tiny"
    shutil.copytree(folders["bert"], repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "v1").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    engine = Engine("cpu")
    engine.add(Source("tiny", "somebody/tiny", "v1"), "float32", Batching())
    assert engine.model("tiny").facts.revision == commit
    with pytest.raises(ModelLoadError, match="cannot be reached"):
        engine.add(Source("other", "somebody/tiny", "v2"), "float32", Batching())
    engine.close()


def test_a_folder_has_no_revisions(folders: dict[str, Path]) -> None:
    with pytest.raises(ModelLoadError, match="is a folder, which has no revisions"):
        check_source(Source("m", str(folders["bert"]), "v1"))


def test_the_revision_of_a_folder_changes_with_any_of_its_weights(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(folders["bert"], folder)
    _, before = fetch(Source("m", str(folder), None))
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert fetch(Source("m", str(folder), None))[1] != before


def test_a_padding_token_outside_the_vocabulary_is_none(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(folders["llama"], folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"pad_token_id": -1}))
    engine = Engine("cpu")
    engine.add(Source("m", str(folder), None), "float32", Batching())
    engine.close()
    assert engine.model("m").facts.architecture == "LlamaModel"


def test_a_model_that_fails_the_probes_texts_is_refused(folders: dict[str, Path]) -> None:
    engine = Engine("cpu", max_tokens=1)
    with pytest.raises(ModelLoadError, match="model m: cannot be run: "):
        engine.add(Source("m", str(folders["t5"]), None), "float32", Batching())
    engine.close()


def test_a_model_is_told_by_its_folders_name_not_by_a_path(folders: dict[str, Path]) -> None:
    engine = Engine("cpu")
    engine.add(Source("m", str(folders["bert"]), None), "float32", Batching())
    engine.close()
    assert engine.model("m").facts.tokenizer == "bert"
