"""A network of one's own on the Train page: its layers, a refusal, and the command; on a desk and on a phone."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torchvision
from playwright.sync_api import Page, expect
from safetensors.numpy import save

from tests.graphs import looping, small

pytestmark = pytest.mark.browser


def bring(page: Page, name: str, content: bytes, folder: Path) -> None:
    """Choose a file of this name, in the section that is open."""
    path = folder / name
    path.write_bytes(content)
    page.locator('input[type="file"]').set_input_files(path)


def test_the_layers_the_command_and_refusals_by_a_sentence(visit: Any, tmp_path: Path) -> None:
    page = visit().open("train")
    page.get_by_text("Bring a network of your own").click()
    bring(page, "my net <b>$(x).onnx", small().SerializeToString(), tmp_path)
    table = page.get_by_role("region", name="Layers")
    expect(table.get_by_role("row")).to_have_count(3)
    expect(table.get_by_role("row").nth(1)).to_contain_text("4 × 1 × 3 × 3")
    expect(page.get_by_text("my net <b>$(x).onnx: 76 weights in 2 layers can be pruned.")).to_be_visible()
    expect(
        page.get_by_text("Not pruned, because only kernels of Conv, Gemm and MatMul are: 14 numbers of biases.")
    ).to_be_visible()
    command = page.get_by_text(
        "python -m core.prune 'my net <b>$(x).onnx' --data pictures --sparsity 0.5 -o pruned.onnx"
    )
    expect(command).to_be_visible()
    for name, content, says in (
        ("network.onnx", pickle.dumps({"w": 1}), "may hold pickled code"),
        ("empty.onnx", b"", "This file is empty"),
        ("page.onnx", b"<html>gone</html>", "perhaps a web page"),
        ("crash.onnx", looping().SerializeToString(), "defines functions of its own (again)"),
    ):
        bring(page, name, content, tmp_path)
        expect(page.get_by_text(says)).to_be_visible()
        expect(table).to_have_count(0)
    weights = torchvision.models.get_model("squeezenet1_1", weights=None, num_classes=10).state_dict()
    bring(page, "w.safetensors", save({name: value.numpy() for name, value in weights.items()}), tmp_path)
    page.get_by_role("combobox", name="architecture in torchvision").fill("squeezenet1_1")
    page.keyboard.press("Enter")
    expect(table.get_by_role("row")).to_have_count(27)
    expect(page.get_by_text("python -m core.prune w.safetensors --architecture squeezenet1_1")).to_be_visible()
    bring(page, "again.onnx", small().SerializeToString(), tmp_path)
    expect(table.get_by_role("row")).to_have_count(3)


def test_on_a_phone_nothing_is_wider_than_the_screen(visit: Any, tmp_path: Path) -> None:
    page = visit(viewport={"width": 390, "height": 844}).open("train")
    page.get_by_text("Bring a network of your own").click()
    bring(page, "network.onnx", small().SerializeToString(), tmp_path)
    expect(page.get_by_text("Or prune it where PruneLab is installed")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    last = page.get_by_text("python -m core.prune network.onnx")
    last.scroll_into_view_if_needed()
    box = last.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
