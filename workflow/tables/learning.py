"""A line under a table that says which of its networks are not fully trained, judging by their loss curves."""

from workflow.methods import METHODS
from workflow.plan import runs
from workflow.plan.targets import Target
from workflow.steps import stored

PART = 5  # number of equal parts of the steps; the last part is compared with the part before
LEAST = 0.02  # share of the loss; a smaller fall is not reported


def falls(target: Target) -> dict[str, float]:
    """Label of a row -> the share by which the training loss fell from the last part but one of the steps to the last part, the
    largest share among its networks. Networks without a curve, and losses that are logarithms, are left out."""
    found = {}
    for row in target.rows:
        for run in runs.stages(row):
            curve = stored.curve(run, None)
            if len(curve) < 2 * PART or curve["loss"].min() <= 0:
                continue
            length = len(curve) // PART
            before, last = curve["loss"][-2 * length : -length].mean(), curve["loss"][-length:].mean()
            label = METHODS[row.method].label
            found[label] = max(found.get(label, 0), 1 - last / before)
    return found


def lines(target: Target) -> list[str]:
    """The line under the table, which names the rows whose loss was still falling; no line if there are none."""
    still = [f"{label} {fall:.0%}" for label, fall in falls(target).items() if fall >= LEAST]
    if not still:
        return []
    return [
        "Still learning: more steps would change these rows. The training loss fell from the fourth fifth of the steps to the last"
        f" by {', '.join(still)}."
    ]
