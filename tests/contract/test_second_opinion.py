"""A second emulator, LocalEmu, is asked the same questions as the embedded AWS.

Where they disagree, the embedded AWS was mended, or local/README.md says which of both is right by AWS's documents.
"""

from __future__ import annotations

import pytest

from tests.support.localemu import start_localemu
from tests.support.questions.account import Account
from tests.support.questions.catalogue import QUESTIONS

pytest_plugins = ["local.fixtures"]
pytestmark = pytest.mark.long
HEADING = "## Second opinion"


@pytest.fixture(scope="module")
def ours(aws):
    return Account(aws.client)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    with start_localemu(tmp_path_factory.mktemp("localemu")) as client:
        yield Account(client)


@pytest.fixture(scope="module")
def disagreements(repository):
    """The questions in the table of local/README.md, and who is right: "here" or "LocalEmu"."""
    _, section = (repository / "local/README.md").read_text().split(f"{HEADING}\n")
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    return {cells[1].strip(" `"): cells[-2].strip() for cells in rows}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.__name__)
def test_both_emulators_answer_alike_or_the_difference_is_listed(question, ours, theirs, disagreements):
    is_same = question(ours) == question(theirs)
    listed = disagreements.get(question.__name__)
    assert is_same == (listed is None), f"the list says {listed}; ours: {question(ours)}, theirs: {question(theirs)}"


def test_the_list_names_questions_and_who_is_right(disagreements):
    assert set(disagreements) <= {question.__name__ for question in QUESTIONS}
    assert set(disagreements.values()) <= {"here", "LocalEmu", "neither"}
