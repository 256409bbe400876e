"""The scores of an evaluation as files."""

from pathlib import Path

from keras_lwm.atomic_write import atomic_write, write_json
from keras_lwm.evaluation.tables import confusion_csv, csv_table, markdown_table


def write_report(folder, scores):
    """Writes what `evaluate` returns into a folder, which is created where it does not exist.

    | file                   | what it holds |
    | ---------------------- | --- |
    | `scores.json`          | everything |
    | `scores.md`            | all scores as tables in Markdown, per cent |
    | `classes.csv`          | the scores of every class, 0 to 1 |
    | `confusion_matrix.csv` | pixels; a row a label, a column a predicted class |

    Each file is written whole, over one of the same name.

    Returns:
        The paths, in this order.

    Raises:
        ValueError: if `folder` is a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"Expected a folder for the scores; received the file {folder}.")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "scores.json", scores)
    texts = {
        "scores.md": markdown_table(scores),
        "classes.csv": csv_table(scores),
        "confusion_matrix.csv": confusion_csv(scores),
    }
    for name, text in texts.items():
        with atomic_write(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
    return [folder / name for name in ("scores.json", *texts)]
