"""deploy/kuberay.yaml is a RayJob, and runs a command that there is."""

import copy
import shlex

import pytest
from typer.testing import CliRunner

from helpers.kuberay_schema import RAYJOB
from helpers.places import ROOT

jsonschema = pytest.importorskip("jsonschema")
yaml = pytest.importorskip("yaml")


@pytest.fixture(scope="module")
def schema():
    jsonschema.Draft202012Validator.check_schema(RAYJOB)
    return jsonschema.Draft202012Validator(RAYJOB)


@pytest.fixture
def manifest():
    return yaml.safe_load((ROOT / "deploy" / "kuberay.yaml").read_text())


def test_the_manifest_keeps_to_the_schema(schema, manifest):
    schema.validate(manifest)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "entryPoint"), "unmask"),
        (("spec", "backoffLimit"), "5"),
        (("spec", "rayClusterSpec", "workerGroupSpecs", 0, "replica"), 3),
        (("spec", "rayClusterSpec", "headGroupSpec", "rayStartParams", "num-cpus"), 0),
        (("spec", "rayClusterSpec", "headGroupSpec", "template", "spec", "containers"), []),
        (("apiVersion",), "ray.io/v2"),
    ],
)
def test_the_schema_finds_mistakes(schema, manifest, path, value):
    wrong = copy.deepcopy(manifest)
    part = wrong
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        schema.validate(wrong)


@pytest.mark.parametrize("group", ["headGroupSpec", "workerGroupSpecs"])
def test_what_the_definition_requires_is_required(schema, manifest, group):
    one = manifest["spec"]["rayClusterSpec"][group]
    one = one if isinstance(one, dict) else one[0]
    del one["rayStartParams"]
    with pytest.raises(jsonschema.ValidationError, match="rayStartParams"):
        schema.validate(manifest)


def test_pods_are_what_kubernetes_knows(manifest):
    pytest.importorskip("kubernetes", reason="pip install 'kubernetes>=37' to check the pods")
    from kubernetes.client.models import V1PodTemplateSpec

    cluster = manifest["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        V1PodTemplateSpec.model_validate(group["template"])
    container = cluster["headGroupSpec"]["template"]["spec"]["containers"][0]
    container |= {"imagePullPolice": "Never", "ports": [{"name": "gcs"}]}
    container["env"][0]["value"] = 0
    with pytest.raises(ValueError, match="3 validation errors"):
        V1PodTemplateSpec.model_validate(cluster["headGroupSpec"]["template"])


def test_volumes_that_are_mounted_are_there(manifest):
    cluster = manifest["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        there = {volume["name"] for volume in pod["volumes"]}
        mounted = {m["name"] for c in pod["containers"] for m in c.get("volumeMounts", [])}
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
