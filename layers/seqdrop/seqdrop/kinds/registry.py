"""All kinds, and analyses.toml read with them. Needs only the standard library: the layer's build imports it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from seqdrop.config.analyses import FILE, Analyses, Analysis
from seqdrop.config.analyses import parse as parse_analyses
from seqdrop.config.kind import Kinds
from seqdrop.kinds.embed import Embed
from seqdrop.kinds.keep import Keep
from seqdrop.kinds.masked import Masked
from seqdrop.kinds.omics import Omics
from seqdrop.kinds.promoter import Promoter
from seqdrop.kinds.protein_embed import ProteinEmbed
from seqdrop.kinds.structure import Structure
from seqdrop.kinds.train import Train

KINDS = Kinds(Promoter(), Masked(), Embed(), Structure(), ProteinEmbed(), Keep(), Omics(), Train())


def parse(text: str, name: str = FILE) -> Analyses:
    """Read the text of an analyses.toml, which messages call `name`.

    Raise ConfigFileError with everything that is wrong.
    """
    return parse_analyses(text, KINDS, name)


@cache
def packaged() -> Analyses:
    """Return the analyses of the analyses.toml that was deployed with this code."""
    return parse(files("seqdrop").joinpath(FILE).read_text())


def from_json(plan: str) -> Analysis:
    """Return the analysis of a plan that `Analysis.as_json` wrote."""
    return Analysis.from_json(plan, KINDS)
