"""Blob paths and HTTP routes."""

import pytest

from local.host.patterns import blob_pattern, route_pattern


@pytest.mark.parametrize(
    ("path", "blob", "expected"),
    [
        ("segments/{name}", "a/b/c.csv", {"name": "a/b/c.csv"}),
        ("segments/{tenant}/{name}.csv", "x/y/z.csv", {"tenant": "x/y", "name": "z"}),
        ("segments/in/{name}", "out/a.csv", None),
        ("segments/{name}.csv", "a.CSV", None),
        ("segments/{name}.csv", "a.csv.tmp", None),
        ("segments/{name}.csv", ".csv", None),
        ("segments", "any/thing", {"name": "any/thing"}),
        ("segments/{{x}}-{name}", "{x}-1", {"name": "1"}),
        ("segments/exact.csv", "exact.csv", {}),
        ("segments/exact.csv", "exactXcsv", None),
        ("segments/{name}", "line\nbreak", {"name": "line\nbreak"}),
    ],
)
def test_a_blob_matches_when_its_name_fits_the_path(
    path: str, blob: str, expected: dict[str, str] | None
) -> None:
    assert blob_pattern(path).match(blob) == expected


def test_the_text_before_the_first_parameter_narrows_the_listing() -> None:
    assert blob_pattern("segments/in/{{x}}/{name}.csv").prefix == "in/{x}/"
    assert blob_pattern("segments/{name}").prefix == ""
    assert blob_pattern("segments/{name}").container == "segments"


@pytest.mark.parametrize("path", ["", "{container}/{name}", "segments/{name", "segments/a}"])
def test_a_path_that_cannot_be_read_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"container|brace"):
        blob_pattern(path)


@pytest.mark.parametrize(
    ("prefix", "route", "path", "expected"),
    [
        ("", "{*route}", "/", {"route": ""}),
        ("", "{*route}", "/a/b", {"route": "a/b"}),
        ("", "/{*route}", "/a", {"route": "a"}),
        ("", "{*route}", "//a", None),
        ("api", "runs/{id}", "/API/runs/7", {"id": "7"}),
        ("api", "runs/{id}", "/api/runs", None),
        ("api", "runs/{id}", "/api/runs/7/x", None),
        ("api", "runs/{id?}", "/api/runs", {"id": None}),
        ("api", "runs/{id?}", "/api/runs/", {"id": None}),
        ("api", "a.b", "/api/aXb", None),
    ],
)
def test_a_route_takes_the_paths_of_its_template(
    prefix: str, route: str, path: str, expected: dict[str, str | None] | None
) -> None:
    found = route_pattern(prefix, route).fullmatch(path)
    assert (found.groupdict() if found else None) == expected


@pytest.mark.parametrize("route", ["runs/{id:int}", "a{b}c", "admin/x", "Runtime"])
def test_a_route_that_the_host_cannot_serve_is_refused(route: str) -> None:
    with pytest.raises(ValueError, match=r"supported|belongs"):
        route_pattern("", route)
