"""Most other clocks decide whether this machine's clock is wrong."""

from datetime import timedelta

from engine.run_results import clock_gap
from messages import ClientResult, SourceIdentity


def gap_of(*minutes: int | None, hosts: str = "abcdef", warehouse: int | None = None) -> timedelta | None:
    """Return the gap of this machine's clock, by clients of these hosts with these gaps."""
    results = [
        ClientResult(
            source=SourceIdentity(str(number), "", "", ""), host=host,
            clock_gap=None if each is None else timedelta(minutes=each),
        )
        for number, (each, host) in enumerate(zip(minutes, hosts, strict=False))
    ]  # fmt: skip
    return clock_gap(results, None if warehouse is None else timedelta(minutes=warehouse))


def test_most_dialers_decide_whether_this_machines_clock_is_wrong() -> None:
    assert gap_of(-600, -601, 0) == timedelta(minutes=-600)
    assert gap_of(-600, None) == timedelta(minutes=-600)
    assert gap_of(-600, 0, 1) is None
    assert gap_of(-600, 0) is None
    assert gap_of(4, -4) is None
    assert gap_of(None) is None


def test_a_dialer_counts_once_however_many_clients_it_has() -> None:
    assert gap_of(-600, -600, -600, 0, 0, hosts="aaabc") is None
    assert gap_of(-600, -600, 0, 0, 0, hosts="abccc") == timedelta(minutes=-600)
    assert gap_of(-600, None, 0, 0, hosts="aabb") is None
    assert gap_of(None, -600, None, hosts="aaa") == timedelta(minutes=-600)


def test_the_warehouses_clock_counts_like_one_more_dialers() -> None:
    assert gap_of(-600, warehouse=0) is None
    assert gap_of(-600, warehouse=-600) == timedelta(minutes=-600)
    assert gap_of(0, -600, warehouse=-600) == timedelta(minutes=-600)
    assert gap_of(0, 0, warehouse=-600) is None
    assert gap_of(None, warehouse=-600) == timedelta(minutes=-600)
    assert gap_of(warehouse=4) is None
