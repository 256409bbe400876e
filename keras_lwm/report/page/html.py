"""From a template to one HTML file that asks nothing of a network."""

import base64
from pathlib import Path
from typing import Any

from keras_lwm.atomic_write import atomic_write
from keras_lwm.extras import imports_of
from keras_lwm.local_paths import local_path

with imports_of("report", "The page of a run"):
    import jinja2
    import markupsafe
    from plotly.offline import get_plotlyjs

_HERE = Path(__file__).parent
_TYPES = {".webp": "image/webp", ".png": "image/png"}


def picture_uri(path: Path) -> str:
    """A picture as the `src` of an image.

    Raises:
        ValueError: the picture is not there.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"Expected the picture {path} of a run; {error.strerror}.") from error
    return f"data:{_TYPES[path.suffix]};base64,{base64.b64encode(content).decode()}"


def write_html(path, template: str, **values: Any) -> Path:
    """Renders a template of this folder with style, scripts and plotly.js inside; writes it whole.

    Args:
        path: the HTML file; folders above it are created.
        template: its file's name.
        **values: that it shows, all of them escaped.

    Returns:
        The path.

    Raises:
        ValueError: the path is a folder or of a cloud storage, or it cannot be written to.
    """
    path = local_path(path)
    if path.is_dir():
        raise ValueError(f"Expected a file for the page, such as report.html; {path} is a folder.")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["uri"] = picture_uri
    scripts = [get_plotlyjs(), (_HERE / "page.js").read_text(encoding="utf-8")]
    html = environment.get_template(template).render(
        style=markupsafe.Markup((_HERE / "page.css").read_text(encoding="utf-8")),
        scripts=[markupsafe.Markup(script) for script in scripts],
        **values,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial:
            partial.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"The page cannot be written to {path} ({error.strerror}).") from error
    return path
