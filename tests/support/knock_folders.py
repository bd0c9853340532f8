"""Folders of content as Knock's CLI writes them: read whole, and compared."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from domain.kit.json_types import JsonObject, JsonValue

# The file that a resource's folder is told by, for each folder that the CLI has a kind in.
MAIN_FILES: Mapping[str, str] = {
    "audiences": "audience.json",
    "partials": "partial.json",
    "layouts": "layout.json",
    "workflows": "workflow.json",
    "message-types": "message_type.json",
    "guides": "guide.json",
}
_TRANSLATIONS = "translations"


def gather(source: Path, target: Path) -> list[str]:
    """Copy every resource beneath a folder to where the CLI has its kind.

    Returns:
        The names of those that have a folder of their own, which translations have not.
    """
    found = []
    for kind, main in MAIN_FILES.items():
        for path in sorted(source.rglob(main)):
            name = f"{kind}/{path.parent.name}"
            shutil.copytree(path.parent, target / name, dirs_exist_ok=True)
            found.append(name)
    for folder in sorted(source.rglob(_TRANSLATIONS)):
        if folder.is_dir():
            shutil.copytree(folder, target / _TRANSLATIONS, dirs_exist_ok=True)
    return found


def read_folder(folder: Path) -> dict[str, JsonValue]:
    """Return every resource of a folder as one document, with its files in their places."""
    found: dict[str, JsonValue] = {}
    for kind, main in MAIN_FILES.items():
        for path in sorted((folder / kind).glob(f"*/{main}")):
            name = f"{kind}/{path.parent.name}"
            found[name] = read_one(folder, name)
    for path in sorted((folder / _TRANSLATIONS).glob("*/*.json")):
        found[f"{_TRANSLATIONS}/{path.name}"] = json.loads(path.read_bytes())
    return found


def read_one(folder: Path, name: str) -> JsonValue:
    """Return one resource of a folder. Raises OSError or ValueError: a file is unusable."""
    main = folder / name / MAIN_FILES[name.partition("/")[0]]
    return _whole(json.loads(main.read_bytes()), main.parent)


def _whole(value: JsonValue, folder: Path) -> JsonValue:
    if isinstance(value, list):
        return [_whole(each, folder) for each in value]
    if not isinstance(value, dict):
        return value
    whole: dict[str, JsonValue] = {}
    for name, member in value.items():
        if name in ("__readonly", "$schema"):
            continue
        if not name.endswith("@"):
            whole[name] = _whole(member, folder)
            continue
        file = folder / str(member)
        text = file.read_bytes().decode()
        is_document = file.suffix == ".json" and name.startswith("visual_blocks")
        # Paths in a file of blocks are relative to the folder of its step.
        whole[name[:-1]] = _whole(json.loads(text), file.parent) if is_document else text
    return whole


def lost(written: JsonValue, stored: JsonValue, place: str = "") -> Iterator[str]:
    """Yield where something that was written is not stored as it is; defaults may be added."""
    if isinstance(written, dict) and isinstance(stored, dict):
        for name, member in written.items():
            if name not in stored:
                yield f"{place}.{name} is gone"
            else:
                yield from lost(member, stored[name], f"{place}.{name}")
    elif isinstance(written, list) and isinstance(stored, list) and len(written) == len(stored):
        for index, (one, other) in enumerate(zip(written, stored, strict=True)):
            yield from lost(one, other, f"{place}[{index}]")
    elif written != stored:
        yield f"{place}: {written!r} is {stored!r}"


def steps_within(value: JsonValue) -> Iterator[JsonObject]:
    """Yield the steps of a workflow, at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get("type"), str) and isinstance(value.get("ref"), str):
            yield value
        for member in value.values():
            yield from steps_within(member)
    elif isinstance(value, list):
        for member in value:
            yield from steps_within(member)
