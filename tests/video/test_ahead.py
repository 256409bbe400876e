"""Items read ahead by a thread: all of them in order, few at a time, or the newest."""

import threading
import weakref

import pytest

from keras_lwm.video.ahead import Ahead


class Item:
    """One of those that are alive, of which `living` knows."""

    living = weakref.WeakSet()

    def __init__(self, number):
        self.number = number
        self.living.add(self)


def items(number):
    return (Item(index) for index in range(number))


def test_items_come_in_order_and_few_are_alive_at_a_time():
    """Those that wait, the one that the thread holds, and the one that is worked on."""
    most_alive, numbers = 0, []
    with Ahead(items(3000), most=3) as ahead:
        for item in ahead:
            numbers.append(item.number)
            most_alive = max(most_alive, len(Item.living))
    assert numbers == list(range(3000))
    assert most_alive <= 3 + 2
    assert ahead.dropped == 0


def test_items_are_read_while_others_are_worked_on():
    """It would wait forever if the second were read after the first is done."""
    second = threading.Event()

    def read():
        yield 1
        second.set()
        yield 2

    with Ahead(read()) as ahead:
        assert next(ahead) == 1
        assert second.wait(60)
        assert list(ahead) == [2]


def test_of_items_that_do_not_wait_the_newest_is_taken_and_the_others_counted():
    read_all, go_on = threading.Event(), threading.Event()

    def read():
        yield from items(100)
        read_all.set()
        go_on.wait(60)
        yield Item(100)

    with Ahead(read(), most=1, newest=True) as ahead:
        assert read_all.wait(60)
        assert len(Item.living) == 1
        assert next(ahead).number == 99
        go_on.set()
        assert next(ahead).number == 100
        assert ahead.dropped == 99


def test_an_error_comes_after_what_was_read_before_it():
    def read():
        yield 1
        raise ValueError("of the reader")

    with Ahead(read()) as ahead:
        assert next(ahead) == 1
        with pytest.raises(ValueError, match="of the reader"):
            next(ahead)


def test_whoever_leaves_early_leaves_no_thread_behind():
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), Ahead(items(1000)) as ahead:
        next(ahead)
        raise KeyboardInterrupt
    assert threading.active_count() == before
    assert not Item.living
