"""What mkdocs runs on each page: links out of docs/ lead to files of the repository, seen from build/site."""

import re


def on_page_markdown(markdown: str, **_) -> str:
    return re.sub(r"\]\(\.\./(?!\.\.)", "](../../", markdown)
