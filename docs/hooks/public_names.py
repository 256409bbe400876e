"""Every public name has a docstring and is on a page, or the site is not built.

Public is what a module's `__all__` names; of the modules that have none and are for users,
`WITHOUT_ALL`, what is defined there without an underscore. Nothing is imported: griffe reads the
source.
"""

import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import griffe
from mkdocs.exceptions import PluginError

LIBRARY = "keras_lwm"
WITHOUT_ALL = ("keras_lwm.arrays", "keras_lwm.augmentation", "keras_lwm.devices")
WITHOUT_ALL += ("keras_lwm.pipeline",)
OF_KERAS = {
    *("build", "call", "compute_output_shape", "compute_output_spec"),
    *("get_config", "from_config", "get_compile_config", "compile_from_config"),
    *("save_own_variables", "load_own_variables", "metrics", "result"),
    *("on_train_begin", "on_train_batch_begin", "on_train_batch_end", "on_train_end"),
    *("on_epoch_begin", "on_epoch_end", "on_test_begin", "on_test_batch_begin", "on_test_end"),
}
"""Methods that Keras calls, and documents."""

NAMES = "<!-- names of keras_lwm -->"
"""Where a page gets the table of what the top of the library has."""

_rendered = set()


def load(name: str, folder: Path) -> griffe.Module:
    """The package of this name in a folder, read."""
    return griffe.load(name, search_paths=[folder], docstring_parser="google")


def _modules(module):
    yield module
    for inner in module.modules.values():
        if not inner.is_alias:
            yield from _modules(inner)


def public_names(library: griffe.Module, without_all=WITHOUT_ALL) -> Iterator[tuple]:
    """(full name, what it stands for) of every public name; one thing may have several names."""
    for module in _modules(library):
        if module.exports is not None:
            names = [str(name) for name in module.exports]
        elif module.path in without_all:
            names = [
                name
                for name, member in module.members.items()
                if not (name.startswith("_") or member.is_alias or member.is_module)
            ]
        else:
            names = []
        for name in names:
            found = module.members[name]
            # A function that is called as its file is: griffe finds the file.
            found = found.members[name] if found.is_module else found
            yield f"{module.path}.{name}", found.final_target if found.is_alias else found


def _of_a_base(target, name):
    return any(base.members[name].docstring for base in target.mro() if name in base.members)


def undocumented(library: griffe.Module, without_all=WITHOUT_ALL) -> list[str]:
    """Full names of what is public and has no docstring, methods of classes included.

    A method that a base class documents needs none, nor do those `OF_KERAS`.
    """
    silent = {}
    for _, target in public_names(library, without_all):
        members = target.members.items() if target.is_class else ()
        methods = [
            member
            for name, member in members
            if (member.is_function or "property" in member.labels)
            and not (name.startswith("_") or name in OF_KERAS or _of_a_base(target, name))
        ]
        silent |= {found.path: None for found in (target, *methods) if not found.docstring}
    return list(silent)


def missing(library: griffe.Module, rendered: Iterable[str], without_all=WITHOUT_ALL) -> list[str]:
    """Full names of what is public and is not among the rendered ones, under any of its names."""
    rendered = {library[name[len(library.path) + 1 :]].canonical_path for name in rendered}
    return [
        name
        for name, target in public_names(library, without_all)
        if target.canonical_path not in rendered
    ]


def table_of_names(library: griffe.Module) -> str:
    """What the top of the library has, as a table that links to where each name is explained."""
    elsewhere, rows = {}, []
    for name, target in public_names(library):
        own = name == f"{library.path}.{target.name}"
        if not own:
            elsewhere.setdefault(target.canonical_path, name)
    for name in map(str, library.exports):
        [target] = [found for full, found in public_names(library) if full == f"{LIBRARY}.{name}"]
        place = elsewhere[target.canonical_path]
        if library[place[len(LIBRARY) + 1 :]].is_module:
            place = target.canonical_path
        first = target.docstring.value.partition("\n\n")[0].replace("\n", " ")
        rows.append(f"| [`{name}`][{place}] | {first} |")
    return "\n".join(["| | |", "| --- | --- |", *rows])


@functools.cache
def _library(folder):
    return load(LIBRARY, folder)


def _own_library(config):
    return _library(Path(config.config_file_path).parent)


def on_config(config) -> None:
    """Called by MkDocs when a build begins."""
    _rendered.clear()
    _library.cache_clear()


def on_page_markdown(markdown, page, config, files) -> str | None:
    """Called by MkDocs with each page, before it becomes HTML."""
    if NAMES in markdown:
        return markdown.replace(NAMES, table_of_names(_own_library(config)))
    return None


def on_page_content(html, page, config, files) -> None:
    """Called by MkDocs with each page, once it is HTML."""
    _rendered.update(re.findall(rf'<h\d id="({LIBRARY}\.[\w.]+)"', html))


def on_post_build(config) -> None:
    """Called by MkDocs when all is written; an error here ends the build."""
    library = _own_library(config)
    silent, absent = undocumented(library), missing(library, _rendered)
    if silent:
        raise PluginError(f"Public, and without a docstring: {', '.join(silent)}.")
    if absent:
        raise PluginError(f"Public, and on no page of docs/api: {', '.join(absent)}.")
