from hypothesis import given
from hypothesis import strategies as st
from seqdrop.sagemaker.endpoint_names import (
    PATTERN,
    async_endpoint_name,
    configuration_name,
    endpoint_name,
    is_configuration_of,
)

STACKS = st.from_regex(r"[a-z][-a-z0-9]{0,126}[a-z0-9]", fullmatch=True)
ANALYSES = st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True)


def test_names_say_the_stack_and_the_analysis():
    assert endpoint_name("seqdrop", "reads") == "seqdrop-reads"
    assert async_endpoint_name("seqdrop", "reads") == "seqdrop-reads-async"
    assert configuration_name("seqdrop-reads", "{}") == "seqdrop-reads-44136fa355b3"


@given(STACKS, ANALYSES, st.text())
def test_every_name_is_allowed_by_sagemaker(stack, analysis, content):
    for endpoint in (endpoint_name(stack, analysis), async_endpoint_name(stack, analysis)):
        assert PATTERN.fullmatch(endpoint)
        assert PATTERN.fullmatch(configuration_name(endpoint, content))


@given(STACKS, ANALYSES)
def test_both_endpoints_of_an_analysis_have_different_names(stack, analysis):
    assert endpoint_name(stack, analysis) != async_endpoint_name(stack, analysis)


@given(STACKS, ANALYSES, st.text())
def test_a_configuration_belongs_to_its_endpoint_alone(stack, analysis, content):
    own, other = endpoint_name(stack, analysis), async_endpoint_name(stack, analysis)
    name = configuration_name(own, content)
    assert is_configuration_of(own, name)
    assert not is_configuration_of(other, name)
    assert not is_configuration_of(own, configuration_name(other, content))
