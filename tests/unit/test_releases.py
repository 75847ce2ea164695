"""Published weights: every tensor of a release is loaded into its parameter; errors name tensors that do not fit."""

import csv
import re
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from baselines.awan import AWAN
from baselines.liif import LIIF
from baselines.mog_dcn import MoGDCN
from baselines.rcan import RCAN
from baselines.releases import load_release
from baselines.ssjsr import SSJSR
from baselines.sspsr import SSPSR
from baselines.us3rn import US3RN
from ssif.bands import Bands
from ssif.errors import UserError
from ssif.nets.field import NeuralField
from workflow.land_use.a2s2k import A2S2K

TABLES = Path(__file__).resolve().parents[1] / "release_names"
# The networks have the sizes of the tables.
NETWORKS = {
    "us3rn_p4_c3_C31": lambda: US3RN(3, 31, 4),
    "awan_c3_C31": lambda: AWAN(3, 31, size="lr"),
    "mog_dcn_p8_C31": lambda: MoGDCN(3, 31, 8),
    "a2s2k_B102_n9": lambda: A2S2K(102, 9),
}


def table(name: str) -> list[dict[str, str]]:
    with open(TABLES / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def shape(text: str) -> list[int]:
    return [] if text == "scalar" else [int(side) for side in text.split("x")]


def released(name: str) -> dict[str, Tensor]:
    """A state dict with the names and shapes of a release and random values."""
    drawn = {row["release_name"]: torch.rand(shape(row["release_shape"])) for row in table(name)}
    return {name: (1000 * value).long() if "num_batches" in name else value for name, value in drawn.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_of_a_release_lands_where_its_table_says(tmp_path, name):
    state, model = released(name), NETWORKS[name]()
    torch.save(state, tmp_path / "weights.pth")
    load_release(model, tmp_path / "weights.pth")
    loaded, expected = model.state_dict(), {row["name_here"]: row for row in table(name) if row["name_here"]}
    assert loaded.keys() == expected.keys()
    for own, row in expected.items():
        assert list(loaded[own].shape) == shape(row["shape_here"])
        assert torch.equal(loaded[own].flatten(), state[row["release_name"]].flatten()), own


def renamed(model: nn.Module, *rules: tuple[str, str]) -> dict[str, Tensor]:
    """The tensors of the model under the names of a release, by the inverse substitutions."""
    found = {}
    for name, value in model.state_dict().items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        found[name] = value.clone()
    return found


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def us3rn_of(model: nn.Module) -> dict[str, Tensor]:
    """The names of US3RN for any p and C, from the table for p = 4 by counting the steps of the upsampler."""
    known = {row["name_here"]: row["release_name"] for row in table("us3rn_p4_c3_C31")}
    step = re.compile(r"^(.*(?:up|down)\d?\.)(\d)(\..*)$")

    def name(own: str) -> str:
        if found := step.match(own):
            first = known[f"{found[1]}0{found[3]}"]
            return re.sub(r"\.0(\.\w+)$", rf".{found[2]}\1", first)
        return known[own]

    return {name(own): value.clone() for own, value in model.state_dict().items()}


@pytest.mark.parametrize(("channels", "bands", "scale"), [(3, 31, 2), (4, 102, 8), (3, 8, 16)])
def test_us3rn_of_other_scales_and_bands(tmp_path, channels, bands, scale):
    theirs, ours = US3RN(channels, bands, scale), US3RN(channels, bands, scale)
    torch.save({"epoch": 152, "param": us3rn_of(theirs)}, tmp_path / "_epoch_152.pth")
    load_release(ours, tmp_path / "_epoch_152.pth")
    assert same(theirs, ours)


def by_table(name: str, model: nn.Module) -> dict[str, Tensor]:
    """The tensors of the model under the names in the table of a release, for the blocks of the model."""
    known = {row["name_here"]: row["release_name"] for row in table(name)}
    return {known[own]: value.clone() for own, value in model.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("awan_c3_C31", lambda: AWAN(4, 102, size="hr", channels=16, blocks=3)),
        ("mog_dcn_p8_C31", lambda: MoGDCN(4, 12, 3, width=4, kernel=5)),
        ("a2s2k_B102_n9", lambda: A2S2K(20, 4, kernels=6, patch=7)),
    ],
)
def test_other_sizes_have_the_names_of_their_table(tmp_path, name, network):
    theirs, ours = network(), network()
    torch.save(by_table(name, theirs), tmp_path / "weights.pth")
    load_release(ours, tmp_path / "weights.pth")
    assert same(theirs, ours)


RGB = Bands.from_centres([640, 550, 460], 10)
EDSR, RDN = {"name": "edsr", "blocks": 2, "channels": 8}, {"name": "rdn", "blocks": 2, "channels": 8, "layers": 2}
SHIFTS = {f"encoder.{name}.{part}": torch.rand(3, 3, 1, 1) if part == "weight" else torch.rand(3)
          for name in ("sub_mean", "add_mean") for part in ("weight", "bias")}  # fmt: skip
IN_ORDER = {
    "liif with edsr": (
        lambda: LIIF(3, bands=RGB, encoder=EDSR, hidden=8),
        [(r"^decoder\.", "imnet.layers."), (r"^encoder\.(\w+)", r"encoder.z_\1")],
        SHIFTS,
    ),
    "liif with rdn": (
        lambda: LIIF(3, bands=RGB, encoder=RDN, hidden=8),
        [(r"^decoder\.", "imnet.layers."), (r"^encoder\.(\w+)", r"encoder.z_\1")],
        {},
    ),
    "itsrn": (
        lambda: NeuralField(3, RDN, "itsrn", 8, 3),
        [
            (r"^decoder\.weights\.", "imnet.layers."),
            (r"^decoder\.merge\.", "Weight.layers."),
            (r"^decoder\.score\.", "Score.layers."),
            (r"^encoder\.(\w+)", r"encoder.z_\1"),
        ],
        {},
    ),
    "sspsr": (lambda: SSPSR(12, 4, channels=32, blocks=1, group=4, overlap=1), [(r"^(\w+)", r"z_\1")], {}),
    "rcan of many bands": (
        lambda: RCAN(31, 4, image="hsi", groups=1, blocks=1, channels=16),
        [(r"^(\w+)", r"z_\1")],
        {},
    ),
}


@pytest.mark.parametrize("case", IN_ORDER)
def test_networks_whose_releases_have_our_order(tmp_path, case):
    network, rules, besides = IN_ORDER[case]
    theirs, ours = network(), network()
    # The mean shifts are the first tensors of the release.
    state = besides | renamed(theirs, *rules)
    assert not set(state) & set(ours.state_dict())
    torch.save({"model": {"name": "liif", "args": {"hidden": 8}, "sd": state}, "epoch": 3}, tmp_path / "weights.pth")
    load_release(ours, tmp_path / "weights.pth")
    assert same(theirs, ours)


@pytest.mark.parametrize("largest", [255, 1])
def test_rcans_mean_shift_and_range_are_folded_into_its_ends(tmp_path, largest):
    sizes = {"image": "msi", "groups": 1, "blocks": 1, "channels": 16}
    theirs, ours = RCAN(3, 2, **sizes), RCAN(3, 2, **sizes)
    mean = torch.tensor([0.4488, 0.4371, 0.4040])
    mix = {name: torch.eye(3) + 0.01 * torch.rand(3, 3) for name in ("sub_mean", "add_mean")}
    state = {}
    for name, sign in (("sub_mean", -1), ("add_mean", 1)):
        state |= {f"{name}.weight": mix[name][..., None, None], f"{name}.bias": sign * largest * mean}
    torch.save(state | renamed(theirs, (r"^(\w+)", r"z_\1")), tmp_path / "weights.pt")
    load_release(ours, tmp_path / "weights.pt")

    def shifted(name: str, image: Tensor) -> Tensor:
        return nn.functional.conv2d(image, state[f"{name}.weight"], state[f"{name}.bias"])

    image = torch.rand(1, 3, 9, 9)
    inside = (..., slice(1, -1), slice(1, -1))
    torch.testing.assert_close(
        ours.head(image)[inside], theirs.head(shifted("sub_mean", largest * image))[inside], rtol=1e-4, atol=1e-4
    )
    features = 100 * torch.rand(1, 16, 9, 9)
    tail = shifted("add_mean", theirs.tail(features)) / largest
    torch.testing.assert_close(ours.tail(features), tail, rtol=1e-4, atol=1e-4)
    cut = {name: value for name, value in state.items() if name != "add_mean.bias"} | renamed(
        theirs, (r"^(\w+)", r"z_\1")
    )
    refused(ours, cut, tmp_path / "cut.pt", r"its mean shift needs add_mean\.bias \[3\]$")
    middle = {name for name in ours.state_dict() if not name.startswith(("head.", "tail."))}
    assert all(torch.equal(ours.state_dict()[name], theirs.state_dict()[name]) for name in middle)


SMALL = {"msi_bands": 3, "bands": 7, "scale": 2}


@pytest.mark.parametrize(
    "wrap", ["", "state_dict", "params", "params_ema", "param", "net", "model", "model.sd", "model.state_dict"]
)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_containers_and_prefixes(tmp_path, wrap, prefix):
    theirs, ours = US3RN(**SMALL), US3RN(**SMALL)
    content = {prefix + name: value for name, value in us3rn_of(theirs).items()}
    for key in reversed(wrap.split(".") if wrap else []):
        content = {"epoch": 152, key: content, "optimizer": {"state": {}, "param_groups": []}, "name": "x"}
    torch.save(content, tmp_path / "weights.pth")
    load_release(ours, tmp_path / "weights.pth")
    assert same(theirs, ours)


def test_safetensors_by_name_and_our_own_names(tmp_path):
    theirs, ours = US3RN(**SMALL), US3RN(**SMALL)
    safetensors.torch.save_file(us3rn_of(theirs), tmp_path / "release.safetensors")
    load_release(ours, tmp_path / "release.safetensors")
    assert same(theirs, ours)
    # A network without a known release.
    theirs, ours = (SSJSR(3, 7, 2, width=8, inner=8, blocks=1) for _ in range(2))
    safetensors.torch.save_file(theirs.state_dict(), tmp_path / "own.safetensors")
    load_release(ours, tmp_path / "own.safetensors")
    assert same(theirs, ours)


def test_an_order_is_not_read_from_safetensors(tmp_path):
    model = SSPSR(12, 4, channels=32, blocks=1)
    safetensors.torch.save_file(renamed(model, (r"^(\w+)", r"z_\1")), tmp_path / "w.safetensors")
    with pytest.raises(UserError, match="matched by their order, which safetensors do not keep"):
        load_release(model, tmp_path / "w.safetensors")


def test_half_precision_becomes_single(tmp_path):
    theirs, ours = US3RN(**SMALL), US3RN(**SMALL)
    halves = {name: value.half() if value.is_floating_point() else value for name, value in us3rn_of(theirs).items()}
    torch.save(halves, tmp_path / "weights.pth")
    load_release(ours, tmp_path / "weights.pth")
    assert ours.fuse.weight.dtype == torch.float32 and torch.equal(ours.fuse.weight, theirs.fuse.weight.half().float())


def refused(model: nn.Module, content, path: Path, message: str) -> None:
    """Check that the error is one line and the model is unchanged."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    if content is not None:
        torch.save(content, path)
    with pytest.raises(UserError, match=message) as error:
        load_release(model, path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 600 + len(str(path))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_does_not_fit_is_named(tmp_path):
    model, path = US3RN(**SMALL), tmp_path / "weights.pth"
    whole = us3rn_of(model)
    cut = {name: value for name, value in whole.items() if name != "convx.0.bias"}
    refused(model, cut, path, r"does not fit this US3RN: fuse\.bias \[7\] missing$")
    refused(model, whole | {"body4.eta": torch.rand(1)}, path, r"US3RN: body4\.eta \[1\] unknown$")
    longer = whole | {"convxx.bias": torch.rand(8)}
    refused(model, longer, path, r"US3RN: convxx\.bias \[8\] for out\.bias \[7\] of another shape$")
    # Of a file for p = 4 some tensors are unknown and some are missing; the error names three of each.
    refused(model, us3rn_of(US3RN(3, 31, 4)), path, r"\[31, 3, 1, 1\] for .* and \d+ more of another shape; .*unknown$")
    # Two names of one parameter.
    refused(model, whole | {"out.bias": torch.rand(7)}, path, r"out\.bias \[7\] unknown$")
    refused(model, whole | {"convxx.bias": torch.zeros(7, dtype=torch.long)}, path, "of another shape")
    refused(SSPSR(12, 4, channels=32, blocks=1), whole, path, "does not fit this SSPSR")
    refused(
        nn.Linear(2, 2),
        whole,
        path,
        "no published weights of Linear are known, and the tensors in .* do not have our names",
    )


class Runs:
    """Run a command when unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_what_is_no_state_dict_is_refused_and_no_code_is_run(tmp_path):
    model, path = US3RN(**SMALL), tmp_path / "weights.pth"
    refused(
        model, model, path, r"holds more than tensors and plain values \(baselines\.us3rn\.US3RN\); .* state_dict\(\)"
    )
    refused(model, {"state_dict": us3rn_of(model), "x": Runs(tmp_path / "mark")}, path, "would run its code")
    assert not (tmp_path / "mark").exists()
    refused(model, [1, 2], path, "does not hold a state dict of tensors")
    refused(model, {}, path, "does not hold a state dict of tensors")
    refused(model, {"weight": torch.rand(2), "bias": 3}, path, "does not hold a state dict of tensors; it has bias")
    refused(model, us3rn_of(model) | {"convxx.bias": torch.rand(7).to_sparse()}, path, "it has convxx.bias")
    loop = {}
    loop["model"] = loop
    refused(model, loop, path, "does not hold a state dict of tensors; it has model")
    for name, content in {"torn.pth": b"PK\x03\x04 torn", "empty.pth": b"", "torn.safetensors": b"torn"}.items():
        (tmp_path / name).write_bytes(content)
        refused(model, None, tmp_path / name, "cannot read weights from")
    refused(model, None, tmp_path / "absent.pth", "cannot read weights from .*absent.pth: No such file")
    refused(model, None, tmp_path, "is a directory, not a file of weights")
