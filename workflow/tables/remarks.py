"""Lines under a table: whether SSIF is ahead of the best other method, and which networks are not fully trained."""

import pandas as pd
from scipy.stats import wilcoxon

from workflow.methods import APART, METHODS
from workflow.plan import runs
from workflow.plan.targets import Target
from workflow.steps import stored
from workflow.tables.layout import COLUMNS

# With fewer pairs the two-sided test cannot reach 0.05, however large the differences are.
FEWEST_PAIRS = 6
PART = 5  # number of equal parts of the steps; the last part is compared with the part before
LEAST = 0.02  # share of the loss; a smaller fall is not reported


def compare(scores: pd.DataFrame) -> pd.DataFrame:
    """For each p and metric: ssif, baseline, difference (ssif - baseline), pairs, and p_value of Wilcoxon's signed-rank test.

    scores: one row a model, seed, scene and p with the metrics of `layout.COLUMNS`; later methods and extensions are left out.
    At each p the SSIF variant with the best mean PSNR is compared with the best other method, on every scene and seed that both
    have. p_value is nan below FEWEST_PAIRS.
    """
    found = []
    scores = scores[~scores["model"].isin(APART)]
    for p, at_p in scores.groupby("p"):
        mean = at_p.groupby("model")["psnr"].mean()
        ours = mean.index.str.startswith("SSIF")
        if ours.all() or not ours.any():
            continue
        names = mean[ours].idxmax(), mean[~ours].idxmax()
        one, other = (at_p[at_p["model"] == name].set_index(["scene", "seed"]) for name in names)
        for metric in COLUMNS:
            gap = (one[metric] - other[metric]).dropna()
            p_value = wilcoxon(gap).pvalue if len(gap) >= FEWEST_PAIRS and gap.any() else float("nan")
            found.append((p, metric, *names, gap.mean(), len(gap), p_value))
    return pd.DataFrame(found, columns=["p", "metric", "ssif", "baseline", "difference", "pairs", "p_value"])


def compared(comparison: pd.DataFrame) -> list[str]:
    """The comparison in words, one line a p, and a line of caveats."""
    found = []
    for (p, ssif, baseline, pairs), rows in comparison.groupby(["p", "ssif", "baseline", "pairs"], sort=False):
        gaps = []
        for row in rows.itertuples():
            label, decimals, _ = COLUMNS[row.metric]
            tested = "" if pd.isna(row.p_value) else f" (p-value {row.p_value:.2g})"
            gaps.append(f"{label} {row.difference:+.{decimals}f}{tested}")
        few = f", too few for a test, which needs {FEWEST_PAIRS}" if pairs < FEWEST_PAIRS else ""
        found.append(f"p = {p:g}: {ssif} - {baseline}, {', '.join(gaps)}; {pairs} pair(s) of scene and seed{few}.")
    if found:
        found.append(
            "These lines compare the best SSIF variant with the best other method at each p, both chosen by the PSNR of the same"
            " scores. The test is Wilcoxon's signed-rank test, two-sided, corrected neither for the choice nor for the number of"
            " tests."
        )
    return found


def still_learning(target: Target) -> list[str]:
    """A line that names the rows whose training loss still fell, judging by the loss curves; no line if there are none.

    The share is that by which the mean loss fell from the last part but one of the steps to the last part, the largest share
    among the networks of a row. Networks without a curve, and losses that are logarithms, are left out.
    """
    falls = {}
    for row in target.rows:
        for run in runs.stages(row):
            curve = stored.curve(run, None)
            if len(curve) < 2 * PART or curve["loss"].min() <= 0:
                continue
            length = len(curve) // PART
            before, last = curve["loss"][-2 * length : -length].mean(), curve["loss"][-length:].mean()
            label = METHODS[row.method].label
            falls[label] = max(falls.get(label, 0), 1 - last / before)
    still = ", ".join(f"{label} {fall:.0%}" for label, fall in falls.items() if fall >= LEAST)
    return (
        [
            "Still learning: more steps would change these rows. The training loss fell from the fourth fifth of the steps to the last"
            f" by {still}."
        ]
        if still
        else []
    )
