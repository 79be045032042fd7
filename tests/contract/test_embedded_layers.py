"""Two functions that share a layer share what is unpacked of it, and each finds its content."""

import io
import json
import zipfile

from local.testing import allow, make_role

pytest_plugins = ["local.fixtures"]

CODE = """
import os, shared_word

def handler(event, context):
    return {"word": shared_word.WORD, "place": os.path.realpath(shared_word.__file__)}
"""


def zipped(**files: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, body in files.items():
            archive.writestr(name.replace("__", "/") + ".py", body)
    return held.getvalue()


def test_a_layer_is_unpacked_once(aws):
    functions, role = aws.client("lambda"), make_role(aws, allow("logs:*"), service="lambda.amazonaws.com")
    layer = functions.publish_layer_version(
        LayerName="words", Content={"ZipFile": zipped(python__shared_word='WORD = "drop"')}
    )["LayerVersionArn"]
    answers = []
    for name in ("layered-a", "layered-b"):
        functions.create_function(
            FunctionName=name,
            Role=role,
            Runtime="python3.11",
            Handler="app.handler",
            Layers=[layer],
            Code={"ZipFile": zipped(app=CODE)},
        )
        answers.append(json.loads(functions.invoke(FunctionName=name)["Payload"].read()))
    assert answers[0] == answers[1]
    assert answers[0]["word"] == "drop"
