"""Docstrings as this library writes them, where griffe reads them otherwise.

"Returns: a dictionary of arrays: one a class" has no type before its first colon, and the names in
"inputs, outputs: by name" are two attributes.
"""

import griffe


class PlainSections(griffe.Extension):
    """Mends the sections "Returns" and "Attributes" of every docstring."""

    def on_object(self, *, obj, **_) -> None:
        """Called by griffe with each module, class, function and attribute."""
        if obj.is_alias or obj.docstring is None:
            return
        for section in obj.docstring.parsed:
            if section.kind is griffe.DocstringSectionKind.returns:
                for item in section.value:
                    _take_for_prose(item, getattr(obj, "returns", None))
            elif section.kind is griffe.DocstringSectionKind.attributes:
                for item in section.value:
                    _take_for_several(item)


def _take_for_prose(item, returned):
    if str(item.annotation) != str(returned):
        item.description = f"{item.annotation}: {item.description}"
        item.annotation = returned


def _take_for_several(item):
    if item.name.endswith(","):
        item.name = f"{item.name} {str(item.annotation).strip('()')}"
        item.annotation = None
