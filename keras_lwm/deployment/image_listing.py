"""Which image files the user means, and what each one's results are called."""

import glob
import os
from pathlib import Path

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def list_images(arguments, leave_out=lambda path: False):
    """Finds the image files that `arguments` name.

    Args:
        arguments: files, folders and glob patterns (`*`, `?`, `[...]`, and `**` for any number of
            folders). A file is taken whatever its suffix. A folder, given or matched, is searched
            with all its subfolders for the usual suffixes; hidden files and folders are not.
        leave_out: function of a path: whether to pass over a file that a folder or pattern holds.

    Returns:
        A dictionary of paths: each image, once, in the order of the arguments, and the place of its
        results: its path below the folder that all arguments lie in, without suffix. So images of
        one name in two folders stay apart.

    Raises:
        ValueError: if an argument names nothing, a folder or pattern holds no image, or two images
            would have one place.
    """
    found, roots = {}, []
    for argument in map(os.fspath, arguments):
        files, root = _named(argument, leave_out)
        if not files:
            raise ValueError(
                f"Expected images in {argument}; found none ({', '.join(SUFFIXES)}) there."
            )
        found.update({os.path.abspath(file): file for file in files})
        roots.append(os.path.abspath(root))
    if not roots:
        raise ValueError("Expected at least one image; received none.")
    common = os.path.commonpath(roots)
    images, taken = {}, {}
    for absolute, file in found.items():
        place = Path(os.path.relpath(absolute, common)).with_suffix("")
        if place in taken:
            raise ValueError(
                f"The results of {taken[place]} and {file} would have one name, {place}: predict "
                f"them into folders of their own."
            )
        taken[place] = file
        images[Path(file)] = place
    return images


def _named(argument, leave_out):
    """The files that one argument means, and the folder that their places are told from."""
    if os.path.isdir(argument):
        return _inside(argument, leave_out), argument
    if os.path.exists(argument):
        return [argument], os.path.dirname(argument)
    if not glob.has_magic(argument):
        raise ValueError(f"There is no image, folder or pattern of images {argument}.")
    matches = sorted(glob.glob(argument, recursive=True))
    files = []
    for match in matches:
        if os.path.isdir(match):
            files += _inside(match, leave_out)
        elif match.lower().endswith(SUFFIXES) and not leave_out(match):
            files.append(match)
    return files, _before_pattern(argument)


def _inside(folder, leave_out):
    files = []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(here, name)
            hidden = name.startswith(".")
            if name.lower().endswith(SUFFIXES) and not hidden and not leave_out(path):
                files.append(path)
    return files


def _before_pattern(pattern):
    """The folder part of a pattern up to its first wildcard."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder
