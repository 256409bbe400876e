"""Text files of a folder: their lines, and tables of them."""

import csv
from collections.abc import Callable
from pathlib import Path

ReportError = Callable[[Path, str], None]


def raise_error(path: Path, message: str) -> None:
    """Raises the message, which names the file already, as a `ValueError`."""
    raise ValueError(message)


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark, or a `ValueError`."""
    if not path.is_file():
        raise ValueError(f"Expected the text file {path}; there is none.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"Expected UTF-8 text in {path}: {error}.") from error
    except OSError as error:
        raise ValueError(f"Cannot read {path}: {error.strerror}.") from error


def read_lines(path: Path, report_error: ReportError = raise_error) -> list[str]:
    """The lines of a text file that are not blank; having none is an error."""
    try:
        lines = [line.strip() for line in read_text(path).splitlines()]
    except ValueError as error:
        report_error(path, str(error))
        return []
    lines = [line for line in lines if line]
    if not lines:
        report_error(path, f"Expected at least one line in {path}; it is empty.")
    return lines


def read_table(path: Path) -> list[list[str]]:
    """The rows of a table in which anything stands, their cells stripped.

    Args:
        path: split at tabs if it is called .tsv or its first line has any, else at semicolons if
            that line has them and no comma, else at commas.

    Raises:
        ValueError: for a file that cannot be read or is empty; it names the file.
    """
    first = read_lines(path)[0]
    if path.suffix.lower() == ".tsv" or "\t" in first:
        # Between tabs a quotation mark is an inch.
        options = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
    else:
        options = {"delimiter": ";" if ";" in first and "," not in first else ","}
    try:
        rows = list(csv.reader(read_text(path).splitlines(), strict=True, **options))
    except csv.Error as error:
        raise ValueError(f"Cannot read the table {path}: {error}.") from error
    rows = [[cell.strip() for cell in row] for row in rows]
    return [row for row in rows if any(row)]
