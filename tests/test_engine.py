"""Run a function over many items, and give the results in the order of the items: the contract of every engine."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.words.engine import AHEAD, Engine, Local
from parquetry.words.errors import InputError, Problem

ENGINES = [Local(1), Local(2), Local(4), Local(0)]
engines = pytest.mark.parametrize("engine", ENGINES, ids=str)


@engines
def test_results_come_in_the_order_of_the_items(engine: Engine) -> None:
    delays = random.Random(7)
    items = [(number, delays.random() / 200) for number in range(60)]

    def late(item: tuple[int, float]) -> int:
        time.sleep(item[1])
        return item[0]

    assert list(engine.map(late, items)) == list(range(60))


@given(st.lists(st.integers(), max_size=30), st.sampled_from(ENGINES))
@settings(max_examples=40)
def test_an_engine_is_map(items: list[int], engine: Engine) -> None:
    assert list(engine.map(lambda item: item * 2, iter(items))) == [item * 2 for item in items]


@engines
def test_the_first_failure_in_the_order_of_the_items_is_raised(engine: Engine) -> None:
    """The item that fails later in time stands first."""
    done = list[int]()

    def work(item: int) -> int:
        if item == 3:
            time.sleep(0.05)
        if item >= 3:
            raise InputError(Problem("INPUT_EMPTY", f"{item}.jsonl", "the file holds nothing"))
        return item

    with pytest.raises(InputError) as caught:
        done.extend(engine.map(work, range(10)))
    assert str(caught.value) == "error[INPUT_EMPTY] 3.jsonl: the file holds nothing"


@engines
def test_what_comes_before_a_failure_is_given(engine: Engine) -> None:
    done = list[int]()
    with pytest.raises(ZeroDivisionError):
        for result in engine.map(lambda item: 6 // (3 - item), range(10)):
            done.append(result)
    assert done == [2, 3, 6]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_failure_stops_the_run(workers: int) -> None:
    started = list[int]()

    def work(item: int) -> int:
        started.append(item)
        if item == 2:
            raise ValueError("two")
        return item

    with pytest.raises(ValueError, match="two"):
        list(Local(workers).map(work, range(1000)))
    assert max(started) <= 2 + AHEAD * workers


@engines
def test_a_failure_of_the_items_is_raised(engine: Engine) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the list broke off")

    with pytest.raises(OSError, match="the list broke off"):
        list(engine.map(abs, items()))


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_so_many_items_for_each_worker_are_in_flight_and_no_more(workers: int) -> None:
    taken, given_back, most = 0, 0, 0

    def items() -> Iterator[int]:
        nonlocal taken, most
        for item in range(200):
            taken += 1
            most = max(most, taken - given_back)
            yield item

    for _ in Local(workers).map(lambda item: item, items()):
        given_back += 1
        time.sleep(0.0005)
    assert given_back == 200
    assert most <= AHEAD * workers + 1, "the one that is being handed over counts too"


def test_workers_work_at_the_same_time() -> None:
    both = threading.Barrier(2)
    assert sorted(Local(2).map(lambda _: both.wait(10), range(2))) == [0, 1]


def test_one_worker_is_the_thread_that_asks() -> None:
    assert set(Local(1).map(lambda _: threading.get_ident(), range(3))) == {threading.get_ident()}


def test_a_run_that_is_given_up_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    run = Local(3).map(lambda item: item, range(1000))
    assert next(run) == 0
    run.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
