"""Run each function with its examples by `sam local invoke`: `make sam-local`.

A stack of its own is deployed to an embedded AWS of its own, so nothing else is touched. Each function gets the
variables of its stack from an env file, and the credentials of its role. IMAGE names an image of Lambda's Python that
the engine has or can pull; without it, a stand-in is built from Debian.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse

from local.deploy import REPOSITORY, install, make_overrides
from local.embedded import EmbeddedAws
from tests.sam_local.engine import MissingError, engine, find_gateway
from tests.sam_local.image import make_image
from tests.sam_local.relay import relay
from tests.support.built import BuiltFunction, read_build
from tests.support.stack_environment import environment_of

CACHE = REPOSITORY / ".seqdrop/sam-local"
ENDPOINT = "AWS_ENDPOINT_URL"
OPTIONAL = {"Endpoints": "true", "Monitoring": "true"}  # parts that are off by default; they have examples, too


def main() -> int:
    """Run all examples; return 0 if every function responded, 2 if this machine lacks something."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    try:
        with engine() as environment, tempfile.TemporaryDirectory() as name:
            image = os.environ.get("IMAGE") or make_image(CACHE, environment)
            with EmbeddedAws(Path(name) / "aws") as aws:
                install(aws, **OPTIONAL)
                return run_all(aws, image, environment)
    except MissingError as error:
        print(f"sam local invoke cannot run here: {error}", file=sys.stderr)
        return 2


def run_all(aws: EmbeddedAws, image: str, environment: dict[str, str]) -> int:
    """Invoke each function with each of its examples, and print a row for each."""
    build = aws.workdir / "sam-build-seqdrop"
    functions = {function.stage: function for function in read_build(build).values()}
    write_template(build)
    gateway, failed = find_gateway(environment), 0
    print("| function | example | seconds | response |\n|---|---|---|---|")
    with relay(gateway, int(aws.endpoint.rsplit(":", 1)[1])) as port:
        for example in sorted((REPOSITORY / "events").glob("*.json")):
            function = functions[example.stem.partition("-")[0]]
            variables = environment_of(aws, function.name) | {ENDPOINT: f"http://{gateway}:{port}"}
            begin = time.monotonic()
            process = invoke(build, function, example, image, environment | variables)
            seconds, response = time.monotonic() - begin, read_response(process.stdout)
            failed += not responded(response)
            print(f"| {function.name} | {example.name} | {seconds:.1f} | `{json.dumps(response)}` |", flush=True)
            if not responded(response):
                print(process.stderr[-1500:], file=sys.stderr)
    return 1 if failed else 0


def write_template(build: Path) -> None:
    """Write local.yaml: the built template with the endpoint as a variable, and with layers that are folders.

    `sam local invoke` passes only variables that the template declares.
    """
    template = yaml_parse((build / "template.yaml").read_text())
    template["Globals"]["Function"]["Environment"]["Variables"][ENDPOINT] = ""
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = name
    (build / "local.yaml").write_text(yaml_dump(template))


def invoke(
    build: Path, function: BuiltFunction, example: Path, image: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Return the ended process of `sam local invoke`."""
    names = [name for name in environment if name.startswith("SEQDROP_")]
    own = {name: environment[name] for name in [*names, ENDPOINT]}
    (build / "env.json").write_text(json.dumps({function.name: own}))
    command = [str(Path(sys.executable).parent / "sam"), "local", "invoke", function.name, "-e", str(example)]
    command += ["-t", str(build / "local.yaml"), "--env-vars", str(build / "env.json")]
    command += ["--invoke-image", image, "--skip-pull-image", *make_overrides(OPTIONAL)]
    sam = environment | {"SAM_CLI_TELEMETRY": "0"}
    return subprocess.run(command, cwd=build, env=sam, capture_output=True, text=True, timeout=300)


def read_response(output: str) -> object:
    """Return the response of the function, which is the last line of the output; None if there is none."""
    lines = [line for line in output.splitlines() if line.strip()]
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError):
        return None


def responded(response: object) -> bool:
    """Return True if the handler returned a response, and raised no error."""
    return isinstance(response, dict) and "errorType" not in response


if __name__ == "__main__":
    sys.exit(main())
