"""Write what AWS offers in which region into template.yaml: `python -m tools.availability [FOLDER]`.

FOLDER is the folder `image_uri_config` of SageMaker's SDK (`make sdk3` installs it, and is the default). Three sources
make three blocks of the template, each between two comments that name this file:

- mappings: the account of AWS's container images in each region, and the tag of the inference image for each instance
  type of transform jobs (SageMaker's SDK; botocore's description of SageMaker);
- types: the instance types that the parameter InstanceType accepts (botocore);
- rules: what a region or an instance type lacks, so that CloudFormation refuses a deploy that could not work (both, and
  the resource types of each region in cfn-lint's schemas).

`tests/contract/test_availability.py` compares the template with all three.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import botocore.session

REPOSITORY = Path(__file__).resolve().parent.parent
TEMPLATE = REPOSITORY / "template.yaml"
SDK = REPOSITORY / ".venv-sdk3/sagemaker/core/image_uri_config"
# The versions of the three images, as keys of the SDK's files. template.yaml has the rest of their tags.
INFERENCE = ("huggingface.json", "inference", "5.5.3", "pytorch2.6.0")
TRAINING = ("huggingface.json", "training", "5.3.0", "pytorch2.9.0")
PROCESSING = ("pytorch.json", "training", "2.8.0")
GPU = re.compile(r"ml\.(g\d|p[3-9])")
# Neuron chips, and the GPUs of p2, which CUDA 12 no longer supports: the inference image does not run there.
NO_IMAGE = re.compile(r"ml\.(inf|trn|p2)")
NONE = "none"
REGION = "!Ref AWS::Region"
WIDTH = 118


@dataclass(frozen=True)
class Images:
    """What the SDK says of the three images: the account in each region, and the tags of the inference image."""

    inference: dict[str, str]
    training: dict[str, str]
    processing: dict[str, str]
    tags: dict[str, str]
    """cpu and gpu → tag"""

    @property
    def regions(self) -> list[str]:
        """Every region in which AWS keeps any of the images."""
        return sorted({*self.inference, *self.training, *self.processing})

    def regions_without(self, accounts: dict[str, str]) -> list[str]:
        """Return the regions that lack an image."""
        return [region for region in self.regions if region not in accounts]


def read_images(folder: Path) -> Images:
    """Read the SDK's files. Raise KeyError if they lack a version that the template uses."""
    inference = _entry(folder, *INFERENCE)
    _, _, transformers, torch = INFERENCE
    (python,) = inference["py_versions"]
    tags = {}
    for processor, system in inference["container_version"].items():
        versions = f"{torch.removeprefix('pytorch')}-transformers{transformers}"
        tags[processor] = f"{versions}-{processor}-{python}-{system}"
    registries = [_entry(folder, *keys)["registries"] for keys in (INFERENCE, TRAINING, PROCESSING)]
    return Images(*registries, tags)


def _entry(folder: Path, name: str, *keys: str) -> dict:
    scope, release, *framework = keys
    entry = json.loads((folder / name).read_text())[scope]["versions"][release]
    return entry[framework[0]] if framework else entry


def transform_types() -> list[str]:
    """Return the instance types of transform jobs that botocore knows."""
    return list(botocore.session.get_session().get_service_model("sagemaker").shape_for("TransformInstanceType").enum)


def processor(instance_type: str) -> str:
    """Return gpu or cpu, or "none" if the inference image does not run on the instance type."""
    if NO_IMAGE.match(instance_type):
        return NONE
    return "gpu" if GPU.match(instance_type) else "cpu"


@cache
def regions_without_budgets() -> list[str]:
    """Return the regions in which CloudFormation has no AWS::Budgets::Budget."""
    from cfnlint.helpers import REGIONS
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    return sorted(
        region for region in REGIONS if "AWS::Budgets::Budget" not in PROVIDER_SCHEMA_MANAGER.get_resource_types(region)
    )


def mappings(images: Images) -> str:
    """Return the section Mappings."""
    lines = [
        "Mappings:",
        f"  # The accounts of AWS's container images; {NONE}: there is no such image.",
        "  Registries:",
    ]
    columns = {"Inference": images.inference, "Training": images.training, "Processing": images.processing}
    for region in images.regions:
        row = ", ".join(f'{name}: "{accounts.get(region, NONE)}"' for name, accounts in columns.items())
        lines.append(f"    {region}: {{ {row} }}")
    lines += ["  # The inference image for the processor of each instance type.", "  TransformImages:"]
    anchors: set[str] = set()
    for name in transform_types():
        kind = processor(name)
        first = f"&{kind} {{ Tag: {images.tags.get(kind, NONE)} }}"
        lines.append(f"    {name}: " + (f"*{kind}" if kind in anchors else first))
        anchors.add(kind)
    return "\n".join(lines)


def types() -> str:
    """Return the property AllowedValues of the parameter InstanceType."""
    return _fill("    AllowedValues: [", transform_types(), "]")


def rules(images: Images) -> str:
    """Return the rules about regions and instance types."""
    unfit = [name for name in transform_types() if processor(name) == NONE]
    written = [
        Rule(
            "RegionIsKnown",
            _contains(images.regions, REGION, 10),
            "SageMaker's SDK lists no image of AWS for this region. tools/availability.py reads a newer SDK",
        ),
        Rule(
            "TransformImageExists",
            _is_set("TransformImage"),
            "AWS keeps no Hugging Face inference image in this region. Set TransformImage",
            _contains(images.regions_without(images.inference), REGION),
        ),
        Rule(
            "TransformImageFits",
            _is_set("TransformImage"),
            "AWS's Hugging Face inference images do not run on this InstanceType. Set TransformImage, or another type",
            _contains(unfit, "!Ref InstanceType"),
        ),
        Rule(
            "TrainingImageExists",
            _is_set("TrainingImage"),
            f"AWS keeps no Hugging Face training image in this region. Set TrainingImage, or {NONE} to train no models",
            _contains(images.regions_without(images.training), REGION),
        ),
        Rule(
            "ProcessingImageExists",
            _is_set("ProcessingImage"),
            "AWS keeps no PyTorch image in this region. Set ProcessingImage",
            _contains(images.regions_without(images.processing), REGION),
        ),
        Rule(
            "BudgetsExist",
            '          !Equals [!Ref MonthlyBudget, "0"]',
            "CloudFormation has no budgets in this region. Set MonthlyBudget to 0, and use the console of AWS Budgets",
            _contains(regions_without_budgets(), REGION),
        ),
    ]
    return "\n".join(map(str, written))


@dataclass(frozen=True)
class Rule:
    """A rule of CloudFormation; `condition` and `claim` are expressions, indented as they are written."""

    name: str
    claim: str
    description: str
    condition: str = ""

    def __str__(self) -> str:
        condition = f"    RuleCondition:\n{self.condition}\n" if self.condition else ""
        claim = f"      - Assert:\n{self.claim}\n        AssertDescription: {self.description}"
        return f"  {self.name}:\n{condition}    Assertions:\n{claim}"


def _contains(values: list[str], value: str, indent: int = 6) -> str:
    margin = " " * indent
    return f"{margin}Fn::Contains:\n{_fill(f'{margin}  - [', values, ']')}\n{margin}  - {value}"


def _is_set(parameter: str) -> str:
    return f'          !Not [!Equals [!Ref {parameter}, ""]]'


def _fill(head: str, values: list[str], tail: str) -> str:
    text = head + ", ".join(values) + tail
    return textwrap.fill(text, WIDTH, subsequent_indent=" " * len(head), break_on_hyphens=False)


def replace(text: str, name: str, block: str) -> str:
    """Return the template's text with another block of that name. Raise ValueError if it does not have the block."""
    pattern = re.compile(
        rf"^( *# tools/availability\.py: {name}\n).*?^( *# tools/availability\.py: end\n)", re.S | re.M
    )
    changed, count = pattern.subn(lambda match: f"{match[1]}{block}\n{match[2]}", text)
    if count != 1:
        raise ValueError(f"the template has {count} blocks {name}")
    return changed


def write(text: str, folder: Path, sources: str) -> str:
    """Return the template's text with its three blocks made anew from the SDK's files."""
    images = read_images(folder)
    text = replace(text, "mappings", f"# {sources}\n{mappings(images)}")
    return replace(replace(text, "types", types()), "rules", rules(images))


def find_sources(folder: Path) -> str:
    """Return a sentence with the date and the versions of the sources."""
    (sdk,) = folder.parents[2].glob("sagemaker_core-*.dist-info")
    names = [f"sagemaker-core {sdk.name.removesuffix('.dist-info').partition('-')[2]}"]
    names += [f"{name} {version(name)}" for name in ("botocore", "cfn-lint")]
    return f"Of {datetime.now(UTC):%Y-%m-%d}, from {', '.join(names)}."


def main() -> None:
    """Write the three blocks."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SDK
    TEMPLATE.write_text(write(TEMPLATE.read_text(), folder, find_sources(folder)))


if __name__ == "__main__":
    main()
