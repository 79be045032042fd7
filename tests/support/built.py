"""The output folder of `sam build`: its functions, each with the layers and limits of the template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from samcli.yamlhelper import yaml_parse

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class BuiltFunction:
    """A function as it is uploaded. `memory` is in MB, `timeout` in seconds."""

    name: str
    folder: Path
    layers: tuple[Path, ...]
    memory: int
    timeout: int

    @property
    def stage(self) -> str:
        """The name of its folder in functions/."""
        words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in self.name)
        return words.removeprefix("_").removesuffix("_function")

    @property
    def path(self) -> list[Path]:
        """The folders from which Lambda imports, in their order: the code, and `python` of each layer."""
        return [self.folder, *(layer / "python" for layer in self.layers)]


def read_build(folder: Path) -> dict[str, BuiltFunction]:
    """Return the functions of a build by their logical ids, without the layers that depend on a condition."""
    template = yaml_parse((folder / "template.yaml").read_text())
    common = template["Globals"]["Function"]["Layers"]
    return {
        name: BuiltFunction(
            name,
            folder / name,
            tuple(
                folder / layer["Ref"]
                for layer in [*common, *resource["Properties"].get("Layers", [])]
                if "Ref" in layer
            ),
            resource["Properties"]["MemorySize"],
            resource["Properties"]["Timeout"],
        )
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def measure_size(folder: Path) -> int:
    """Return the bytes of all files of a folder, which Lambda counts against its limit of 250 MB unzipped."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
