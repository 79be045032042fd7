"""What a cold start costs: `python benchmarks/coldstart.py [--rounds 9] [--earlier 157adf1] [--only archive finish]`.

Two versions of the code are built with `sam build` and deployed side by side to one embedded AWS: this checkout, and an
earlier commit from its history. The first table has the unzipped size of each function and layer. The second has, for
each function of both versions, the CPU seconds (user and system) of its process from its start to the response to its
first event, an example of its version's events/. The functions run as in Lambda: only their layers and what the runtime
provides can be imported, nothing can be written next to the code, and their role's credentials are used. Each round
runs every function of both versions, one after the other; the figures are medians.

Python's own start and AWS's runtime client are part of both figures ("an empty function").
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local.deploy import install
from local.embedded import EmbeddedAws
from tests.support.built import BuiltFunction, measure_size, read_build
from tests.support.emulator import Runtime, running
from tests.support.stack_environment import environment_of

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).resolve().parents[1]
EARLIER = "157adf1"  # the version that was reviewed before cold starts were looked at
BOUNDS = {"archive": 0.6, "reconcile": 0.6, "start_transform": 0.6, "validate": 0.75, "finish": 0.75}
EXAMPLES = {"validate": "validate-eventbridge"}  # where the example is not named as its function
EMPTY = "an empty function"


@dataclass(frozen=True)
class Case:
    """A function of one version, its variables and its first event."""

    function: BuiltFunction
    environment: Mapping[str, str]
    event: object

    def measure(self, runtime: Runtime) -> float:
        """Return the CPU seconds of a process that starts and handles the event."""
        with running(self.function, runtime, self.environment) as invocations:
            response = invocations.invoke(self.event)
            if isinstance(response, dict) and "errorType" in response:
                raise SystemExit(f"{self.function.stage} failed: {response}")
            return invocations.cpu_seconds()


def main() -> None:
    """Build and deploy both versions, and print the two tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--earlier", default=EARLIER, metavar="COMMIT")
    parser.add_argument("--only", nargs="+", metavar="FUNCTION")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        earlier = extract(options.earlier, folder / "earlier")
        with EmbeddedAws(folder / "aws") as aws:
            versions = {"earlier": deploy(aws, earlier, "earlier"), "now": deploy(aws, REPOSITORY, "now")}
            print_sizes({version: [case.function for case in cases.values()] for version, cases in versions.items()})
            (folder / "runtime").mkdir()
            runtime = Runtime.make(folder / "runtime")
            versions["now"][EMPTY] = make_empty(folder / "empty", versions["now"]["archive"])
            print_times(measure(versions, runtime, options.rounds, options.only), options)


def extract(commit: str, folder: Path) -> Path:
    """Write the files of a commit into a folder."""
    archive = subprocess.run(["git", "-C", str(REPOSITORY), "archive", commit], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def deploy(aws: EmbeddedAws, tree: Path, stack: str) -> dict[str, Case]:
    """Deploy a version; return its functions by the names of their folders, without those that a parameter turns on."""
    install(aws, tree=tree, name=stack)
    deployed = {
        resource["LogicalResourceId"]
        for page in aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        for resource in page["StackResourceSummaries"]
    }
    return {
        function.stage: Case(function, environment_of(aws, name, stack), read_event(tree, function.stage))
        for name, function in read_build(aws.workdir / f"sam-build-{stack}").items()
        if name in deployed
    }


def read_event(tree: Path, stage: str) -> object:
    """Return a version's example for a function."""
    return json.loads((tree / f"events/{EXAMPLES.get(stage, stage)}.json").read_text())


def make_empty(folder: Path, like: Case) -> Case:
    """Return a function that imports and does nothing."""
    folder.mkdir()
    (folder / "app.py").write_text("def handler(event, context):\n    return {}\n")
    return replace(like, function=replace(like.function, name="EmptyFunction", folder=folder, layers=()))


def measure(
    versions: dict[str, dict[str, Case]], runtime: Runtime, rounds: int, only: list[str] | None
) -> dict[tuple[str, str], float]:
    """Return the median CPU seconds by function and version."""
    seconds = defaultdict(list)
    for _ in range(rounds):
        for stage in sorted(only or versions["now"]):
            for version, cases in versions.items():
                if stage in cases:
                    seconds[stage, version].append(cases[stage].measure(runtime))
    return {key: statistics.median(values) for key, values in seconds.items()}


def print_sizes(versions: dict[str, list[BuiltFunction]]) -> None:
    """Print the unzipped MB of each layer, and of each function with its layers."""
    print("| unzipped MB | earlier | now |\n|---|---|---|")
    sizes: dict[str, dict[str, float]] = defaultdict(dict)
    for version, functions in versions.items():
        for function in functions:
            parts = {part.name: measure_size(part) / 1e6 for part in (function.folder, *function.layers)}
            sizes[function.stage][version] = sum(parts.values())
            for layer in function.layers:
                sizes[layer.name][version] = parts[layer.name]
    for name, by_version in sorted(sizes.items()):
        print(f"| {name} | {show(by_version.get('earlier'), 1)} | {show(by_version.get('now'), 1)} |")


def print_times(seconds: dict[tuple[str, str], float], options: argparse.Namespace) -> None:
    """Print the CPU seconds of each function in both versions, and their ratio beside its bound."""
    print(f"\nCPU seconds, medians of {options.rounds} rounds, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print(f"\n| | {options.earlier} | now | ratio | bound |\n|---|---|---|---|---|")
    for stage in sorted({stage for stage, _ in seconds}):
        before, now = seconds.get((stage, "earlier")), seconds.get((stage, "now"))
        ratio = now / before if before and now else None
        print(f"| {stage} | {show(before)} | {show(now)} | {show(ratio)} | {show(BOUNDS.get(stage))} |")


def show(value: float | None, digits: int = 2) -> str:
    """Return a number for a table; a dash for none."""
    return "–" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
