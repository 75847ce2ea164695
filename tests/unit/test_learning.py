"""The number format that a training runs in."""

import dataclasses
import platform

import pytest
import torch

from workflow.config import presets
from workflow.steps.learning import precision


@pytest.mark.parametrize("machine, instructions, format", [
    ("x86_64", True, torch.bfloat16), ("x86_64", False, torch.float32), ("aarch64", False, torch.bfloat16),
])  # fmt: skip
def test_bfloat16_needs_a_processor_that_has_it(monkeypatch, machine, instructions, format):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: instructions)
    config = dataclasses.replace(presets.load("config/cave.yaml"), device="cpu")
    assert config.precision == "bfloat16" and precision(config) == format
    assert precision(dataclasses.replace(config, precision="auto")) == torch.float32
