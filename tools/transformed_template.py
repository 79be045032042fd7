"""Print template.yaml as CloudFormation deploys it: after SAM's transform, with the stacks within it, as JSON.

In the template as it is written, reviewers that know only CloudFormation skip functions, event sources and schedules,
and see nothing of stacks/.

    python -m tools.transformed_template > transformed.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader

from tools.nested_stacks import merge_stacks

TEMPLATE = Path(__file__).parent.parent / "template.yaml"
REGION = "us-east-1"


def transform(template: Path = TEMPLATE) -> dict[str, Any]:
    """Return the template after SAM's transform, with its parameters and the resources of its nested stacks.

    No managed policy is asked for.

    Raises:
        samcli.commands.validate.lib.exceptions.InvalidSamDocumentException: SAM refuses the template.
    """
    validator = SamTemplateValidator(yaml_parse(template.read_text()), ManagedPolicyLoader(None), region=REGION)
    return merge_stacks(yaml_parse(validator.get_translated_template_if_valid()), template.parent)


if __name__ == "__main__":
    json.dump(transform(), sys.stdout, indent=2, default=str)
