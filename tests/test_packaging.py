"""The project's metadata agree with each other and with the package."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
METADATA: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _expanded_extra(name: str) -> set[str]:
    """Return the requirements of an extra, with references to other extras written out."""
    found: set[str] = set()
    for requirement in METADATA["project"]["optional-dependencies"][name]:
        if requirement.startswith("tape_ad["):
            for other in requirement[len("tape_ad[") : -1].split(","):
                found |= _expanded_extra(other)
        else:
            found.add(requirement)
    return found


def _expanded_group(name: str) -> set[str]:
    found: set[str] = set()
    for requirement in METADATA["dependency-groups"][name]:
        found |= {requirement} if isinstance(requirement, str) else _expanded_group(requirement["include-group"])
    return found


def test_extras_and_dependency_groups_are_the_same_lists() -> None:
    names = set(METADATA["project"]["optional-dependencies"])

    assert names == set(METADATA["dependency-groups"]) == {"test", "docs", "bench", "browser", "dev"}
    for name in names:
        assert _expanded_extra(name) == _expanded_group(name)


def test_nothing_but_numpy_and_attrs_is_needed_at_run_time_and_nothing_has_an_upper_cap() -> None:
    everything = METADATA["project"]["dependencies"] + [
        r for extra in METADATA["project"]["optional-dependencies"].values() for r in extra
    ]

    assert METADATA["project"]["dependencies"] == ["numpy>=2.2", "attrs>=24.2"]
    assert not [requirement for requirement in everything if "<" in requirement or "==" in requirement]


def test_hatchling_is_asked_for_in_one_version_by_builds_the_extra_and_the_group() -> None:
    """Version 1.25 cannot read the licence as it stands in the metadata."""
    asked = {
        requirement
        for requirements in (METADATA["build-system"]["requires"], _expanded_extra("dev"), _expanded_group("dev"))
        for requirement in [r for r in requirements if r.startswith("hatchling")] or ["none"]
    }

    assert asked == {"hatchling>=1.26.3"}


def test_the_version_stands_the_same_in_metadata_citation_and_changelog() -> None:
    version = METADATA["project"]["version"]

    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "tape_ad" / "py.typed").exists()
