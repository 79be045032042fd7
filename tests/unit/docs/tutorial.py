"""Run the commands of docs/own-model.md, whose output the page quotes. `python -m tests.unit.docs.tutorial` updates it.

Run it after a change of what `package-model` or `predict` print, or of the model that the tutorial copies.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.unit.docs.pages import FENCE, REPOSITORY, find_fences

PAGE = REPOSITORY / "docs/own-model.md"
ROWS = 3  # quoted lines of predictions.jsonl
# What another machine may print: sizes, digests, times, the last digits of probabilities.
VARIES = re.compile(r"[\d,]+ bytes|sha256 \w+|in [\d.]+ s, [\d,]+ windows/s|(?<=\d\.)\d{3,}(e-\d+)?")


def run(folder: Path) -> list[str]:
    """Run the steps before the push in `folder`; return the blocks that the page quotes, in its order."""
    blocks = [_run_shell(folder, script) for script in find_fences(PAGE.read_text().partition("## 4.")[0], "sh")[:3]]
    names = "  ".join(sorted(path.name for path in (folder / "my-dnabert").iterdir()))
    rows = (folder / "out/predictions.jsonl").read_text().splitlines()[:ROWS]
    counts = json.dumps(json.loads((folder / "out/summary.json").read_text())["counts"])
    return [f"{names}\n", *blocks[1:], "\n".join(rows) + "\n", f"{counts}\n"]


def _run_shell(folder: Path, script: str) -> str:
    script = script.replace(". .venv/bin/activate\n", "").replace("model_code/", f"{REPOSITORY}/model_code/")
    script = f'set -e; PATH="{REPOSITORY}/.venv/bin:$PATH"\n{script}'
    return subprocess.run(["bash", "-c", script], cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout


def read_quoted() -> list[str]:
    """Return the blocks of output that the page quotes."""
    return find_fences(PAGE.read_text(), "")


def main() -> None:
    """Replace the quoted blocks of the page by what the commands print now."""
    with TemporaryDirectory() as folder:
        blocks = iter(run(Path(folder)))
    page = FENCE.sub(lambda fence: fence[0] if fence[1] else f"```\n{next(blocks)}```", PAGE.read_text())
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
