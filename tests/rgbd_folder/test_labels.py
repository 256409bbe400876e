"""Label files give back the ids or classes that were written, or one sentence."""

import h5py
import numpy as np
import pytest
from PIL import Image

from keras_lwm.rgbd_folder.labels import SUFFIXES, LabelReading, read_id_map

IDS = np.array([[0, 1, 2], [7, 200, 255]])
WIDE = np.array([[0, 1, 2], [700, 40000, 65535]])
SIGNED = np.array([[-1, 1, 2], [7, 20, 30]])
COLOURS = ((128, 0, 0), (0, 128, 0), (0, 0, 128))
VOID = (0, 0, 0)


def picture(mode=None):
    def write(path, values):
        values = values.astype({"I": "i4", "I;16": "u2"}.get(mode, "u1"))
        made = Image.fromarray(values)
        if mode == "P":
            made = Image.fromarray(values)
            made.putpalette(bytes(range(256)) * 3)
            assert made.mode == "P"
        made.save(path)

    return write


def write_npz(path, values):
    np.savez(path, labels=values)


def write_hdf5(path, values):
    with h5py.File(path, "w") as file:
        file["dataset"] = values


FORMS = [
    *((suffix, picture(mode), IDS) for suffix in (".png", ".tif") for mode in ("L", "P")),
    *((suffix, picture("I;16"), WIDE) for suffix in (".png", ".tiff")),
    (".tif", picture("I"), SIGNED),
    *(
        (suffix, np.save, SIGNED.astype(dtype))
        for suffix in (".npy",)
        for dtype in ("i2", ">i8", "f4")
    ),
    (".npz", write_npz, WIDE.astype("u2")),
    (".h5", write_hdf5, SIGNED.astype("i2")),
    (".hdf5", write_hdf5, WIDE.astype("u8")),
]


def refuses(read, path, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("suffix", "write", "values"), FORMS)
def test_ids_pixel_by_pixel(suffix, write, values, tmp_path):
    write(tmp_path / f"label{suffix}", values)
    ids = LabelReading().ids(tmp_path / f"label{suffix}")
    assert (ids.shape, ids.dtype) == ((2, 3), np.int64)
    for pixel, value in np.ndenumerate(values):
        assert ids[pixel] == value


def test_every_suffix_has_been_tried():
    assert {suffix for suffix, _, _ in FORMS} == set(SUFFIXES)


def test_black_and_white(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "label.png")
    assert LabelReading().ids(tmp_path / "label.png").tolist() == [[1, 0]]


def write_colours(path, classes, alpha=None):
    table = np.array((*COLOURS, VOID), np.uint8)
    values = table[classes]
    if alpha is not None:
        values = np.concatenate([values, np.full((*values.shape[:2], 1), alpha, np.uint8)], axis=2)
    Image.fromarray(values).save(path)


@pytest.mark.parametrize("alpha", [None, 255, 7])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colours_pixel_by_pixel(alpha, suffix, tmp_path):
    path = tmp_path / f"label{suffix}"
    classes = np.array([[0, 1, 2], [-1, 2, 2]])
    write_colours(path, classes, alpha)
    reading = LabelReading(COLOURS, (VOID, (1, 1, 1)))
    np.testing.assert_array_equal(reading.ids(path), classes)
    expected = [[0, 1, 2], [255, 2, 2]]
    assert reading.read(path, 0, (), 3).tolist() == expected


def test_colours_that_are_no_classes(tmp_path):
    path = tmp_path / "label.png"
    write_colours(path, np.array([[0, 3, 3], [1, 2, 2]]))
    sentence = r"label\.png holds the colour \(0, 0, 0\) \(2 pixels\): expected those of the 3 "
    refuses(LabelReading(COLOURS).ids, path, sentence)
    sentence = (
        r"the colour \(0, 0, 0\) \(2 pixels\), and 2 more such colours: expected .* 1 classes"
    )
    refuses(LabelReading(COLOURS[1:2]).ids, path, sentence + r".*void_colours=\(\)")
    refuses(LabelReading().ids, path, "label ids, one channel, .*'RGB': .*give the colour of each")
    refuses(LabelReading(COLOURS, COLOURS[:1]).ids, path, r"received \(128, 0, 0\) twice")
    # Of ids, colours say nothing.
    picture("L")(path, IDS)
    np.testing.assert_array_equal(LabelReading(COLOURS, COLOURS[:1]).ids(path), IDS)


def test_against_a_loop_over_many_colours(tmp_path):
    random = np.random.default_rng(0)
    colours = [tuple(colour) for colour in random.integers(0, 256, (300, 3)).tolist()]
    colours = list(dict.fromkeys(colours))
    values = np.array(colours, np.uint8)[random.integers(0, len(colours), (40, 50))]
    Image.fromarray(values).save(tmp_path / "label.png")
    expected = [[colours.index(tuple(colour)) for colour in row] for row in values.tolist()]
    assert LabelReading(colours).ids(tmp_path / "label.png").tolist() == expected


def test_ids_by_a_map(tmp_path):
    path = tmp_path / "label.npy"
    np.save(path, np.array([[0, 5, 1000], [-1, 5, 3]]))
    reading = LabelReading(id_map={5: 1, 1000: 0, 3: 2, 0: 40})
    assert reading.ids(path, void_ids=(-1, 40)).tolist() == [[40, 1, 0], [-1, 1, 2]]
    assert reading.read(path, 1, (-1, 40, 0), 2).tolist() == [[255, 0, 255], [255, 0, 1]]
    sentence = (
        r"holds the label id -1 \(1 pixels\): expected one of the 4 ids of id_map, or of void"
    )
    refuses(reading.ids, path, sentence)
    # 5 is an id that the map leads to, and not one that it has: it may not pass for one.
    refuses(LabelReading(id_map={0: 5, 1000: 5, 3: 5, -1: 5}).ids, path, r"label id 5 \(2 pixels\)")


def test_classes_and_void(tmp_path):
    path = tmp_path / "label.npy"
    np.save(path, np.array([[1, 2, 0], [3, -1, 9]]))
    read = LabelReading().read(path, 1, (0, -1, 9), 3)
    assert (read.tolist(), read.dtype) == ([[0, 1, 255], [2, 255, 255]], np.uint8)
    read = LabelReading().read(path, 1, (0, -1, 9), 300)
    assert (read.tolist(), read.dtype) == ([[0, 1, 65535], [2, 65535, 65535]], np.uint16)

    def one_less(path):
        return LabelReading().read(path, 1, (0, -1), 2)

    refuses(one_less, path, r"label id 3 \(2 pixels\): expected 1 to 2 for the 2 classes")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[1.5, 2.5, 3]]), r"whole numbers, in .*; received 1\.5 \(2 pixels\)"),
        (np.array([[np.nan, 2]]), r"received nan \(1 pixels\)"),
        (np.array([[2**63]], np.uint64), "received 9223372036854775808"),
        (np.ones((2, 3, 3)), r"Expected label of shape .*; received \(2, 3, 3\) of float64"),
        (np.array([["a"]]), "Expected label of shape"),
    ],
)
def test_arrays_that_are_no_labels(values, message, tmp_path):
    np.save(tmp_path / "label.npy", values)
    refuses(LabelReading().ids, tmp_path / "label.npy", message)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_cut_off(suffix, tmp_path):
    path = tmp_path / f"label{suffix}"
    write = {form[0]: form[1] for form in FORMS}[suffix]
    write(path, np.arange(1000, dtype="u2").reshape(20, 50) % 251)
    path.write_bytes(path.read_bytes()[:-200])
    refuses(LabelReading().ids, path, "^Cannot read the (picture|label) ")


@pytest.mark.parametrize("mode", ["F", "LA", "CMYK", "LAB"])
def test_pictures_that_are_no_labels(mode, tmp_path):
    Image.new(mode, (3, 2)).save(tmp_path / "label.tif")
    for reading in (LabelReading(), LabelReading(COLOURS)):
        refuses(reading.ids, tmp_path / "label.tif", f"^Expected label ids, .* received .*{mode!r}")


def test_names_and_keys(tmp_path):
    refuses(LabelReading().ids, tmp_path / "label.jpg", "^Expected a label in a file that ends in")
    np.savez(tmp_path / "label.npz", fine=IDS, coarse=IDS // 10)
    coarse = LabelReading(key="coarse").ids(tmp_path / "label.npz")
    np.testing.assert_array_equal(coarse, IDS // 10)
    refuses(LabelReading().ids, tmp_path / "label.npz", "set label_key to one of 'fine', 'coarse'")
    picture("L")(tmp_path / "label.png", IDS)
    refuses(LabelReading(key="fine").ids, tmp_path / "label.png", "label_key='fine' was given, but")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colours": [(1, 2)]}, r"colours\[0\] to be \(red, green, blue\), 0 to 255; received \(1"),
        ({"colours": [(1, 2, 3), "#ffffff"]}, r"colours\[1\]"),
        ({"colours": [(1, 2, 256)]}, r"colours\[0\]"),
        ({"colours": []}, "at least one colour"),
        ({"colours": [(1, 2, 3)], "void_colours": [(1, 2, 3.5)]}, r"void_colours\[0\]"),
        ({"void_colours": [(1, 2, 3)]}, "received no colours of classes"),
        ({"id_map": {}}, "id_map to hold at least one id"),
        ({"id_map": {1: "a"}}, r"whole numbers; received \(1, 'a'\)"),
        ({"id_map": {2**70: 1}}, "whole numbers"),
        ({"key": ""}, "label_key to be a name"),
    ],
)
def test_options_that_mean_nothing(options, message):
    with pytest.raises(ValueError, match=message):
        LabelReading(**options)


SCANNET = (
    "id\traw_category\tcategory\tcount\tnyu40id\tnyuClass\n"
    "1\twall\twall\t8277\t1\twall\n"
    '22\t19" monitor\tmonitor\t1\t40\totherprop\n'
    "5\tnothing\t\t3\t\t\n"
    "\n"
    "2\tchair\tchair\t4646\t5\tchair\n"
)


@pytest.mark.parametrize("name", ["labels.tsv", "labels.txt"])
def test_the_table_of_scannet(name, tmp_path):
    (tmp_path / name).write_text(SCANNET)
    assert read_id_map(tmp_path / name, ("id", "nyu40id")) == {1: 1, 22: 40, 2: 5}


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("from,to\n7,1\n-8,0\n", None),
        ("\ufefffrom;to\r\n7;1\r\n-8;0\r\n", None),
        ("7,1\n-8,0", None),
        ("7\t1\n\n-8\t0\n", None),
        ('to,name,from\n1,"a, b",7\n0,c,-8\n1,again,7\n,d,9\n3,e,\n', ("from", "to")),
    ],
)
def test_tables_of_other_forms(text, columns, tmp_path):
    (tmp_path / "map.csv").write_bytes(text.encode())
    assert read_id_map(tmp_path / "map.csv", columns) == {7: 1, -8: 0}


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        (
            SCANNET,
            None,
            "whole numbers in the columns 'id' and 'raw_category' .*; received '1' and",
        ),
        (SCANNET, ("id", "nyu13id"), "one column 'nyu13id' in .*; its columns: id, raw_category"),
        ("a,a\n1,2\n", ("a", "a"), "one column 'a'"),
        ("1,2\n", ("id", "nyu40id"), "one column 'id' in .*; its columns: 1, 2"),
        ("a,b\n1,2\n3,4\n1,5\n", None, "maps the id 1 twice, to 2 and to 5"),
        ("a,b\n1,2.5\n", None, r"received '1' and '2\.5'"),
        ("a,b\n1,\n", None, "at least one pair of ids"),
        ("a\n1\n", None, "Expected two columns"),
        ("1\n2\n", None, "at least one pair of ids"),
        ("", None, "at least one line"),
        ('a,b\n1,"2\n', None, "Cannot read the table"),
    ],
)
def test_tables_that_are_no_map(text, columns, message, tmp_path):
    path = tmp_path / "map.csv"
    path.write_text(text)
    refuses(lambda path: read_id_map(path, columns), path, message)


def test_no_table(tmp_path):
    refuses(read_id_map, tmp_path / "map.csv", "Expected the text file")
    (tmp_path / "map.csv").write_bytes(b"a,b\n\xff,2\n")
    refuses(read_id_map, tmp_path / "map.csv", "Expected UTF-8 text")
