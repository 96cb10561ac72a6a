"""The registry offers what the pages promise."""

from core.config import Problem, RunConfig
from core.networks import DEFAULT_NETWORK, NETWORKS, recipe_for, recipe_name


def test_the_default_network_exists_and_starts_with_the_quick_recipe() -> None:
    assert list(NETWORKS[DEFAULT_NETWORK].recipes)[:2] == list(NETWORKS[DEFAULT_NETWORK].dense) == ["quick", "thorough"]


def test_the_quickest_recipe_of_each_network_comes_first() -> None:
    for network in NETWORKS.values():
        epochs = [recipe.epochs for recipe in network.dense.values()]
        assert epochs == sorted(epochs)
        assert list(network.recipes)[: len(epochs)] == list(network.dense)


def test_no_value_of_a_recipe_is_without_effect() -> None:
    for network in NETWORKS.values():
        for recipe in network.recipes.values():
            assert recipe.compression == recipe.compression.plain()


def test_every_recipe_is_found_by_its_values() -> None:
    for name, network in NETWORKS.items():
        for recipe, training in network.recipes.items():
            assert recipe_name(name, training) == recipe


def test_other_values_and_other_networks_have_no_recipe_name() -> None:
    training = NETWORKS["lenet"].recipes["report"]
    assert recipe_name("convnet", training) is None
    assert recipe_name("no such network", training) is None


def test_no_two_recipes_are_the_same_run() -> None:
    configs = [RunConfig(network=n, training=t) for n, network in NETWORKS.items() for t in network.recipes.values()]
    assert len({config.run_id for config in configs}) == len(configs)


def test_the_networks_keep_the_promised_sizes() -> None:
    weights = {name: network.weights(Problem()) for name, network in NETWORKS.items()}
    assert weights["lenet"] == 44_190
    assert weights["convnet"] < 490_000 and weights["convnet-small"] < 99_000  # and a few biases
    assert weights["resnet-small"] < 299_000 and 900_000 < weights["resnet"] < 1_100_000


def test_a_recipe_without_flips_keeps_its_name() -> None:
    recipe = NETWORKS["convnet"].recipes["thorough"]
    changed = recipe_for(recipe, mirrored=False)
    assert recipe.flip and not changed.flip and recipe_name("convnet", changed) == "thorough"
    assert recipe_for(recipe, mirrored=True) == recipe


def test_the_report_recipe_is_plain_gradient_descent() -> None:
    report = NETWORKS["lenet"].recipes["report"]
    assert (report.optimizer, report.schedule) == ("sgd", "constant")
    assert report.momentum == report.weight_decay == report.label_smoothing == report.shift == 0
    assert not report.flip
