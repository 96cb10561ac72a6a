"""A run is addressed by its configuration: every field counts, nothing else does, and bad values are refused."""

import json
import re
import subprocess
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest

import core.config
from core.config import Compression, DataConfig, RunConfig, TrainingConfig, shown_as
from core.errors import ConfigError
from core.networks import NETWORKS
from core.pruning import CRITERIA, SCOPES, PruningConfig

RUN = RunConfig(network="lenet", training=TrainingConfig())


def other_value(value: Any, kind: Any) -> Any:
    """Another allowed value for a field."""
    choices = get_args(kind)
    if choices:
        return next(choice for choice in choices if choice != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + "x"
    return value + 1 if isinstance(value, int) else value / 2 + 0.1


def variants(config: Any) -> list[Any]:
    plain = [f for f in fields(config) if f.type is not Compression]
    return [replace(config, **{f.name: other_value(getattr(config, f.name), f.type)}) for f in plain]


def compressed(**how: Any) -> RunConfig:
    return replace(RUN, training=TrainingConfig(compression=Compression(**how)))


def test_run_id_is_twelve_hexadecimal_digits() -> None:
    assert re.fullmatch("[0-9a-f]{12}", RUN.run_id)


def test_every_field_changes_the_run_id() -> None:
    runs = [RUN, replace(RUN, network="other"), replace(RUN, seed=1)]
    runs += [replace(RUN, training=training) for training in variants(RUN.training)]
    runs += [replace(RUN, data=data) for data in variants(RUN.data)]
    runs += [replace(RUN, training=replace(RUN.training, compression=how)) for how in variants(Compression())]
    assert len({run.run_id for run in runs}) == len(runs)


def test_a_new_format_changes_the_run_id(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RUN.run_id
    monkeypatch.setattr(core.config, "FORMAT", core.config.FORMAT + 1)
    assert replace(RUN).run_id != before  # an object keeps the id that it was first asked for


def test_a_default_spelled_out_is_the_same_run() -> None:
    assert RunConfig.from_dict(asdict(RUN)).run_id == RUN.run_id


def test_a_run_without_compression_keeps_the_id_that_it_had_before_there_was_any() -> None:
    assert "compression" not in RUN.to_dict()["training"]
    assert RunConfig(network="lenet", training=NETWORKS["lenet"].recipes["report"]).run_id == "8eb9a6882564"


@pytest.mark.parametrize(
    "unused",
    [
        {"criterion": "lamp"},
        {"rounds": 7},
        {"rounded": 0.9},
        {"taught": 0.9, "temperature": 7.0},
        {"sparsity": 0.5, "rounds": 7},
        {"sparsity": 0.5, "pruning": "iterative", "begin": 0.9, "end": 0.2},
    ],
)
def test_a_field_that_has_no_effect_makes_no_new_run(unused: dict[str, Any]) -> None:
    used = {name: unused[name] for name in ("sparsity", "pruning") if name in unused}
    assert Compression(**unused).plain() == Compression(**used)


def test_what_has_an_effect_stays() -> None:
    how = Compression(
        sparsity=0.9, begin=0.2, end=0.5, scope="layerwise", bits=4, rounded=0.5, teacher="dense", taught=0.3
    )
    assert how.plain() == how
    again = RunConfig.from_dict(json.loads(json.dumps(compressed(sparsity=0.9, bits=4).to_dict())))
    assert again == compressed(sparsity=0.9, bits=4)


@pytest.mark.parametrize("how", [{"sparsity": 1.0}, {"bits": 3}, {"rounds": 0}, {"teacher": "me"}, {"unknown": 1}])
def test_a_compression_that_cannot_be_is_refused(how: dict[str, Any]) -> None:
    values = RUN.to_dict()
    with pytest.raises(ConfigError):
        RunConfig.from_dict({**values, "training": {**values["training"], "compression": how}})


def test_gradual_pruning_must_end_after_it_begins() -> None:
    with pytest.raises(ConfigError, match="let it end later"):
        Compression(sparsity=0.5, begin=0.5, end=0.5)


def test_gradual_pruning_follows_the_cubic_curve_of_zhu_and_gupta() -> None:
    how = Compression(sparsity=0.8, begin=0.25, end=0.75)
    expected = [0.8 + (0.0 - 0.8) * (1 - (t - 0.25) / 0.5) ** 3 for t in (0.25, 0.4, 0.5, 0.75)]
    assert [how.share(t) for t in (0.25, 0.4, 0.5, 0.75)] == pytest.approx(expected)
    assert how.share(0.0) == how.share(0.2) == 0.0 and how.share(1.0) == pytest.approx(0.8)


def test_iterative_pruning_takes_an_equal_ratio_of_what_is_left_in_each_round() -> None:
    how = Compression(sparsity=0.9, pruning="iterative", rounds=2)
    left = [1 - how.share(t) for t in (0.0, 0.3, 0.34, 0.6, 0.67, 0.99)]
    assert left == pytest.approx([1, 1, 0.1**0.5, 0.1**0.5, 0.1, 0.1])
    assert how.cycles == 3 and Compression(pruning="iterative").cycles == 1


def test_run_id_is_the_same_in_another_process() -> None:
    code = "import core.config as c; print(c.RunConfig(network='lenet', training=c.TrainingConfig()).run_id)"
    root = Path(core.config.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == RUN.run_id


def test_a_run_comes_back_from_json() -> None:
    run = replace(RUN, training=TrainingConfig(learning_rate=0.1 + 0.2), seed=7)
    assert RunConfig.from_dict(json.loads(json.dumps(run.to_dict()))) == run


def test_from_dict_does_not_change_what_it_reads() -> None:
    values = RUN.to_dict()
    RunConfig.from_dict(values)
    assert values == RUN.to_dict()


@pytest.mark.parametrize(
    "change",
    [
        {"training": {"epochs": 0}},
        {"training": {"speed": 9}},
        {"training": {"learning_rate": float("nan")}},
        {"training": 5},
        {"data": None},
        {"network": 5},
        {"colour": "red"},
    ],
)
def test_a_damaged_configuration_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        RunConfig.from_dict({**RUN.to_dict(), **change})


def test_a_missing_field_is_refused_by_name() -> None:
    values = RUN.to_dict()
    del values["training"]
    with pytest.raises(ConfigError, match="training"):
        RunConfig.from_dict(values)


FIELDS = [(owner, f) for owner in (TrainingConfig, DataConfig, PruningConfig) for f in fields(owner)]
RANGED = [(owner, f.name) for owner, f in FIELDS if f.type in (int, float)]


@pytest.mark.parametrize(("owner", "name"), RANGED)
def test_both_ends_of_a_range_are_allowed_and_nothing_beyond(owner: type, name: str) -> None:
    allowed = shown_as(owner, name)
    kind = type(getattr(owner(), name))
    assert getattr(owner(**{name: kind(allowed.low)}), name) == allowed.low
    assert getattr(owner(**{name: kind(allowed.high)}), name) == allowed.high
    for beyond in (allowed.low - 1, allowed.high + 1):
        with pytest.raises(ConfigError, match=re.escape(allowed.label)):
            owner(**{name: kind(beyond)})


def test_every_training_field_has_a_name_for_the_screen() -> None:
    every = [(of, f.name) for of in (TrainingConfig, Compression) for f in fields(of) if f.type is not Compression]
    names = [shown_as(of, name).label for of, name in every]
    assert len(set(names)) == len(names) and not set(names) & {name for _, name in every}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ConfigError, match=r"from 1e-05 to 2"):
        TrainingConfig(learning_rate=value)


def test_whole_numbers_are_written_out() -> None:
    with pytest.raises(ConfigError, match=r"Seed is 3,000,000,000; choose a value from 0 to 2,147,483,647\."):
        replace(RUN, seed=3_000_000_000)


@pytest.mark.parametrize(
    "values", [{"epochs": 1.5}, {"epochs": True}, {"epochs": "3"}, {"flip": 1}, {"momentum": None}]
)
def test_values_of_another_type_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(values))):
        TrainingConfig(**values)


def test_an_unknown_choice_is_refused_with_the_choices() -> None:
    with pytest.raises(ConfigError, match=r"'adam'; choose one of sgd, adamw, muon"):
        TrainingConfig(optimizer="adam")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="choose one of global, layerwise"):
        PruningConfig(scope="both")


def test_pruning_keys_are_unique_and_safe_as_file_names() -> None:
    configs = [PruningConfig(criterion=c, scope=s) for c in CRITERIA for s in SCOPES]
    configs.append(PruningConfig(criterion="random", seed=1))
    keys = [config.key for config in configs]
    assert len(set(keys)) == len(keys) and all(re.fullmatch(r"[a-z]+-[a-z]+(-\d+)?", key) for key in keys)


def test_the_seed_is_part_of_the_key_of_the_random_criterion_alone() -> None:
    assert PruningConfig(seed=5).key == PruningConfig().key == "magnitude-global"
    assert PruningConfig(criterion="random", scope="layerwise", seed=5).key == "random-layerwise-5"


def test_skipped_images_are_not_passed_over_but_in_the_first_epoch() -> None:
    assert TrainingConfig(epochs=4).passes == 4
    assert TrainingConfig(epochs=3, skip=0.5).passes == 2
