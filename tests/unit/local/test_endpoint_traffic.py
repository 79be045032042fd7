"""Routing of an endpoint's requests to its fleets, without containers."""

import threading
from types import SimpleNamespace

from local.sagemaker.endpoints.traffic import Traffic


class FakeFleet:
    """A fleet of one server, or of none, which counts the requests under way."""

    def __init__(self, name: str, has_instances: bool = True) -> None:
        self.server, self.has_instances, self.users = SimpleNamespace(name=name), has_instances, 0

    def choose(self, _target: str | None = None) -> SimpleNamespace | None:
        return self.server if self.has_instances else None

    def enter(self) -> None:
        self.users += 1

    def leave(self) -> None:
        self.users -= 1


def send(traffic: Traffic, count: int) -> list[str]:
    names = []
    for _ in range(count):
        with traffic.enter() as server:
            names.append(server.name)
    return names


def test_the_share_of_green_decides():
    traffic = Traffic()
    blue, green = FakeFleet("blue"), FakeFleet("green")
    traffic.set(blue, green, 0.0)
    assert set(send(traffic, 50)) == {"blue"}
    traffic.set(blue, green, 1.0)
    assert set(send(traffic, 50)) == {"green"}
    traffic.set(blue, green, 0.5)
    assert set(send(traffic, 60)) == {"blue", "green"}  # misses one of the two once in 2 ** 59 runs


def test_a_fleet_without_instances_is_not_chosen():
    traffic = Traffic()
    traffic.set(FakeFleet("blue", has_instances=False), FakeFleet("green"), 0.5)
    assert set(send(traffic, 20)) == {"green"}


def test_a_request_ends_where_it_began():
    traffic, blue, green = Traffic(), FakeFleet("blue"), FakeFleet("green")
    traffic.set(blue)
    with traffic.enter() as server:
        traffic.set(green)
        assert (server.name, blue.users, green.users) == ("blue", 1, 0)
    assert blue.users == 0


def test_without_instances_a_request_waits_for_one():
    traffic, fleet = Traffic(), FakeFleet("blue", has_instances=False)
    traffic.set(fleet)
    with traffic.enter(wait=0) as server:
        assert server is None
    names = []

    def wait() -> None:
        with traffic.enter(wait=None) as server:
            names.append(server.name)

    waiting = threading.Thread(target=wait)
    waiting.start()
    fleet.has_instances = True
    traffic.wake()
    waiting.join()
    assert names == ["blue"]


def test_no_request_waits_at_an_endpoint_that_is_deleted():
    traffic = Traffic()
    traffic.close()
    with traffic.enter(wait=None) as server:
        assert server is None
