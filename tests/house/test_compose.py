"""The compose file serves every queue, pins what it runs, and invents no secret."""

from __future__ import annotations

import re
from pathlib import Path

from commands.cli import COMMANDS
from domain.contract.queues import ALL_QUEUES
from runtime.process_environment import as_variable
from runtime.settings import Settings
from temporal_workflows.search_attributes import ALL

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
IMAGE = (ROOT / "Dockerfile").read_text()
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()
# What an operator of these services does not set, and why.
NOT_PASSED = {
    "api_host": "the image's own",
    "api_port": "fixed inside; outside it is where the API is published",
    "shutdown_seconds": "the stop_grace_period of the services is made for its default",
    "home": "the image's own; only the seed uses it",
    "temporal_port": "of the embedded stack",
    "temporal_ui_port": "of the embedded stack; outside it is where the UI is published",
    "smtp_port": "of the embedded stack",
    "workers": "of the embedded stack",
    "temporal_cli": "of the embedded stack",
    "cache": "of the embedded stack",
}
NAMESPACE_SCRIPT = (ROOT / "deploy" / "temporal" / "namespace.sh").read_text()


def test_every_queue_has_a_worker() -> None:
    """Each queue is worked by a service, and no service asks for a queue that is not there."""
    named = re.findall(r'\[worker, --queues, "?([a-z,-]+)"?\]', COMPOSE)
    assert {queue for names in named for queue in names.split(",")} == set(ALL_QUEUES)


def test_every_service_runs_a_command_of_ours() -> None:
    """A service on our image runs a subcommand that exists."""
    ours = re.findall(r"<<: \*(?:app|worker)\n    command: \[(\w+)", COMPOSE)
    assert len(ours) > len(ALL_QUEUES) // 2
    assert set(ours) <= set(COMMANDS)


def test_variables_have_a_default_or_are_demanded() -> None:
    """A variable that is not set is either filled in or stops the start with a message."""
    assert not re.findall(r"\$\{\w+\}|\$\w+", COMPOSE)


def test_secrets_are_demanded() -> None:
    """No password and no key has a default."""
    for name in ("POSTGRES_PASSWORD", "TEMPORAL_POSTGRES_PASSWORD", "CARILLON_SECRET_KEY"):
        uses = re.findall(rf"\${{{name}(:.)", COMPOSE)
        assert uses
        assert set(uses) == {":?"}


def test_every_setting_is_passed_on() -> None:
    """Every setting is given to the services once, or said not to be; no other variable of ours."""
    given = [name.lower() for name in re.findall(r"^ +CARILLON_(\w+):", COMPOSE, re.M)]
    assert sorted([*given, *NOT_PASSED]) == sorted(Settings.model_fields)


def test_settings_keep_their_defaults() -> None:
    """What is written beside a setting that an operator may leave out is the product's default."""
    filled = re.findall(r"^ +CARILLON_(\w+): \${CARILLON_\1:-(.*)}$", COMPOSE, re.M)
    assert filled
    for name, default in filled:
        assert as_variable(Settings.model_fields[name.lower()].default) == default


def test_images_are_pinned() -> None:
    """Every image names an exact version."""
    images = re.findall(r"^ +image: (?!carillon)(\S+)$", COMPOSE, re.M)
    assert len(images) == 4
    assert all(re.search(r":\d+\.\d+", image) for image in images)


def test_every_search_attribute_is_made() -> None:
    """The namespace is given each search attribute that runs carry."""
    line = re.search(r"^for name in (.+); do$", NAMESPACE_SCRIPT, re.M)
    assert line is not None
    assert line[1].split() == [key.name for key in ALL]


def test_image_holds_every_package() -> None:
    """The image has each of our packages, and the migrations."""
    copied = set(re.findall(r"^COPY (\w+)/ \1/$", IMAGE, re.M))
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert copied == packages - {"tests", "scripts", "bench"} | {"migrations"}


def test_the_build_is_given_what_the_image_copies() -> None:
    """All is kept from the build but what is named, and what the image copies is."""
    assert IGNORED[0] == "*"
    copied = re.findall(r"^COPY (?!--from)(\S+) \S+$", IMAGE, re.M)
    assert {f"!{source.rstrip('/')}" for source in copied} == {
        line for line in IGNORED if line.startswith("!")
    }
