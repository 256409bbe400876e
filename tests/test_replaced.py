import threading

from keras_lwm.replaced import Replacements


def test_functions_are_replaced_in_the_context_and_in_its_thread_alone():
    class Place:
        name = staticmethod(lambda number: ("before", number))

    before = Place.name
    replaced = Replacements({(Place, "name"): lambda number: ("own", number)})
    found = []

    def look():
        found.append(Place.name(3))

    with replaced():
        other = threading.Thread(target=look)
        other.start()
        other.join()
        with replaced():
            look()
        look()
        assert replaced.original(Place, "name") is before
    look()
    assert found == [("before", 3), ("own", 3), ("own", 3), ("before", 3)]
    assert Place.name is before


def test_an_error_leaves_the_context():
    class Place:
        name = staticmethod(len)

    replaced = Replacements({(Place, "name"): sum})
    try:
        with replaced():
            assert Place.name([4, 5]) == 9
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert Place.name is len
