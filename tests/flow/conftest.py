"""Fixtures of the flows: gateways and scripted providers that end with their test, whatever happens in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from harness import matrix
from harness.gateway import Gateway, one_model
from harness.script import Provider, Script


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        item.failed_call = True  # type: ignore[attr-defined]


def put_away(gateway: Gateway, is_failed: bool) -> None:
    if is_failed:
        print(f"--- last lines of {gateway.log_file}")
        print("\n".join(gateway.log[-40:]))
    if gateway.process:
        status = gateway.stop()
        if gateway.expected_exit is not None:
            assert status == gateway.expected_exit, f"exit status {status}\n" + "\n".join(gateway.log[-40:])


@pytest.fixture(scope="module")
def module_dir(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    return tmp_path_factory.mktemp(request.module.__name__)


@pytest.fixture
def launch(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Gateway]]:
    """launch(settings): a running gateway in the test's own directory."""
    made: list[Gateway] = []

    def start(settings: Any = None, **more: Any) -> Gateway:
        directory = tmp_path / f"gateway{len(made)}"
        directory.mkdir()
        made.append(Gateway(directory, settings, **more))
        return made[-1].start()

    yield start
    for gateway in made:
        put_away(gateway, getattr(request.node, "failed_call", False))


@pytest.fixture
def provide() -> Iterator[Callable[..., Provider]]:
    """provide(script): a scripted provider."""
    made: list[Provider] = []

    def start(script: Script | None = None, **more: Any) -> Provider:
        made.append(Provider(script, **more))
        return made[-1]

    yield start
    for provider in made:
        provider.close()


class Pair:
    """What most tests want: one gateway before one scripted provider, and a key with credit."""

    def __init__(self, gateway: Gateway, provider: Provider):
        self.gateway, self.provider = gateway, provider
        gateway.grant()
        self.key = gateway.key()
        self.admin = gateway.key("admin", "--management")


@pytest.fixture
def pair(launch: Callable[..., Gateway], provide: Callable[..., Provider]) -> Pair:
    provider = provide()
    return Pair(launch(one_model(provider)), provider)


@pytest.fixture(scope="module")
def shared(module_dir: Path) -> Iterator[Pair]:
    """As pair, one for all tests of a module."""
    provider = Provider()
    gateway = Gateway(module_dir, one_model(provider)).start()
    yield Pair(gateway, provider)
    put_away(gateway, False)
    provider.close()


@pytest.fixture(scope="module")
def simulated(module_dir: Path) -> Iterator[Gateway]:
    """A gateway without providers: the built-in simulated one answers. One for all tests of a module."""
    gateway = Gateway(module_dir).start()
    gateway.grant("1000")
    yield gateway
    put_away(gateway, False)


@pytest.fixture(scope="module")
def formats(module_dir: Path) -> Iterator[Gateway]:
    """A gateway before a provider of each format, all played by the simulated one. One for all tests of a module."""
    directory = module_dir / "formats"
    directory.mkdir()
    yield from matrix.before_each_format(directory)
