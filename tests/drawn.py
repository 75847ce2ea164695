"""Made-up scores, the figure of them over C, and what stands in a drawn figure."""

import pandas as pd
from matplotlib.text import Text

from workflow.figures import over_counts

FOOTER = "preset smoke, data set synthetic, commit 0123abc"
COUNTS = (8, 16, 31, 48)


def rows(model, mpsnr, counts=COUNTS, seeds=(0,), scales=(4, 8), value="", **others):
    """Cells of one model: PSNR `mpsnr` - p - C / 10 + seed, the other metrics the same unless given."""
    return pd.DataFrame(
        [
            {"model": model, "value": value, "seed": seed, "p": p, "C": count, "mpsnr": mpsnr - p - count / 10 + seed,
             "ssim": 0.9 + seed / 100, "sam": 5.0 + seed} | others
            for seed in seeds for p in scales for count in counts
        ]
    )  # fmt: skip


def over(*tables, scales=(4, 8), largest=31, **options):
    return over_counts.draw(pd.concat(tables), scales=list(scales), largest=largest, footer=FOOTER, **options)


def texts(figure):
    return [text for text in figure.findobj(Text) if text.get_text()]


def written(figure):
    """All words of a figure, with plain spaces and no line breaks."""
    return " ".join(text.get_text() for text in texts(figure)).replace("\xa0", " ").replace("\n", " ")


def lines(axes):
    return {line.get_label(): line for line in axes.lines}


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]
