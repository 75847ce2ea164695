"""What mkdocs runs: pages from elsewhere in the repository join the site, and links to its other files lead out of build/site."""

import os
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
# Page of the site -> file of the repository.
PAGES = {
    "presets.md": "config/README.md",
    "measurements.md": "results/reference/README.md",
    "cave-table.md": "results/reference/cave_table1.md",
    "weights-card.md": "results/reference/weights/README.md",
    "changes.md": "CHANGELOG.md",
}


def on_files(files, config):
    for page, place in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / place)))
    return files


def on_page_markdown(markdown: str, page, config, files) -> str:
    pages = {place: name for name, place in PAGES.items()}
    folder = (ROOT / PAGES.get(page.file.src_uri, f"docs/{page.file.src_uri}")).parent

    def led(link: re.Match) -> str:
        text, target, anchor = link.groups("")
        if not target or target.startswith("https:"):
            return link[0]
        place = Path(os.path.normpath(folder / target)).relative_to(ROOT).as_posix()
        if place in pages or place.startswith("docs/"):
            return f"[{text}]({pages.get(place, place.removeprefix('docs/'))}{anchor})"
        # As HTML: mkdocs would look for the file among its own.
        return f'<a href="../../{place}">{text}</a>'

    return re.sub(r"\[([^\[\]]*)\]\(([^)\s#]*)(#[^)\s]*)?\)", led, markdown)
