"""Is SSIF ahead of the best baseline? A paired test over scenes and seeds, printed under a table."""

import pandas as pd
from scipy.stats import wilcoxon

from workflow.methods import APART
from workflow.tables.layout import COLUMNS

# With fewer pairs the two-sided test cannot reach 0.05, however large the differences are.
FEWEST_PAIRS = 6


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


def lines(comparison: pd.DataFrame) -> list[str]:
    """The comparison in words, one line a p, and a line of caveats."""
    found = []
    for (p, ssif, baseline, pairs), rows in comparison.groupby(["p", "ssif", "baseline", "pairs"], sort=False):
        gaps = []
        for row in rows.itertuples():
            label, decimals, _ = COLUMNS[row.metric]
            tested = "" if pd.isna(row.p_value) else f" (p-value {row.p_value:.2g})"
            gaps.append(f"{label} {row.difference:+.{decimals}f}{tested}")
        few = f", too few for a test (needs {FEWEST_PAIRS})" if pairs < FEWEST_PAIRS else ""
        found.append(f"p = {p:g}: {ssif} - {baseline}, {', '.join(gaps)}; {pairs} pair(s) of scene and seed{few}.")
    if found:
        found.append(
            "The best SSIF variant and the best other method of each p by PSNR, chosen by the same scores; Wilcoxon"
            " signed-rank, two-sided, not corrected for the choice nor for the number of tests."
        )
    return found
