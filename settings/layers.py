"""Where settings are set: the environment, then `.env` files, then the defaults in the code."""

import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from dotenv.parser import parse_stream

from utils import one_line

IN_CODE, ENVIRONMENT = "config.py", "environment"
LOOKALIKE = 0.87  # BATCHSIZE, DATA_DRI and CONNECTION_TIMEOUT are taken for slips, DATASET and PROJECT are not
_SECRET = re.compile(r"PASS|SECRET|TOKEN|KEY|CREDENTIALS?$|SERVICE_ACCOUNT", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layer:
    """One place where settings stand; ``source`` is how messages name it."""

    source: str
    texts: Mapping[str, str]


def read_layers(
    environ: Mapping[str, str], files: Sequence[Path], defaults: Mapping[str, str]
) -> tuple[list[Layer], list[str]]:
    """The places to look in, the strongest first, and what could not be read in them."""
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
        layers.append(Layer(str(path), {each.key: each.value or "" for each in bindings if each.key}))
    return [Layer(ENVIRONMENT, environ), *reversed(layers)], problems


def looked_up(name: str, layers: Sequence[Layer]) -> tuple[str, str]:
    """Source and text of a setting; an empty text is as good as none."""
    found = ((layer.source, layer.texts.get(name, "").strip()) for layer in layers)
    return next(((source, text) for source, text in found if text), (IN_CODE, ""))


def others(layers: Sequence[Layer], names: Collection[str]) -> dict[str, str]:
    """What stands in files and is no setting."""
    files = [layer.texts for layer in reversed(layers) if layer.source not in (ENVIRONMENT, IN_CODE)]
    return {name: text for texts in files for name, text in texts.items() if name not in names}


def slips(layers: Sequence[Layer], names: Collection[str]) -> Iterator[str]:
    """Names that are nearly ours. One with a word before or after ours, such as PGCONNECT_TIMEOUT, is another's."""
    for layer in layers:
        for name in sorted(layer.texts.keys() - set(names)):
            meant = next(iter(get_close_matches(name.upper(), names, n=1, cutoff=LOOKALIKE)), None)
            if meant is None or (meant in name and len(name) > len(meant) + 1):
                continue
            if layer.source == ENVIRONMENT and looked_up(meant, layers)[0] != IN_CODE:
                continue  # the right name is set as well, so that this one is another program's
            yield problem(name, layer.texts[name], layer.source, f"there is no such setting; is {meant} meant?")


def problem(name: str, text: str, source: str, why: str) -> str:
    shown = "***" if _SECRET.search(name) and text else one_line(text, limit=60)
    return f"  {one_line(name)}={shown} ({source}): {why}{'' if why.endswith('?') else '.'}"
