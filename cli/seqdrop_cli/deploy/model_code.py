"""The modules that are packed with a model or a training job: a folder of model_code/, and common/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

CHECKOUT = Path(__file__).resolve().parents[3]  # the checkout from which this command runs
MODEL_CODE = CHECKOUT / "model_code"
COMMON = "common"
USES_COMMON = re.compile(rb"^\s*(from|import)\s+common\b", re.MULTILINE)


def find_modules(folder: Path, left_out: Container[str] = ()) -> dict[str, Path]:
    """Return the paths of a folder's modules by name, with those of the package `common` if a module imports it.

    The package is searched in the folder, then beside it (as in model_code/), then in this checkout.
    """
    own = {path.name: path for path in folder.glob("*.py") if path.name not in left_out}
    if f"{COMMON}.py" in own or not any(USES_COMMON.search(path.read_bytes()) for path in own.values()):
        return own
    return own | {f"{COMMON}/{path.name}": path for path in _find_common(folder).glob("*.py")}


def _find_common(folder: Path) -> Path:
    places = (folder / COMMON, folder.parent / COMMON)
    return next((place for place in places if (place / "__init__.py").is_file()), MODEL_CODE / COMMON)
