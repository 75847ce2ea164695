"""A tidy table laid out as in the paper: a row a model, a column a scale and metric; best bold, second underlined."""

import pandas as pd

# Metric of the tidy table -> heading, decimals, and whether larger is better.
COLUMNS = {"psnr": ("PSNR", 2, True), "ssim": ("SSIM", 3, True), "sam": ("SAM", 2, False)}
DISTRIBUTIONS = {"in": "In-distribution", "out": "Out-of-distribution"}


def markdown(tidy: pd.DataFrame, footer: list[str]) -> str:
    """Markdown: one block for in-distribution and one for out-of-distribution scales, then the footer as a list."""
    lines = []
    for heading, scales, rows in _blocks(tidy, {"best": "**{}**", "second": "<u>{}</u>", "plain": "{}"}, "±"):
        arrows = [f"{label} {'↑' if larger_is_better else '↓'}" for label, _, larger_is_better in COLUMNS.values()]
        names = [f"{arrow} p={p:g}" for p in scales for arrow in arrows]
        lines += [f"### {heading}", "", f"| Model | {' | '.join(names)} |", f"|:---|{'---:|' * len(names)}"]
        lines += [f"| {model} | {' | '.join(cells)} |" for model, cells in rows]
        lines.append("")
    return "\n".join(lines + [f"- {line}" for line in footer]) + "\n"


def latex(tidy: pd.DataFrame, footer: list[str]) -> str:
    """A LaTeX tabular for each block (needs booktabs), then the footer as comments and a note."""
    lines = [f"% {line}" for line in footer]
    marks = {"best": r"\textbf{{{}}}", "second": r"\underline{{{}}}", "plain": "{}"}
    for heading, scales, rows in _blocks(tidy, marks, r"$\pm$"):
        metrics = [rf"{label} $\{'up' if up else 'down'}arrow$" for label, _, up in COLUMNS.values()]
        lines += [rf"\begin{{tabular}}{{l{'r' * len(scales) * len(COLUMNS)}}}", r"\toprule"]
        lines.append(rf"\multicolumn{{{1 + len(scales) * len(COLUMNS)}}}{{c}}{{{heading}}} \\")
        spans = [rf"\multicolumn{{{len(COLUMNS)}}}{{c}}{{{p:g}}}" for p in scales]
        lines += [
            rf"Scale $p$ & {' & '.join(spans)} \\",
            rf"Metric & {' & '.join(metrics * len(scales))} \\",
            r"\midrule",
        ]
        lines += [rf"{model} & {' & '.join(cells)} \\" for model, cells in rows]
        lines += [r"\bottomrule", r"\end{tabular}", ""]
    notes = [line.replace("%", r"\%").replace("_", r"\_") for line in footer]
    return "\n".join([*lines, r"\par\footnotesize " + " ".join(notes)]) + "\n"


def _blocks(tidy: pd.DataFrame, marks: dict[str, str], plus_minus: str):
    """For each distribution present: heading, scales, and (model, formatted cells) rows, ours before the reported."""
    names = tidy["model"] + tidy["source"].map({"ours": "", "reported": " (reported)"})
    tidy = tidy.assign(name=names)
    for distribution, heading in DISTRIBUTIONS.items():
        block = tidy[tidy["distribution"] == distribution]
        scales = sorted(block["p"].unique())
        if not scales:
            continue
        ranks = {(p, metric): _ranks(block[block["p"] == p], metric) for p in scales for metric in COLUMNS}
        rows = []
        for name in tidy["name"].unique():
            of_model = block[block["name"] == name].set_index("p")
            cells = []
            for p in scales:
                for metric, (_, decimals, _) in COLUMNS.items():
                    # A model that was not trained for this p has no number here.
                    if p not in of_model.index:
                        cells.append("-")
                        continue
                    row = of_model.loc[p]
                    text = f"{row[metric]:.{decimals}f}"
                    spread = row[f"{metric}_std"]
                    text = marks[ranks[p, metric].get(name, "plain")].format(text)
                    cells.append(text if pd.isna(spread) else f"{text} {plus_minus} {spread:.{decimals}f}")
            rows.append((name, cells))
        yield heading, scales, rows


def _ranks(block: pd.DataFrame, metric: str) -> dict[str, str]:
    """Name -> best or second, among rows of the same source: reported numbers do not compete with ours.

    Equal to the printed digits means equal, so several rows may share a mark.
    """
    _, decimals, larger_is_better = COLUMNS[metric]
    ranks = {}
    for _, rows in block.groupby("source"):
        values = rows.set_index("name")[metric].round(decimals)
        for rank, value in zip(("best", "second"), sorted(values.unique(), reverse=larger_is_better)):
            ranks |= {name: rank for name in values.index[values == value]}
    return ranks
