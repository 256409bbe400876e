"""Files of classes in every form that they come in, and what is wrong with them."""

import json
import re

import pytest

from keras_lwm.rgbd_folder.classes import Classes, read_classes, read_colours

NAMES = ["wall", "bath tub", "lamp"]
COLOURS = [(255, 0, 16), (1, 2, 3), (0, 128, 0)]
IDS = [3, -1, 40]
HEX = ["#ff0010", "#010203", "#008000"]
LISTS = [list(colour) for colour in COLOURS]
OBJECTS = [
    {"name": name, "color": colour, "id": number, "supercategory": "thing"}
    for name, colour, number in zip(NAMES, LISTS, IDS, strict=True)
]
FORMS = {
    "lines.txt": ("wall\nbath tub\nlamp", None, None),
    "windows.txt": ("\ufeffwall\r\n\r\nbath tub\r\n lamp \r\n", None, None),
    "names.lst": ("wall\nbath tub\nlamp\n", None, None),
    "names.csv": ("name\nwall\nbath tub\nlamp\n", None, None),
    "columns.csv": (
        "id,Name,red,green,blue,area\n3,wall,255,0,16,1\n-1,bath tub,1,2,3,2\n40,lamp,0,128,0,3\n",
        COLOURS,
        IDS,
    ),
    "short.csv": ("r;g;b;name\n255;0;16;wall\n1;2;3;bath tub\n0;128;0;lamp\n", COLOURS, None),
    "hexadecimal.tsv": (
        "name\tcolor\tid\n"
        + "".join(f"{n}\t{c}\t{i}\n" for n, c, i in zip(NAMES, HEX, IDS, strict=True)),
        COLOURS,
        IDS,
    ),
    "british.csv": ("colour,name\n#FF0010,wall\n#010203,bath tub\n#008000,lamp\n", COLOURS, None),
    "names.json": (json.dumps(NAMES), None, None),
    "objects.json": (json.dumps(OBJECTS), COLOURS, IDS),
    "colours.json": (json.dumps(dict(zip(NAMES, LISTS, strict=True))), COLOURS, None),
    "hexadecimal.json": (json.dumps(dict(zip(NAMES, HEX, strict=True))), COLOURS, None),
    "ids.json": (json.dumps(dict(zip(IDS, NAMES, strict=True))), None, IDS),
    "names.yaml": ("- wall\n- bath tub\n- lamp\n", None, None),
    "objects.yml": (
        "- {name: wall, colour: [255, 0, 16]}\n- {name: bath tub, colour: '#010203'}\n"
        "- name: lamp\n  color: [0, 128, 0]\n",
        COLOURS,
        None,
    ),
    "colours.yaml": ("wall: [255, 0, 16]\nbath tub: [1, 2, 3]\nlamp: '#008000'\n", COLOURS, None),
    "ids.yaml": ("3: wall\n-1: bath tub\n40: lamp\n", None, IDS),
}


def refuses(read, path, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", FORMS)
def test_every_form(name, tmp_path):
    text, colours, ids = FORMS[name]
    (tmp_path / name).write_bytes(text.encode())
    assert read_classes(tmp_path / name) == Classes(NAMES, colours, ids)


REFUSED = [
    ("a.txt", "", "at least one line"),
    ("a.txt", "wall\nlamp\nwall\n", "names the class 'wall' twice"),
    ("a.txt", "wall\n", "2 to 65535 classes in .*; found 1"),
    ("a.csv", "wall\nlamp\n", "Expected a header with 'name' in .*; received wall"),
    ("a.csv", "name,id,id\nwall,1,1\n", "two columns 'id'"),
    ("a.csv", "name,id\nwall,1,7\n", "Expected 2 cells a row"),
    ("a.csv", "name,id\nwall,1\n,2\n", "Expected a name, .*; received None"),
    ("a.csv", "name,id\nwall,1\nlamp,\n", "a whole number as id .*; received none for 'lamp'"),
    ("a.csv", "name,id\nwall,1\nlamp,1.5\n", r"received '1\.5' for 'lamp'"),
    ("a.csv", "name,id\nwall,1\nlamp,1\n", "gives the id 1 to two classes"),
    ("a.csv", "name,r,g,b\nwall,1,2,3\nlamp,1,2,\n", r"'#rrggbb' for every .*; received .* 'lamp'"),
    ("a.csv", "name,r,g,b\nwall,1,2,3\nlamp,1,2,256\n", r"received \[1, 2, 256\] for 'lamp'"),
    ("a.csv", "name,colour\nwall,#ffffff\nlamp,red\n", "received 'red' for 'lamp'"),
    ("a.csv", 'name\n"wall\n', "Cannot read the table"),
    ("a.json", "[", "Cannot read the classes"),
    ("a.json", "[" * 100_000, "Cannot read the classes"),
    ("a.json", "3", "Expected a list of classes, or an object of them, in .*; received 3"),
    ("a.json", "{}", "Expected a list of classes"),
    ("a.json", "[]", "found 0"),
    ("a.json", '["wall", 3]', "Expected a name, a line of text, .*; received 3"),
    ("a.json", '["wall", " "]', "Expected a name"),
    ("a.json", '["wall", "la\\nmp"]', "Expected a name"),
    ("a.json", '[{"name": "wall"}, {"title": "lamp"}]', "Expected a name, .* received None"),
    ("a.json", '{"wall": [1, 2, 3], "wall": [2, 3, 4]}', "'wall' is in it twice"),
    ("a.json", '{"wall": [1, 2, 3], "lamp": [1, 2, true]}', r"\[1, 2, True\] for 'lamp'"),
    ("a.json", '{"wall": 1, "lamp": 2}', "received 1 for 'wall'"),
    ("a.yaml", "- wall\n- off\n", "Expected a name, .*; received False"),
    ("a.yaml", "- [wall\n", "Cannot read the classes"),
    ("a.yaml", "wall: [1, 2, 3]\nwall: [2, 3, 4]\n", "'wall' is in it twice"),
    ("a.yaml", "? [1, 2]\n: wall\n", "Cannot read the classes"),
    ("a.yaml", "- !!python/object/apply:os.getcwd []\n- wall\n", "Cannot read the classes"),
    ("a.yaml", "&a [*a, wall]", r"Expected a name, .*; received \["),
    ("a.yaml", "<<: {wall: 1}\nlamp: 2\n", "Cannot read the classes"),
    ("a.yaml", "- wall\n---\n- lamp\n", "Cannot read the classes"),
    ("a.yaml", "", "received None"),
]


@pytest.mark.parametrize(("name", "text", "message"), REFUSED)
def test_files_that_are_no_classes(name, text, message, tmp_path):
    (tmp_path / name).write_text(text)
    refuses(read_classes, tmp_path / name, message)
    # Where the first error raises nothing, there may be more of them, and always an answer.
    errors = []
    classes = read_classes(tmp_path / name, lambda *error: errors.append(error))
    assert all(path == tmp_path / name for path, _ in errors)
    assert any(re.search(message, error) for _, error in errors)
    for values in (classes.colours, classes.ids):
        assert values is None or len(values) == len(classes.names)


def test_no_file_and_no_text(tmp_path):
    refuses(read_classes, tmp_path / "classes.json", "Expected the text file")
    for suffix in ("txt", "csv", "json", "yaml"):
        path = tmp_path / f"classes.{suffix}"
        path.write_bytes(b"wall\n\xfflamp\n")
        refuses(read_classes, path, "Expected UTF-8 text")


def test_a_yaml_file_that_grows_as_it_is_read(tmp_path):
    lines = ["a: &a0 [wall, wall]"]
    lines += [f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    (tmp_path / "classes.yaml").write_text("\n".join(lines))
    refuses(read_classes, tmp_path / "classes.yaml", r"\[red, green, blue\].* for 'a'")


def test_every_error_is_reported(tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text("name,id,colour\nwall,x,#ffffff\nlamp,2,white\nwall,3,#000000\n")
    errors = []
    classes = read_classes(path, lambda path, error: errors.append(error))
    assert classes == Classes(["wall", "lamp", "wall"])
    assert len(errors) == 3


def test_without_the_package_the_sentence_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_lwm.extras.missing_packages", lambda *names: " and ".join(names))
    sentence = 'from YAML needs yaml, not installed here: `pip install "keras_lwm[formats]"`.'
    with pytest.raises(ImportError, match=re.escape(sentence)):
        read_classes(tmp_path / "classes.yaml")


def test_colours_of_their_own_file(tmp_path):
    path = tmp_path / "colours.txt"
    path.write_text("255 0 16\n\n1, 2, 3\n0,128,0\n")
    assert read_colours(path, 3) == COLOURS
    refuses(lambda path: read_colours(path, 4), path, "one colour a class .* 4 classes, 3 colours")


@pytest.mark.parametrize("line", ["1 2", "1 2 256", "a b c", "1 2 3 4", "1 -2 3", "1 2 \u00b3"])
def test_lines_that_are_no_colours(line, tmp_path):
    path = tmp_path / "colours.txt"
    path.write_text(f"0 0 0\n{line}\n", encoding="utf-8")
    refuses(lambda path: read_colours(path, 2), path, "^Expected 'red green blue', 0 to 255, in")
    errors = []
    assert read_colours(path, 2, lambda *error: errors.append(error)) is None
    assert len(errors) == 1
