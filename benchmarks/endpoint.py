"""Latency and throughput of a real-time endpoint: `python -m benchmarks.endpoint [--requests 100] [--rounds 5]`.

Three containers run side by side, each SageMaker's own toolkit with multi-model-server (`make mms`, Java and root), and
serve the same network over HTTP, of DNABERT's shape (89 M parameters, random weights) or, with --seed, a seed model:

  chapter   the toolkit's default handler, without code of ours: transformers' pipeline, one request at a time for each
            worker, with the default number of workers (one for each vCPU)
  earlier   model_code of an earlier commit, in its environment
  now       model_code of this checkout, in the environment of an endpoint

A request is `{"inputs": "CTAATC TAATCT ..."}`, the k-mers of one window, over a connection that is kept open. Every
request has another window. In each round the containers take turns: one client sends its share of the requests, one
after the other (p50, p99), then 8 clients send theirs (requests per second). The idle containers use no CPU.
`--set NAME=VALUE` changes a variable of the container `now`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqdrop.config.endpoint import Endpoint
from seqdrop.config.settings import Settings
from seqdrop.kinds.plans import packaged
from seqdrop.models.archives import ModelArchive
from seqdrop.sagemaker.requests.endpoint import endpoint_model_request
from seqdrop.sagemaker.serving import list_servings
from seqdrop_cli.deploy.model_code import find_modules

from benchmarks.command_line import CHECKOUT, worktree
from benchmarks.inference import K, write_random_model
from tests.contract.toolkit import Server, find_python, start_server

if TYPE_CHECKING:
    from collections.abc import Iterator

EARLIER = "157adf1"  # the version that was reviewed before there were endpoints
CLIENTS = 8
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
SEEDS = CHECKOUT / "model_code/dnabert/seeds"
LATENCY = {"": 0.5, "seed": 0.8}  # aims: the largest ratio of this checkout's latencies to those of the chapter's way
RATE = 2.0  # aim: the least ratio of the throughputs


@dataclass
class Side:
    """A container, and what was measured of it: seconds of requests of a single client, and requests per second."""

    name: str
    server: Server
    latencies: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    responses: dict[bytes, tuple[str, float]] = field(default_factory=dict)

    def measure_latency(self, bodies: list[bytes]) -> None:
        """Send requests one after the other."""
        self.latencies += self._send([bodies])

    def measure_rate(self, bodies: list[bytes]) -> None:
        """Send requests by CLIENTS clients at once."""
        began = time.perf_counter()
        count = len(self._send([bodies[number::CLIENTS] for number in range(CLIENTS)]))
        self.rates.append(count / (time.perf_counter() - began))

    def _send(self, shares: list[list[bytes]]) -> list[float]:
        """Send each share on a connection of its own, in a thread that ends afterwards; return the seconds of each."""
        with ThreadPoolExecutor(len(shares)) as threads:
            return [seconds for part in threads.map(self._send_share, shares) for seconds in part]

    def _send_share(self, bodies: list[bytes]) -> list[float]:
        with self.server.connect() as connection:
            return [self._send_request(connection, body) for body in bodies]

    def _send_request(self, connection: object, body: bytes) -> float:
        began = time.perf_counter()
        connection.request("POST", "/invocations", body, HEADERS)
        response = connection.getresponse()
        content = response.read()
        seconds = time.perf_counter() - began
        if response.status != 200:
            raise SystemExit(f"{self.name}: {response.status}: {content[:500]!r}")
        (prediction,) = json.loads(content)
        self.responses[body] = prediction["label"], prediction["score"]
        return seconds


def make_bodies(bases: int, k: int) -> Iterator[bytes]:
    """Yield requests with the k-mers of random windows of `bases`, the same on each call."""
    generator = np.random.default_rng(7)
    while True:
        window = "".join(generator.choice(list("ACGT"), bases))
        yield json.dumps({"inputs": " ".join(window[i : i + k] for i in range(bases - k + 1))}).encode()


def write_network(folder: Path, seed: str) -> int:
    """Write the network to a folder, without code of ours; return the length of its k-mers."""
    folder.mkdir()
    if not seed:
        write_random_model(folder)
        return K
    for name in ("config.json", "vocab.txt", "model.safetensors"):
        shutil.copy(SEEDS / seed / name, folder)
    return len((SEEDS / seed / "vocab.txt").read_text().split()[-1])


def write_models(plain: Path, earlier: Path) -> dict[str, Path]:
    """Write the model of each side beside `plain`, as the container unpacks it; the weights are the same files."""
    # Without this file, the default handler would write k-mers in lower case and know none of them.
    (plain / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": false}')
    models = {"chapter": plain}
    for name, code in (("earlier", earlier), ("now", CHECKOUT)):
        models[name] = shutil.copytree(plain, plain.parent / name, copy_function=os.link)
        for module, path in find_modules(code / "model_code/dnabert").items():
            target = models[name] / "code" / module
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return models


def find_environments() -> dict[str, dict[str, str]]:
    """Return the variables of each container. Those of `earlier` are the ones that the commit sent to SageMaker."""
    analysis = packaged().by_name["contigs"]
    settings = Settings(**{name: name for name in Settings.__dataclass_fields__})
    settings = replace(settings, stack="lab", instance_count=1, instance_type="ml.m5.xlarge")
    (serving,) = list_servings(settings, [replace(analysis, endpoint=Endpoint())])
    request = endpoint_model_request(settings, serving, ModelArchive("m", "k", "d"))
    before = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_MODEL_SERVER_WORKERS": "1", "SEQDROP_THREADS": "all"}
    return {
        "chapter": {"HF_TASK": "text-classification"},
        "earlier": before,
        "now": request["PrimaryContainer"]["Environment"],
    }


def measure(sides: list[Side], bodies: Iterator[bytes], requests: int, rounds: int) -> None:
    """Measure the sides in turns. The first requests of each are not counted: they load the model in each worker."""
    for side in sides:
        side.measure_rate([next(bodies) for _ in range(CLIENTS)])
        side.rates.clear()
        side.responses.clear()
    for number in range(rounds):
        single = [next(bodies) for _ in range(-(-requests // rounds))]
        together = [next(bodies) for _ in range(2 * CLIENTS)]
        for side in sides[number % len(sides) :] + sides[: number % len(sides)]:
            side.measure_latency(single)
            side.measure_rate(together)
            print(f"  {side.name}: {side.rates[-1]:.1f}/s", file=sys.stderr)


def report(sides: list[Side], aim: float) -> None:
    """Print a row for each side; ratios are those of this checkout to the side."""
    *others, now = sides
    print(f"\n{'':<9}{'p50 ms':>9}{'p99 ms':>9}{'at 8, /s':>10}{'p50 ratio':>11}{'p99 ratio':>11}{'rate ratio':>12}")
    for side in sides:
        (p50, p99), rate = np.quantile(side.latencies, (0.5, 0.99)), np.median(side.rates)
        ours = *np.quantile(now.latencies, (0.5, 0.99)), np.median(now.rates)
        ratios = "" if side is now else f"{ours[0] / p50:>11.2f}{ours[1] / p99:>11.2f}{ours[2] / rate:>12.2f}"
        print(f"{side.name:<9}{p50 * 1e3:>9.1f}{p99 * 1e3:>9.1f}{rate:>10.1f}{ratios}")
    print(f"aims against the chapter's way: latencies at most {aim}, throughput at least {RATE}")
    for side in others:
        both = side.responses.keys() & now.responses.keys()
        difference = max(_compare(now.responses[body], side.responses[body]) for body in both)
        print(f"largest difference of a probability from {side.name}: {difference:.4f} in {len(both)} windows")


def _compare(ours: tuple[str, float], other: tuple[str, float]) -> float:
    """Return the difference of two predictions in the probability of one of the model's two labels."""
    same = ours[1] if ours[0] == other[0] else 1 - ours[1]
    return abs(same - other[1])


def main() -> None:
    """Start the containers, measure them and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100, help="requests of a single client (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bases", type=int, default=300, help="bases of a window (default: %(default)s)")
    parser.add_argument(
        "--seed", default="", choices=["", *sorted(path.name for path in SEEDS.iterdir())], metavar="NAME"
    )
    parser.add_argument("--earlier", default=EARLIER, help="commit to compare with (default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="variable of `now`")
    parser.add_argument("--sides", nargs="+", default=("chapter", "earlier", "now"), help="(default: all)")
    options = parser.parse_args()
    python, environments = find_python(CHECKOUT), find_environments()
    environments["now"] |= dict(text.split("=", 1) for text in options.set)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (scratch / "models").mkdir()
        k = write_network(scratch / "models" / "chapter", options.seed)
        models = write_models(scratch / "models" / "chapter", stack.enter_context(worktree(options.earlier)))
        sides = []
        for name in options.sides:
            model = models[name]
            server = start_server(python, scratch / f"container-{name}", model, environments[name])
            sides.append(Side(name, stack.enter_context(closing(server))))
        network = options.seed or "DNABERT's shape"
        print(f"{platform.machine()}, {os.cpu_count()} cores, {network}, windows of {options.bases} bases")
        with suppress(KeyboardInterrupt):  # what was measured until then is reported
            measure(sides, make_bodies(options.bases, k), options.requests, options.rounds)
        report(sides, LATENCY["seed" if options.seed else ""])


if __name__ == "__main__":
    main()
