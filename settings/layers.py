"""The layers that set settings: the environment, then `.env` files, then the defaults in the code."""

import io
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from dotenv.parser import parse_stream

from utils import one_line

IN_CODE, ENVIRONMENT = "config.py", "environment"
LOOKALIKE = 0.87  # BATCHSIZE, DATA_DRI and CONNECTION_TIMEOUT count as misspellings, DATASET and PROJECT do not
_SECRET = re.compile(r"PASS|SECRET|TOKEN|KEY|CREDENTIALS?$|SERVICE_ACCOUNT", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://).*@|^(?!.*://).*@", re.DOTALL)  # of a URL, which may hold a password


@dataclass(frozen=True, slots=True)
class Layer:
    """One place that sets settings. ``source`` is its name in messages."""

    source: str
    texts: Mapping[str, str]


def read_layers(
    environ: Mapping[str, str], files: Sequence[Path], defaults: Mapping[str, str]
) -> tuple[list[Layer], list[str]]:
    """Return the layers, the strongest first, and the problems of reading them."""
    layers, problems = [Layer(IN_CODE, defaults)], []
    for path in dict.fromkeys(path.absolute() for path in files):
        try:
            if not path.exists() or path.is_dir():  # some keep a virtual environment in a folder of this name
                continue
            bindings = list(parse_stream(io.StringIO(path.read_text(encoding="utf-8-sig"))))
        except UnicodeDecodeError:
            problems.append(f"  {path}: is not UTF-8 text; save it as UTF-8.")
            continue
        except OSError as error:
            problems.append(f"  {path}: cannot be read ({error.strerror}).")
            continue
        problems += (f"  {path}, line {each.original.line}: is not NAME=value." for each in bindings if each.error)
        problems += (
            f"  {path}, line {each.original.line}: {one_line(each.key or '')} has {spoiled} in it; in double quotes a"
            " backslash makes control characters of letters: put the value into single quotes."
            for each in bindings
            if (spoiled := _control_character(each.value or ""))
        )
        layers.append(Layer(str(path), {each.key: each.value or "" for each in bindings if each.key}))
    return [Layer(ENVIRONMENT, environ), *reversed(layers)], problems


def _control_character(text: str) -> str | None:
    """Name a control character that nobody types on purpose. Keys in PEM form are made of lines."""
    if "-----BEGIN" in text:
        return None
    names = {"\t": "a tab", "\n": "a line break", "\r": "a line break"}
    found = next((each for each in text if unicodedata.category(each) == "Cc"), None)
    return None if found is None else names.get(found, "a control character")


def look_up(name: str, layers: Sequence[Layer]) -> tuple[str, str]:
    """Return source and text of a setting. An empty text counts as none."""
    found = ((layer.source, layer.texts.get(name, "").strip()) for layer in layers)
    return next(((source, text) for source, text in found if text), (IN_CODE, ""))


def unknown_names(layers: Sequence[Layer], names: Collection[str]) -> dict[str, str]:
    """Return the names and texts in files that are no settings."""
    files = [layer.texts for layer in reversed(layers) if layer.source not in (ENVIRONMENT, IN_CODE)]
    return {name: text for texts in files for name, text in texts.items() if name not in names}


def find_misspellings(layers: Sequence[Layer], names: Collection[str]) -> Iterator[str]:
    """Yield the problem of each name that is nearly a setting's.

    A setting's name with a word before or after it, such as PGCONNECT_TIMEOUT, belongs to another program.
    """
    for layer in layers:
        for name in sorted(layer.texts.keys() - set(names)):
            meant = next(iter(get_close_matches(name.upper(), names, n=1, cutoff=LOOKALIKE)), None)
            if meant is None or (meant in name and len(name) > len(meant) + 1):
                continue
            if layer.source == ENVIRONMENT and look_up(meant, layers)[0] != IN_CODE:
                continue  # the right name is set as well, so that this one is another program's
            yield describe_problem(
                name, layer.texts[name], layer.source, f"there is no such setting; is {meant} meant?"
            )


def describe_problem(name: str, text: str, source: str, why: str) -> str:
    shown = "***" if _SECRET.search(name) and text else one_line(_LOGIN.sub("***@", text), limit=60)
    return f"  {one_line(name)}={shown} ({source}): {why}{'' if why.endswith('?') else '.'}"
