"""A page read back: its plots, tables and links, by the parser of the standard library."""

import html.parser
import json

_VOID = {"meta", "link", "input", "img", "br", "hr"}


class Page(html.parser.HTMLParser):
    """Parses a page; asserts that every element is closed in its turn.

    Attributes:
        figures: {what stands above a plot: {"data", "layout"}}.
        rows: of all tables: lists of the cells' texts.
        links: values of all attributes that name something to load or to go to.
        ids: of all elements.
        images: {alt: src}.
        text: everything outside scripts and styles.
    """

    def __init__(self, path):
        super().__init__()
        self.figures, self.rows, self.links, self.ids = {}, [], [], []
        self.images, self.text, self.sliders = {}, "", []
        self._open, self._script, self._title = [], None, ""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += [attrs[name] for name in ("src", "href", "srcset", "action") if name in attrs]
        self.ids += [attrs["id"]] if "id" in attrs else []
        if tag == "img":
            self.images[attrs["alt"]] = attrs["src"]
        if attrs.get("type") == "range":
            self.sliders.append(attrs)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "script":
            self._script = attrs.get("type", "")
        if tag == "figcaption":
            self._title = ""
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        if tag == "script":
            self._script = None

    def handle_data(self, data):
        if self._script == "application/json":
            self.figures[self._title.strip()] = json.loads(data)
        if self._script is not None or self._open[-1:] == ["style"]:
            return
        self.text += data
        if self._open[-2:] == ["figcaption", "b"]:
            self._title += data
        if self._open[-1:] in (["td"], ["th"]):
            self.rows[-1][-1] += data

    def row(self, name):
        """The cells after the first one, in the only row that begins with it."""
        [row] = [row[1:] for row in self.rows if row and row[0] == name]
        return row
