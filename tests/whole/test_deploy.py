"""deploy/kuberay.yaml runs a command that there is, and mounts no volume that is not there."""

import shlex

import pytest
from typer.testing import CliRunner

from helpers.places import ROOT

yaml = pytest.importorskip("yaml")


@pytest.fixture
def manifest():
    return yaml.safe_load((ROOT / "deploy" / "kuberay.yaml").read_text())


def test_volumes_that_are_mounted_are_there(manifest):
    cluster = manifest["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        there = {volume["name"] for volume in pod["volumes"]}
        mounted = {m["name"] for c in pod["containers"] for m in c.get("volumeMounts", [])}
        assert mounted
        assert mounted <= there


def test_the_entrypoint_is_a_command_of_ours(manifest):
    pytest.importorskip("pyarrow")
    from unmask.cli import app

    program, *words = shlex.split(manifest["spec"]["entrypoint"])
    assert program == "unmask"
    # With an option too many: Typer reads the others before, and would name one it does not know.
    ran = CliRunner().invoke(app, [*words, "--no-such-option"])
    assert ran.exit_code == 2
    assert "--no-such-option" in ran.output
