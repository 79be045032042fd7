"""Functions with the same layer share its unpacked files, and each finds them."""

import io
import json
import zipfile

from local.testing import allow, make_role

pytest_plugins = ["local.fixtures"]

CODE = """
import os, shared_word

def handler(event, context):
    return {"word": shared_word.WORD, "path": os.path.realpath(shared_word.__file__)}
"""


def make_zip(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, body in files.items():
            archive.writestr(name.replace("__", "/") + ".py", body)
    return buffer.getvalue()


def test_a_layer_is_unpacked_once(aws):
    functions, role = aws.client("lambda"), make_role(aws, allow("logs:*"), service="lambda.amazonaws.com")
    layer = functions.publish_layer_version(
        LayerName="words", Content={"ZipFile": make_zip(python__shared_word='WORD = "drop"')}
    )["LayerVersionArn"]
    responses = []
    for name in ("layered-a", "layered-b"):
        functions.create_function(
            FunctionName=name,
            Role=role,
            Runtime="python3.11",
            Handler="app.handler",
            Layers=[layer],
            Code={"ZipFile": make_zip(app=CODE)},
        )
        responses.append(json.loads(functions.invoke(FunctionName=name)["Payload"].read()))
    assert responses[0] == responses[1]
    assert responses[0]["word"] == "drop"
