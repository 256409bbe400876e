"""The site: what ends its build, what its pages show, and how docstrings are read."""

import html
import re
import sys
from pathlib import Path

import griffe
import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "docs" / "hooks"))
import public_names  # noqa: E402

FILES = {
    "__init__.py": '''
        """A library."""
        from little.parts import Part, cut, WIDTH
        from little.open import widths
        __all__ = ["Part", "cut", "WIDTH"]
    ''',
    "parts.py": '''
        """Parts."""
        WIDTH = 1
        def cut():
            """Cuts."""
        class Base:
            """A base."""
            def size(self):
                """Its size."""
            def weight(self): ...
        class Part(Base):
            """A part."""
            def __init__(self): ...
            def size(self): ...
            def weight(self): ...
            def get_config(self): ...
            def _hidden(self): ...
            @property
            def colour(self): ...
    ''',
    "open.py": '''
        """No __all__."""
        from little.parts import cut
        def widths(): ...
        def _own(): ...
    ''',
}


@pytest.fixture
def little(tmp_path):
    folder = tmp_path / "little"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(re.sub(r"(?m)^ {8}", "", text))
    return public_names.load("little", tmp_path)


def test_what_has_no_docstring_is_named_and_what_a_base_documents_is_not(little):
    silent = public_names.undocumented(little, without_all=("little.open",))
    assert silent == [
        *("little.parts.Part.weight", "little.parts.Part.colour"),
        *("little.parts.WIDTH", "little.open.widths"),
    ]


def test_what_is_on_no_page_is_named_unless_it_is_under_another_name(little):
    rendered = ["little.parts.Part", "little.cut"]
    assert public_names.missing(little, rendered, without_all=("little.open",)) == [
        *("little.WIDTH", "little.open.widths")
    ]
    rendered += ["little.WIDTH", "little.widths"]
    assert public_names.missing(little, rendered, without_all=("little.open",)) == []


def test_the_library_has_nothing_undocumented_and_much_that_is_public():
    library = public_names.load(public_names.LIBRARY, ROOT)
    assert public_names.undocumented(library) == []
    names = {name for name, _ in public_names.public_names(library)}
    assert names >= {"keras_lwm.RefineNet", "keras_lwm.segmenter", "keras_lwm.evaluation.evaluate"}
    assert names >= {"keras_lwm.pipeline.training_dataset", "keras_lwm.datasets.load_builder"}
    assert "keras_lwm.pipeline.tf" not in names


BROKEN = {
    "[gone](gone.md)": "'gone.md', but the target is not found",
    "[gone](runs.md#gone)": "does not contain an anchor '#gone'",
    "[`gone`][keras_lwm.gone]": "cross-reference target 'keras_lwm.gone'",
}
OFF_THE_PAGES = "on no page of docs/api: keras_lwm.devices.Share"


@pytest.mark.parametrize(
    ("page", "added", "without", "messages"),
    [
        ("recipes.md", " ".join(BROKEN), "", BROKEN.values()),
        ("api/devices.md", "", "::: keras_lwm.devices", [OFF_THE_PAGES]),
    ],
)
def test_broken_links_and_a_missing_page_end_the_build(
    tmp_path, caplog, page, added, without, messages
):
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path), strict=True)
    config.plugins["spoilt"] = Spoilt(page, added, without)
    with pytest.raises(Abort):
        build(config)
    assert all(message in caplog.text for message in messages)


def test_the_page_of_what_to_add_shows_the_examples(tmp_path):
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path)))
    page = (tmp_path / "contributing.html").read_text(encoding="utf-8")
    shown = html.unescape(re.sub(r"<[^>]+>", "", page))
    examples = sorted((ROOT / "docs" / "examples").glob("*.py"))
    assert examples
    assert [path.name for path in examples if path.read_text() not in shown] == []


class Spoilt:
    """One page with a text added, or taken away."""

    def __init__(self, page, added, without):
        self.page, self.added, self.without = page, added, without

    def on_page_markdown(self, markdown, page, config, files):
        if page.file.src_uri != self.page:
            return markdown
        assert self.without in markdown
        return (markdown.replace(self.without, "") if self.without else markdown) + self.added


TOLD = '''"""Told."""
class Both:
    """Two.

    Attributes:
        one, other: numbers.
        third: a word.
    """
    one: int
    other: int
    third: str


def pair() -> dict:
    """Makes one.

    Returns:
        A dictionary of `int`: by name.
    """
'''


def test_what_a_docstring_returns_and_names_together_is_read_as_it_is_written(tmp_path):
    (tmp_path / "told.py").write_text(TOLD)
    extensions = griffe.load_extensions(ROOT / "docs" / "hooks" / "docstrings.py")
    told = griffe.load(
        "told",
        search_paths=[tmp_path],
        extensions=extensions,
        docstring_parser="google",
        docstring_options={"returns_multiple_items": False, "returns_named_value": False},
    )
    [_, attributes] = told["Both"].docstring.parsed
    assert [item.name for item in attributes.value] == ["one, other", "third"]
    [_, returns] = told["pair"].docstring.parsed
    assert [item.description for item in returns.value] == ["A dictionary of `int`: by name."]
    assert str(returns.value[0].annotation) == "dict"
