"""Records of networks from earlier versions."""

from ssif.checkpoint import load_card
from workflow.config import presets
from workflow.plan import runs
from workflow.plan.targets import networks
from workflow.steps.stored import without_choices

US3RN = "cave.us3rn.p4.C31.s0"


def test_published_weights_with_an_initialisation_are_of_the_same_network():
    config = presets.load("config/cave.yaml")
    record = load_card(f"results/reference/weights/cave/{US3RN}.safetensors")["record"]
    assert record["network"] == {"init": "stable"}
    wanted = runs.identity(config, runs.find(networks(config), US3RN))
    kept = without_choices(record)
    assert {key: kept[key] for key in ("network", "training", "class")} == {
        key: wanted[key] for key in ("network", "training", "class")
    }


def test_a_size_that_is_still_a_choice_stays():
    assert without_choices({"network": {"init": "other", "width": 3}})["network"] == {"init": "other", "width": 3}
