"""Every distribution of a job: what is accepted, which arguments the script gets, what is refused and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.errors import DistributionRefusedError, SeqdropError
from seqdrop.training.distribution.distribution import Distribution
from seqdrop.training.distribution.field_translation import V1, V2
from seqdrop.training.distribution.profiles import PROFILES
from seqdrop.training.plan.instances import INSTANCES

G5, P4D, P5 = "ml.g5.12xlarge", "ml.p4d.24xlarge", "ml.p5.48xlarge"
CHAPTER = {
    "partitions": 2,
    "microbatches": 4,
    "pipeline": "interleaved",
    "optimize": "speed",
    "placement_strategy": "spread",
    "tensor_parallel_degree": 4,
    "ddp": True,
}
MPI = {"enabled": True, "processes_per_host": 8, "custom_mpi_options": ""}


def v1(mpi=MPI, **parameters) -> dict:
    return {"smdistributed": {"modelparallel": {"enabled": True, "parameters": parameters}}, "mpi": mpi}


def v2(**parameters) -> dict:
    return {
        "torch_distributed": {"enabled": True},
        "smdistributed": {"modelparallel": {"enabled": True, "parameters": parameters}},
    }


def refusal(table: dict, instance: str = P4D, model: str = "protbert", smp: bool = False) -> str:
    with pytest.raises(DistributionRefusedError) as raised:
        Distribution.from_table(table, smp, instance, model)
    assert isinstance(raised.value, ValueError)
    assert isinstance(raised.value, SeqdropError)
    assert not raised.value.retryable
    return str(raised.value)


def test_an_empty_table_is_one_process():
    distribution, translations = Distribution.from_table({})
    assert (distribution.profile, translations, distribution.launcher(), distribution.processes(G5)) == (
        "single",
        [],
        {},
        1,
    )


@pytest.mark.parametrize("profile", ["ddp", "fsdp", "fsdp_offload", "lora"])
def test_torchrun_starts_a_profile_of_several_processes(profile):
    distribution, _ = Distribution.from_table({"profile": profile}, instance=G5, model="prott5")
    assert distribution.launcher() == {
        "sagemaker_torch_distributed_enabled": "true",
        "sagemaker_instance_type": f'"{G5}"',
    }
    assert distribution.hyperparameters()["profile"] == profile
    assert distribution.processes() == 4


@pytest.mark.parametrize("profile", PROFILES)
def test_hyperparameters_are_texts_that_the_script_knows(profile):
    names = {"profile", "activation_checkpointing", "activation_offloading", "precision", "lora_rank"}
    distribution, _ = Distribution.from_table({"profile": profile}, instance=G5)
    values = {
        name: value for name, value in distribution.hyperparameters().items() if not name.startswith("sagemaker_")
    }
    assert set(values) <= names
    assert values["activation_checkpointing"] == ("true" if profile.startswith("fsdp") else "false")
    assert all(isinstance(value, str) for value in values.values())
    assert ("lora_rank" in values) == (profile == "lora")


def test_the_distribution_overrides_settings_of_train_only_if_it_sets_them():
    assert {"accumulate", "tokens_per_batch"}.isdisjoint(Distribution("ddp").hyperparameters())
    values = Distribution("ddp", micro_batch=1500, accumulate=4).hyperparameters()
    assert (values["accumulate"], values["tokens_per_batch"]) == ("4", "1500")


def test_a_single_process_on_an_instance_with_several_gpus_has_no_launcher():
    distribution, _ = Distribution.from_table({"profile": "lora", "processes_per_host": 1}, instance=G5)
    assert (distribution.launcher(), distribution.processes()) == ({}, 1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"profile": "zero3"}, 'distribution.profile is "zero3"; it must be one of "single", "ddp", "fsdp"'),
        ({"profil": "ddp"}, "distribution.profil is not a known setting; did you mean profile?"),
        ({"mpii": {}}, "distribution.mpii is not a known table; did you mean mpi?"),
        (
            {"profile": "ddp", "activation_offloading": True},
            "is for fsdp and fsdp_offload; profile ddp keeps the whole",
        ),
        (
            {"profile": "fsdp", "activation_offloading": True, "activation_checkpointing": False},
            "needs activation_checkpointing = true",
        ),
        ({"profile": "single", "hosts": 2}, "profile single is one process on one host, but hosts is 2"),
        ({"profile": "single", "processes_per_host": 8}, "but processes_per_host is 8"),
        ({"profile": "ddp", "processes_per_host": 3}, "has 8 GPUs: the toolkit starts one process per GPU"),
        ({"profile": "ddp", "hosts": 0}, "distribution.hosts is 0; it must be a whole number from 1"),
        ({"profile": "ddp", "hosts": True}, "distribution.hosts is true"),
        ({"profile": "ddp", "hosts": 1000}, "distribution.hosts is 1000; it must be a whole number from 1 to 64"),
        ({"profile": "ddp", "accumulate": -1}, "distribution.accumulate is -1"),
        ({"profile": "ddp", "activation_checkpointing": "yes"}, 'is "yes"; it must be true or false'),
        ({"profile": "ddp", "lora_rank": 4}, "lora_rank is for profile lora"),
        ({"profile": "lora", "lora_rank": 0}, "distribution.lora_rank is 0"),
        ({"profile": "ddp", "precision": "fp16"}, "(not fp16, in which T5 overflows)"),
        ({"profile": "fsdp", "torch_distributed": {"enabled": True}}, "use only one of them"),
        ({"profile": "fsdp", "processes_per_host": 1, "hosts": 2}, "leaves GPUs idle"),
    ],
)
def test_an_impossible_table_is_refused_with_the_reason(table, message):
    assert message in refusal(table)


def test_profiles_that_do_not_suit_a_model_are_refused():
    assert "profile lora is for encoders with attention" in refusal({"profile": "lora"}, model="cnn")
    with pytest.raises(DistributionRefusedError, match="freeze_encoder and profile lora"):
        Distribution("lora").check("prott5", freeze_encoder=True)
    assert "has none: use fsdp" in refusal({"profile": "fsdp_offload"}, "ml.m5.xlarge", "cnn")


def test_the_chapters_table_becomes_fsdp_and_each_field_has_a_translation():
    distribution, translations = Distribution.from_table(v1(**CHAPTER), instance=P4D, model="prott5")
    assert (distribution.profile, distribution.activation_checkpointing, distribution.accumulate) == ("fsdp", True, 4)
    assert (distribution.processes_per_host, distribution.processes()) == (8, 8)
    by_name = {translation.field.rpartition(".")[2]: translation for translation in translations}
    assert set(by_name) == {*CHAPTER, *MPI, "(not given)"}
    assert by_name["partitions"].becomes == by_name["tensor_parallel_degree"].becomes == "fsdp"
    assert by_name["microbatches"].becomes == "accumulate = 4"
    assert {by_name[name].becomes for name in ("pipeline", "placement_strategy", "optimize")} == {"nothing"}
    assert by_name["enabled"].becomes == "torchrun"
    assert all(translation.why for translation in translations)


@pytest.mark.parametrize(
    ("parameters", "profile", "checkpoints", "offloads"),
    [
        ({"partitions": 1, "ddp": True}, "ddp", False, False),
        ({"partitions": 2}, "fsdp", True, False),
        ({"pipeline_parallel_degree": 1, "ddp": True, "shard_optimizer_state": True}, "fsdp", True, False),
        ({"partitions": 1, "ddp": True, "sharded_data_parallel_degree": 8}, "fsdp", True, False),
        ({"partitions": 1, "ddp": True, "tensor_parallel_degree": 8}, "fsdp", True, False),
        ({"partitions": 2, "offload_activations": True}, "fsdp", True, True),
        ({"partitions": 2, "activation_checkpointing": False}, "fsdp", False, False),
    ],
)
def test_a_table_of_smp_v1_becomes_the_nearest_profile(parameters, profile, checkpoints, offloads):
    distribution, _ = Distribution.from_table(v1(**parameters), instance=P4D)
    assert (distribution.profile, distribution.activation_checkpointing, distribution.activation_offloading) == (
        profile,
        checkpoints,
        offloads,
    )


@pytest.mark.parametrize(
    ("parameters", "profile", "offloads"),
    [
        ({}, "fsdp", False),
        ({"hybrid_shard_degree": 0}, "fsdp", False),
        ({"hybrid_shard_degree": 1}, "ddp", False),
        ({"hybrid_shard_degree": 4, "sm_activation_offloading": True}, "fsdp", True),
        ({"hybrid_shard_degree": 1, "tensor_parallel_degree": 8}, "fsdp", False),
        ({"context_parallel_degree": 2}, "fsdp", False),
    ],
)
def test_a_table_of_smp_v2_becomes_the_nearest_profile(parameters, profile, offloads):
    distribution, translations = Distribution.from_table(v2(**parameters), instance=P5)
    assert (distribution.profile, distribution.activation_offloading) == (profile, offloads)
    assert {translation.field.rpartition(".")[2] for translation in translations} >= set(parameters)
    assert distribution.launcher()["sagemaker_torch_distributed_enabled"] == "true"


def test_a_smaller_split_than_requested_is_explained():
    _, translations = Distribution.from_table(v2(hybrid_shard_degree=4), instance=P4D)
    assert translations[0].why == "sharded over all 8 GPUs and not over 4: less memory on each, more traffic"


@pytest.mark.parametrize(("smp", "instance"), [(True, G5), (True, P5), (False, P4D), (False, "")])
def test_the_data_parallel_library_becomes_ddp_if_it_cannot_run(smp, instance):
    table = {"smdistributed": {"dataparallel": {"enabled": True, "custom_mpi_options": "-x A=1"}}}
    if smp and instance == P5:
        assert "do not run on p5" in refusal(table, P5, smp=True)
        return
    distribution, translations = Distribution.from_table(table, smp, instance)
    assert distribution.profile == "ddp"
    assert [translation.becomes for translation in translations] == ["ddp", "nothing"]
    assert "sagemaker_torch_distributed_enabled" in distribution.launcher()


@pytest.mark.parametrize("name", ["torch_distributed", "pytorchddp"])
def test_tables_of_pytorch_become_ddp(name):
    distribution, translations = Distribution.from_table({name: {"enabled": True}}, instance=G5)
    assert (distribution.profile, [translation.becomes for translation in translations]) == ("ddp", ["ddp"])


def test_a_table_that_is_not_enabled_starts_nothing():
    table = {"smdistributed": {"modelparallel": {"enabled": False, "parameters": CHAPTER}}}
    distribution, translations = Distribution.from_table(table, instance=P4D)
    assert (distribution.profile, distribution.launcher()) == ("single", {})
    assert translations[0].why == "it is not enabled"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (v1(**CHAPTER | {"partitions": 3}), "partitions × tensor_parallel_degree is 12, which does not divide the 8"),
        (v1(**CHAPTER | {"ddp": False}), "tensor_parallel_degree above 1 needs ddp = true"),
        (v1(partitions=2, parts=1), "parameters.parts: there is no such field"),
        (v1(partitions="2"), "partitions is '2'; it must be a whole number from 1"),
        (v1(partitions=True), "partitions is True; it must be a whole number"),
        (v1(partitions=2, memory_weight=2), "memory_weight is 2; it must be 0 to 1"),
        (v1(partitions=2, horovod=True), "horovod is for TensorFlow"),
        (v1(partitions=2, fp16=True, bf16=True), "fp16 and bf16 exclude each other"),
        (v1(partitions=1, ddp=True, offload_activations=True), "a whole copy of the model on each GPU, and to offload"),
        (v1(MPI | {"processes_per_host": 16}, partitions=2), "mpi.processes_per_host is 16, and ml.p4d.24xlarge has 8"),
        (v1(MPI | {"hostfile": "x"}, partitions=2), "distribution.mpi.hostfile: there is no such field"),
        (v2(hybrid_shard_degree=3), "hybrid_shard_degree 3 × tensor_parallel_degree 1 does not divide the 8"),
        (v2(expert_parallel_degree=2), "expert_parallel_degree is for models with experts"),
        (v2(partitions=2), "parameters.partitions: there is no such field"),
        ({"smdistributed": {"modelparallel": {"enabled": True, "parameters": CHAPTER}}}, "is started by MPI"),
        ({"smdistributed": {"dataparallel": {"enabled": True}}, "mpi": MPI}, "starts MPI by itself"),
        ({"smdistributed": {"modelparallel": 1}}, "distribution.smdistributed.modelparallel must be a table"),
        ({"smdistributed": 1}, "distribution.smdistributed must be a table"),
        ({"torch_distributed": True}, "distribution.torch_distributed must be a table"),
        ({"smdistributed": {"deepspeed": {}}}, "it takes one of modelparallel, dataparallel"),
        ({"smdistributed": {"dataparallel": {"enabled": 1}}}, "enabled must be true or false"),
    ],
)
def test_an_impossible_sagemaker_table_is_refused_with_the_reason(table, message):
    assert message in refusal(table)


def test_fp16_is_refused_for_t5_and_becomes_bf16_elsewhere():
    assert "overflow in fp16" in refusal(v1(partitions=2, fp16_params=True), model="prott5")
    _, translations = Distribution.from_table(v1(partitions=2, fp16=True), instance=P4D, model="protbert")
    assert next(each for each in translations if each.field.endswith("fp16")).becomes == "precision = auto"


VALUES = st.one_of(st.integers(-1, 9), st.booleans(), st.floats(0, 1), st.sampled_from(["speed", "spread", "simple"]))


@given(
    parameters=st.dictionaries(st.sampled_from(sorted(V1) + sorted(V2)), VALUES, max_size=6),
    second=st.booleans(),
    smp=st.booleans(),
    instance=st.sampled_from(["", *INSTANCES]),
    model=st.sampled_from(["prott5", "protbert", "cnn"]),
)
def test_any_table_becomes_a_distribution_or_is_refused(parameters, second, smp, instance, model):
    """Each field of an accepted table has a translation."""
    table = v2(**parameters) if second else v1({"enabled": True}, **parameters)
    try:
        distribution, translations = Distribution.from_table(table, smp, instance, model)
    except DistributionRefusedError:
        return
    assert {translation.field.rpartition("parameters.")[2] for translation in translations} >= set(parameters)
    assert all(isinstance(value, str) for value in distribution.hyperparameters(instance).values())
