"""A tidy table laid out as in the paper: a row a model, a column a scale and metric; best bold, second underlined."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from ssif.seals import noted_file
from workflow.plan.runs import results

# Metric of the tidy table -> heading, decimals, and whether larger is better, in Tables 1 and 2.
COLUMNS = {"psnr": ("PSNR", 2, True), "ssim": ("SSIM", 3, True), "sam": ("SAM", 2, False)}
# The same for the image without its border.
CENTRAL = {f"central_{name}": (f"central {label}", *rest) for name, (label, *rest) in COLUMNS.items()}
DISTRIBUTIONS = {"in": "In-distribution", "out": "Out-of-distribution"}
REPORTED = " (reported)"
# Source of a row -> the mark after its label: the paper's number, a method the paper does not compare, or one of ours.
SUFFIXES = {"reported": REPORTED, "later": " (later)", "extension": " (not in the paper)", "submitted": " (submitted)"}
ELSEWHERE = ("reported", "submitted")  # sources of rows that were not computed here
RANKED = ("ours", "reported")  # sources whose rows are ranked, each source separately


@dataclass(frozen=True)
class Cell:
    """A number as printed: its digits, the digits of its standard deviation over seeds ("" for one seed), and its rank: best,
    second or plain."""

    digits: str
    spread: str
    rank: str


def columns_of(tidy: pd.DataFrame) -> dict:
    """COLUMNS, and CENTRAL if the table has them."""
    return COLUMNS | CENTRAL if CENTRAL.keys() <= set(tidy.columns) else COLUMNS


def headings(columns: dict = COLUMNS) -> list[str]:
    """The name of each column, with an arrow that says which values are better."""
    return [f"{label} {'↑' if larger_is_better else '↓'}" for label, _, larger_is_better in columns.values()]


def markdown(tidy: pd.DataFrame, footer: list[str], columns: dict = COLUMNS) -> str:
    """Markdown: one block for in-distribution and one for out-of-distribution scales, then the footer as a list."""
    lines = []
    for heading, scales, rows in _blocks(tidy, {"best": "**{}**", "second": "<u>{}</u>", "plain": "{}"}, "±", columns):
        names = [f"{name} p={p:g}" for p in scales for name in headings(columns)]
        lines += [f"### {heading}", "", f"| Model | {' | '.join(names)} |", f"|:---|{'---:|' * len(names)}"]
        lines += [f"| {model} | {' | '.join(cells)} |" for model, cells in rows]
        lines.append("")
    return "\n".join(lines + [f"- {line}" for line in footer]) + "\n"


def latex(tidy: pd.DataFrame, footer: list[str], columns: dict = COLUMNS) -> str:
    """A LaTeX tabular for each block (needs booktabs), then the footer as comments and a note."""
    lines = [f"% {line}" for line in footer]
    marks = {"best": r"\textbf{{{}}}", "second": r"\underline{{{}}}", "plain": "{}"}
    for heading, scales, rows in _blocks(tidy, marks, r"$\pm$", columns):
        metrics = [rf"{label} $\{'up' if up else 'down'}arrow$" for label, _, up in columns.values()]
        lines += [rf"\begin{{tabular}}{{l{'r' * len(scales) * len(columns)}}}", r"\toprule"]
        lines.append(rf"\multicolumn{{{1 + len(scales) * len(columns)}}}{{c}}{{{heading}}} \\")
        spans = [rf"\multicolumn{{{len(columns)}}}{{c}}{{{p:g}}}" for p in scales]
        lines += [
            rf"Scale $p$ & {' & '.join(spans)} \\",
            rf"Metric & {' & '.join(metrics * len(scales))} \\",
            r"\midrule",
        ]
        lines += [rf"{model} & {' & '.join(cells)} \\" for model, cells in rows]
        lines += [r"\bottomrule", r"\end{tabular}", ""]
    return "\n".join([*lines, note(footer)])


def note(footer: list[str]) -> str:
    """The footer as a paragraph of LaTeX."""
    return r"\par\footnotesize " + " ".join(re.sub(r"([%_&#${}])", r"\\\1", line) for line in footer) + "\n"


def section(title: str, first: str, table: pd.DataFrame) -> str:
    """Markdown: a heading and a table of texts; `first` is the heading of the index column."""
    lines = [f"### {title}", "", f"| {first} | {' | '.join(table.columns)} |", f"|:---|{'---:|' * table.shape[1]}"]
    lines += [f"| {name} | {' | '.join(values)} |" for name, *values in table.itertuples()]
    return "\n".join(lines) + "\n"


def write(name: str, tidy: pd.DataFrame, text: str, tabular: str) -> None:
    """Write results/<name>.csv, .md and .tex, each whole or not at all; also print the Markdown."""
    contents = {"csv": tidy.to_csv(index=False, float_format="%.6g"), "md": text, "tex": tabular}
    for suffix, content in contents.items():
        with noted_file(results() / f"{name}.{suffix}") as temporary:
            temporary.write_text(content)
    print(text)


def _blocks(tidy: pd.DataFrame, marks: dict[str, str], plus_minus: str, columns: dict):
    """As `blocks`, with the cells formatted; a model that was not trained for a p has a dash there."""

    def formatted(cell: Cell | None) -> str:
        if cell is None:
            return "-"
        text = marks[cell.rank].format(cell.digits)
        return f"{text} {plus_minus} {cell.spread}" if cell.spread else text

    for heading, scales, rows in blocks(tidy, columns):
        yield heading, scales, [(name, [formatted(cell) for cell in cells]) for name, cells in rows]


def blocks(
    tidy: pd.DataFrame, columns: dict = COLUMNS
) -> Iterator[tuple[str, list[float], list[tuple[str, list[Cell | None]]]]]:
    """For each distribution that occurs: heading, scales, and rows (name, cells), ours before the reported ones.

    The cells of a row are its metrics (`columns`) at each scale in turn, None if there is no number.
    """
    tidy = tidy.assign(name=tidy["model"] + tidy["source"].map(SUFFIXES).fillna(""))
    for distribution, heading in DISTRIBUTIONS.items():
        block = tidy[tidy["distribution"] == distribution]
        scales = sorted(block["p"].unique())
        if not scales:
            continue
        found = [column(block[block["p"] == p], metric, columns) for p in scales for metric in columns]
        yield heading, scales, [(name, [row.get(name) for row in found]) for name in tidy["name"].unique()]


def column(block: pd.DataFrame, metric: str, columns: dict = COLUMNS) -> dict[str, Cell]:
    """Name -> cell, ranked, for rows (name, source, the metric and its `_std`) that stand in one column."""
    _, decimals, _ = columns[metric]
    ranks = _ranks(block, metric, columns)
    values = zip(block["name"], block[metric], block[f"{metric}_std"])
    return {
        name: Cell(
            f"{value:.{decimals}f}", "" if pd.isna(spread) else f"{spread:.{decimals}f}", ranks.get(name, "plain")
        )
        for name, value, spread in values
    }


def _ranks(block: pd.DataFrame, metric: str, columns: dict) -> dict[str, str]:
    """Name -> best or second, among rows of the same source: reported numbers do not compete with ours.

    Numbers whose printed digits agree are equal, so several rows may share a mark.
    """
    _, decimals, larger_is_better = columns[metric]
    ranks = {}
    for _, rows in block[block["source"].isin(RANKED)].groupby("source"):
        values = rows.set_index("name")[metric].round(decimals)
        for rank, value in zip(("best", "second"), sorted(values.unique(), reverse=larger_is_better)):
            ranks |= {name: rank for name in values.index[values == value]}
    return ranks
