"""The first page is README.md, with its links as the site has them."""

from pathlib import Path


def on_page_markdown(markdown, page, config, files) -> str | None:
    """Called by MkDocs with each page, before it becomes HTML."""
    if page.file.src_uri != "index.md":
        return None
    readme = Path(config.config_file_path).with_name("README.md")
    return readme.read_text(encoding="utf-8").replace("](docs/", "](")
