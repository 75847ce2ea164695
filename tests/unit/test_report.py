"""The report, on results made by hand: what is on the page, what stands beside it, and what is said to be missing."""

import base64
import contextlib
import dataclasses
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from ssif.data.prepare import prepare
from ssif.errors import UserError
from workflow import report
from workflow.config import presets, schema
from workflow.config.schema import Shown
from workflow.methods import METHODS
from workflow.page import tables, trainings
from workflow.plan import runs
from workflow.plan.targets import rows, targets
from workflow.tables import ablation, cells, over_scales
from workflow.tables.layout import Cell

SMOKE = presets.load("config/smoke.yaml")
SMALL = dataclasses.replace(
    SMOKE,
    methods=("bicubic", "us3rn", "liif", "ssif-rf-uf"),
    tables={"table1": Shown("synthetic")},
    figures={"fig3": SMOKE.figures["fig3"]},
    ablations={"closed_form": SMOKE.ablations["closed_form"]},
)
# The same networks, as if they had been trained and scored on CAVE.
ON_CAVE = dataclasses.replace(
    SMALL, tables={"table1": Shown("cave")}, figures={}, ablations={}, datasets={"cave": SMOKE.datasets["synthetic"]}
)
PSNR = {"bicubic": 30, "us3rn": 31, "liif": 32, "ssif-rf-uf": 33, "ssif-rf-gi": 34, "ssif-rf-ui": 35}
MACHINE = "a <script>alert('&')</script> machine"


def write_results(config: schema.Config) -> None:
    """Runs, tables, ablations and figures of a preset, one test scene, PSNR by method and p."""
    shown = targets(config)
    for run in rows(config):
        table = [
            {"dataset": run.dataset, "preset": config.preset, "model": METHODS[run.method].label, "seed": run.seed,
             "scene": "a", "p": p, "C": count, "reference": "interpolated" if count > 31 else "measured",
             "mpsnr": PSNR[run.method] - p / 10, "psnr_cube": 30.0, "ssim": 0.9, "sam": 5.0, "ergas": 1.0, "cc": 0.9,
             "rmse": 0.1, "seconds": 1.25, "peak_mib": 1234}
            for p in ((2, 3, 4) if run.scale is None else (run.scale,))
            for count in ((8, 31, 40) if run.count is None else (run.count,))
        ]  # fmt: skip
        run.folder.mkdir(parents=True)
        pd.DataFrame(table).to_csv(run.folder / "metrics.csv", index=False)
    for run in runs.networks(config, rows(config)):
        record = {
            "parameters": 4321,
            "seconds": 90.0,
            "commit": "abc1234",
            "machine": MACHINE,
            "training": {"steps": 60} if run.method != "bicubic" else {},
        }
        (run.folder / "config.json").write_text(json.dumps(record))
        lines = [{"step": step, "loss": 1 / step} for step in (50, 60)] if run.method != "bicubic" else []
        (run.folder / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for dataset in config.datasets:
        runs.data_file(dataset).parent.mkdir(exist_ok=True)
        prepare("synthetic", runs.data_file(dataset), "nikon-d700")
    for name in config.tables:
        over_scales.table(cells.scores(config, shown[name]), shown[name]).to_csv(f"results/{name}.csv", index=False)
    every = pd.concat([cells.means(cells.scores(config, target)) for target in shown.values()])
    every.drop_duplicates(cells.KEYS).to_csv("results/cells.csv", index=False)
    if config.ablations:
        tables = [ablation.table(config, shown[name]) for name in config.ablations]
        pd.concat(tables).to_csv("results/ablation.csv", index=False)
    for place, name in enumerate([*config.figures, *config.ablations]):
        (runs.results() / "figures").mkdir(exist_ok=True)
        Image.new("RGB", (2100, 700), (place, 0, 0)).save(f"results/figures/{name}.png")


def page_of(config: schema.Config, folder: Path) -> str:
    """The page of made-up results, which stay in `folder`."""
    with contextlib.chdir(folder):
        write_results(config)
        return report.page(config)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """The folder of `small`."""
    return tmp_path_factory.mktemp("small")


@pytest.fixture(scope="module")
def small(results) -> str:
    """The page of a small preset on synthetic cubes."""
    return page_of(SMALL, results)


@pytest.fixture(scope="module")
def on_cave(tmp_path_factory) -> str:
    """The page of the same networks on CAVE."""
    return page_of(ON_CAVE, tmp_path_factory.mktemp("cave"))


class Tags(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, page: str):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def words(page: str) -> str:
    """What a reader sees, with single spaces."""
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).replace("&nbsp;", " ")
    return " ".join(text.split())


def row_of(page: str, model: str) -> str:
    """The first row of a table that starts with this model, as words."""
    return next(words(row) for row in re.findall(r"<tr.*?</tr>", page, flags=re.DOTALL) if f'"row">{model}' in row)


def test_the_page_needs_nothing_from_outside(small):
    tags = Tags(small).found
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in tags}
    links = [value for _, its in tags for key, value in its.items() if key in ("src", "href", "srcset")]
    assert links and all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    anchors = {its["id"] for _, its in tags if "id" in its}
    assert {link[1:] for link in links if link[0] == "#"} <= anchors
    assert "url(" not in small and "@import" not in small


def test_every_number_of_a_table_is_there_and_ranked(small, results):
    tidy = pd.read_csv(results / "results/table1.csv")
    assert set(tidy["model"]) == {"bicubic+linear", "US3RN", "LIIF", "SSIF-RF-UF"}
    for line in tidy.itertuples():
        assert f">{line.psnr:.2f}<" in small
    assert "<strong>32.80</strong>" in small and "<u>31.80</u>" in small
    assert row_of(small, "US3RN") == "US3RN 30.80 0.900 5.00 30.70 0.900 5.00"
    assert "Table 1 is on CAVE" in words(small) and "paper, difference" not in small
    assert "Preset smoke, data set synthetic, C = 31 bands" in small and "SSIF-RF-UF - LIIF, PSNR +1.00" in words(small)


def test_the_head_says_what_was_run_where_and_for_how_long(small):
    text = words(small)
    assert "These numbers mean nothing" in text and "synthetic cubes" in text
    # Four networks of the tables (US3RN for two p), LIIF for C = 8, and the two closed forms.
    assert "8, trained in 12.0 minutes altogether" in text and "Trained at commit abc1234" in text


def test_the_paper_s_numbers_and_the_differences_stand_under_ours(on_cave):
    # The paper has SSIF-RF-UF at p = 2 with 36.45 dB, 0.973, 7.18; ours has 32.8, 0.9, 5.
    row = row_of(on_cave, "SSIF-RF-UF")
    assert row.startswith("SSIF-RF-UF paper, difference 32.80 36.45, −3.65 0.900 0.973, −0.073 5.00 7.18, −2.18")
    assert "paper, difference" not in row_of(on_cave, "bicubic+linear")
    # Methods of the paper's alone are rows of their own and do not compete.
    assert row_of(on_cave, "RCAN+AWAN").startswith("RCAN+AWAN (paper) 36.22 0.971 8.81")
    assert "<strong>36" not in on_cave and "These numbers mean nothing" not in on_cave


def test_differences_are_those_of_the_printed_digits():
    found = [
        ("A", [Cell("31.99", "0.10", "best"), None]),
        ("A (reported)", [Cell("33.40", "", "best")] * 2),
    ]
    assert [gap for *_, gap in tables.beside_the_paper(found)[0][2]] == ["−1.41", ""]


def test_every_figure_is_embedded_smaller_with_a_caption(small):
    sources = [its["src"] for tag, its in Tags(small).found if tag == "img"]
    images = [Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) for source in sources]
    assert {image.getpixel((0, 0)) for image in images} >= {(0, 0, 0), (1, 0, 0)}
    assert all(image.width <= 1600 for image in images)
    # fig3, closed_form, and the losses of fields and of networks on a grid: no ablated network has changes of its own.
    assert len(images) == 4
    assert "Figure 3. PSNR, SSIM and SAM over the number of bands C" in words(small).replace(" .", ".")
    assert "On synthetic cubes, p = 2, 4." in words(small)


def test_an_ablation_has_a_row_a_value_at_c_max_and_the_largest_c(small):
    text = words(small)
    assert "p = 2, C = 31 p = 2, C = 40 * p = 4, C = 31 p = 4, C = 40 *" in text
    assert row_of(small, "SSIF-RF-GI").startswith("SSIF-RF-GI – 33.80 0.900 5.00 33.80 0.900 5.00 33.60")
    assert row_of(small, "SSIF-RF-GI").endswith("4,321 1.5")


def test_every_network_and_its_cost_is_listed(small):
    assert row_of(small, "synthetic.us3rn.p2.C31.s0").startswith(
        "synthetic.us3rn.p2.C31.s0 4,321 60 1.5 0.7 0.0167 abc1234"
    )
    assert "LIIF 1.250 1.250 1.250 1,234" in words(small) and "US3RN 1.250 1.250 – 1,234" in words(small)


TWO_SEEDS = dataclasses.replace(SMALL, methods=("bicubic", "liif"), figures={}, ablations={}, seeds_of={"liif": (0, 1)})


def test_seeds_of_a_single_method_are_named_and_each_has_its_curve(tmp_path, monkeypatch):
    page = page_of(TWO_SEEDS, tmp_path)
    assert "Seeds 0, 1 Networks 3, " in words(page) and "± is the standard deviation" in page
    assert "1 test image(s), 1 or 2 seed(s), commit" in page
    monkeypatch.chdir(tmp_path)
    drawn, draw = [], trainings.loss_curves.draw
    monkeypatch.setattr(
        trainings.loss_curves, "draw", lambda its, **options: drawn.append(list(its)) or draw(its, **options)
    )
    trainings.drawn_curves(TWO_SEEDS, trainings.records(TWO_SEEDS))
    assert drawn == [["liif.C31.s0", "liif.C31.s1"]]


def test_published_weights_have_no_curve(tmp_path, monkeypatch):
    page_of(TWO_SEEDS, tmp_path)
    monkeypatch.chdir(tmp_path)
    for run in runs.networks(TWO_SEEDS, rows(TWO_SEEDS)):
        record = json.loads((run.folder / "config.json").read_text()) | {"published": {"file": "a", "sha256": "b"}}
        (run.folder / "config.json").write_text(json.dumps(record))
        (run.folder / "train.jsonl").write_text("")
    page = report.page(TWO_SEEDS)
    assert row_of(page, "synthetic.liif.C31.s1").startswith("synthetic.liif.C31.s1 4,321 60 1.5 0.7 – abc1234")


def test_what_is_missing_is_named(small):
    text = words(small).rpartition("What is missing")[2]
    for line in (
        "data set CAVE is not in this preset", "data set Pavia Centre is not in this preset",
        "Table 2, Table 3, Figure 1, Figure 4, Figure 6, Figure 7, Figure 8, Figure 9, Figure 10: not in this preset",
        "Figure 2, Figure 5: schematic",
        "SSJSR-style", "Table 1 has no number at p = 4 for US3RN", "A single seed",
        "1 pair(s) of test scene and seed are too few", "no truth for C = 40",
        "us3rn 20 of 400,000; neural fields 60 of 27,500", "Networks of another size",
    ):  # fmt: skip
        assert line in text


def test_what_comes_from_files_is_escaped(small):
    assert "<script" not in small and "a &lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt; machine" in small


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        ("results/table1.csv", "python -m workflow.tables.over_scales --table table1"),
        ("results/cells.csv", "python -m workflow.tables.cells"),
        ("results/ablation.csv", "python -m workflow.tables.ablation"),
        ("results/figures/fig3.png", "python -m workflow.figure --figure fig3"),
        (
            "results/runs/smoke/synthetic/synthetic.liif.C31.s0/config.json",
            "python -m workflow.train --run synthetic.liif.C31.s0",
        ),
    ],
)
def test_a_missing_file_is_named_with_what_writes_it(small, results, tmp_path, monkeypatch, missing, remedy):
    shutil.copytree(results, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    Path(missing).unlink()
    with pytest.raises(UserError, match=f"^{re.escape(f'{missing} is missing: {remedy}')}$"):
        report.page(SMALL)


def test_results_of_another_preset_are_refused(small, results, monkeypatch):
    monkeypatch.chdir(results)
    with pytest.raises(UserError, match=r"results/table1.csv is of the preset smoke, not other: python -m workflow"):
        tables.table(dataclasses.replace(SMALL, preset="other"), targets(SMALL)["table1"])


@pytest.mark.parametrize("commit", ["0224060", "1e10234"])
def test_a_commit_that_looks_like_a_number_stays_as_it_is(tmp_path, monkeypatch, commit):
    for module in (over_scales, ablation, report):
        monkeypatch.setattr(module, "commit", lambda: commit)
    page = words(page_of(dataclasses.replace(SMALL, methods=("bicubic",), figures={}, ablations={}), tmp_path))
    assert f"commit {commit}." in page and page.count(commit) >= 2
