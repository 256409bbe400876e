"""Each script in docs/notebooks becomes a page, and a notebook to download from it."""

from pathlib import Path

import jupytext
from mkdocs.structure.files import File

_NOTE = "*This page is a notebook: [download it]({name}.ipynb), and run it in Jupyter.*"


def on_files(files, config):
    """Called by MkDocs with all files of the site, before they become pages."""
    for script in sorted(Path(config.docs_dir, "notebooks").glob("*.py")):
        notebook = jupytext.reads(script.read_text(encoding="utf-8"), fmt="py:percent")
        for name, content in (
            (f"{script.stem}.md", _page(notebook, script.stem)),
            (f"{script.stem}.ipynb", jupytext.writes(notebook, fmt="ipynb")),
        ):
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    return files


def _page(notebook, name):
    title, *cells = notebook.cells
    blocks = [title.source, _NOTE.format(name=name)]
    for cell in cells:
        code = cell.cell_type == "code"
        blocks.append(f"```python\n{cell.source}\n```" if code else cell.source)
    return "\n\n".join(blocks) + "\n"
