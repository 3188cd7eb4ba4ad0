"""What comes from elsewhere: the workflow's actions, the licences of the packages, their known
vulnerabilities."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

from tools import audit, licences

ROOT: Final = Path(__file__).parents[2]
WORKFLOWS: Final = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def check_workflow(path: Path) -> subprocess.CompletedProcess[str]:
    """Hold a workflow against GitHub's published schema, which the checker carries."""
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        str(path),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_fits_the_schema_of_github(workflow: Path) -> None:
    done = check_workflow(workflow)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflow_with_a_misspelt_key_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "ci.yml"
    broken.write_text(
        WORKFLOWS[0].read_text(encoding="utf-8").replace("runs-on:", "run-on:"), encoding="utf-8"
    )
    assert check_workflow(broken).returncode == 1


def test_workflow_runs_the_script_of_ci_with_no_more_rights_than_reading() -> None:
    [workflow] = WORKFLOWS
    found = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    assert found["permissions"] == {"contents": "read"}
    [job] = found["jobs"].values()
    assert "./.ci/run" in job["steps"][-1]["run"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_actions_are_pinned_to_a_commit(workflow: Path) -> None:
    used = re.findall(r"uses: (\S+)", workflow.read_text(encoding="utf-8"))
    assert used
    assert [
        action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)
    ] == []


def test_licences_are_listed_for_every_lock_of_an_image() -> None:
    copied = set(
        re.findall(
            r"COPY requirements/(\S+)\.txt",
            "".join((ROOT / f"Dockerfile.{kind}").read_text() for kind in ("cpu", "gpu")),
        )
    )
    assert set(licences.LOCKS) == copied


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"license_expression": "MIT", "license": "other"}, "MIT"),
        (
            {
                "classifier": [
                    "License :: OSI Approved",
                    "License :: OSI Approved :: BSD License",
                    "Topic :: X",
                ]
            },
            "BSD License",
        ),
        ({"license": "Apache 2.0\nand the whole text"}, "Apache 2.0"),
        ({"license": "a | b"}, "a / b"),
        ({"license": ""}, licences.NOT_STATED),
        ({}, licences.NOT_STATED),
    ],
)
def test_licence_is_the_most_exact_statement(metadata: dict[str, object], expected: str) -> None:
    assert licences.licence_of(metadata) == expected


def answering(text: str, code: int = 0) -> tuple[str, ...]:
    """A program in pip-audit's place, that ends like this whatever it is asked."""
    return (
        sys.executable,
        "-c",
        f"import sys; print({text!r}); print('no route to host', file=sys.stderr); "
        f"sys.exit({code})",
    )


def test_audit_without_findings_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        '{"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", '
        '"skip_reason": "unknown"}]}'
    )
    assert audit.main([Path("a.txt")], answering(text)) == 0
    assert capsys.readouterr().out == "No known vulnerabilities in 1 locks.\n"


def test_audit_with_a_finding_names_it_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", '
        '"fix_versions": ["2"]}]}]}'
    )
    assert audit.main([Path("a.txt"), Path("b.txt")], answering(text, 1)) == audit.FOUND
    assert capsys.readouterr().out.splitlines() == [
        "a 1: PYSEC-1, fixed in 2",
        "1 known vulnerabilities in 2 locks.",
    ]


def test_audit_without_an_answer_says_so_in_one_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert audit.main([Path("a.txt")], answering("", 1)) == audit.AWAY
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "expected an answer of the vulnerability service about a.txt; received none (no route to "
        "host); try again where it is reachable"
    ]
