"""What is released: an sdist and a wheel that work alone, and files that agree about them."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import unmask
from helpers.places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


SITE = "import sysconfig; print(sysconfig.get_path('purelib'))"


def ran(*words, **options):
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, errors="replace", **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with an sdist, and the wheel that was built of it alone."""
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    ran(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def stranger(built, tmp_path_factory):
    """An environment with the wheel, and of all else what is there, but not the checkout."""
    place = tmp_path_factory.mktemp("stranger")
    venv.create(place, with_pip=False)
    inside = Path(ran(place / "bin" / "python", "-c", SITE).strip())
    # What is installed here, but not by way of its .pth files: these name the checkout.
    others = [one for one in sys.path if one.endswith("-packages")]
    (inside / "others.pth").write_text("\n".join(others) + "\n")
    pip = (sys.executable, "-m", "pip", "--python", place / "bin" / "python")
    (wheel,) = built.glob("*.whl")
    ran(*pip, "install", "--no-deps", "--no-index", "--ignore-installed", "--quiet", wheel)
    return place


@pytest.mark.slow
def test_they_are_what_an_index_takes(built):
    pytest.importorskip("twine")
    names = sorted(path.name for path in built.iterdir())
    version = unmask.__version__
    assert names == [f"unmask-{version}-py3-none-any.whl", f"unmask-{version}.tar.gz"]
    said = ran(sys.executable, "-m", "twine", "check", "--strict", *built.iterdir())
    assert said.count("PASSED") == 2


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    source = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {name for name in names if ".dist-info/" not in name} == source


@pytest.mark.slow
def test_the_sdist_holds_what_is_in_the_repository(built):
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs git")
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {one.name.partition("/")[2] for one in archive if one.isfile()}
    # With those that are new, but none that git ignores.
    listed = ran("git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard")
    assert names == {"PKG-INFO", *(one for one in listed.splitlines() if (ROOT / one).is_file())}


@pytest.mark.slow
def test_a_stranger_explains_the_demo(stranger, tmp_path):
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    python, command = stranger / "bin" / "python", stranger / "bin" / "unmask"
    script = "import unmask; print(unmask.__file__); print(unmask.demo.pictures()['street'])"
    place, picture = ran(python, "-c", script, cwd=tmp_path, env=bare).split()
    assert Path(place).is_relative_to(stranger)
    assert ran(command, "--version", cwd=tmp_path, env=bare) == f"unmask {unmask.__version__}\n"
    ran(command, "explain", picture, "-n", 256, "-t", "heart", "-o", "out", cwd=tmp_path, env=bare)
    ran(command, "report", "out/street.npz", "-o", "street.html", cwd=tmp_path, env=bare)
    assert {"street.npz", "street-heart.png"} <= {one.name for one in (tmp_path / "out").iterdir()}
    assert "<figure" in (tmp_path / "street.html").read_text("utf-8")
    said = ran(command, "doctor", cwd=tmp_path, env=bare)
    assert str(stranger) in said.replace("\n", "").replace(" ", "")
    assert "passed" in said


def needed(*lists):
    """Names and lowest versions of requirements; matplotlib has another name in conda."""
    found = {}
    for one in (one for some in lists for one in some if not one.startswith("unmask[")):
        name, version = re.fullmatch(r"([\w-]+)(?:-base)? ?>=([\d.]+)", one).groups()
        found[name.removesuffix("-base")] = version
    return found


def test_the_recipe_asks_for_the_same():
    yaml = pytest.importorskip("yaml")
    recipe = yaml.safe_load((ROOT / "recipe" / "recipe.yaml").read_text("utf-8"))
    assert recipe["context"]["version"] == unmask.__version__
    assert PROJECT["requires-python"] == f">={recipe['context']['python_min']}"
    asked = [one for one in recipe["requirements"]["run"] if not one.startswith("python ")]
    extras = PROJECT["optional-dependencies"]
    assert needed(asked) == needed(PROJECT["dependencies"], extras["cli"], extras["onnx"])
    (script,) = recipe["build"]["python"]["entry_points"]
    assert script == f"unmask = {PROJECT['scripts']['unmask']}"


def test_the_citation_is_of_this_version():
    yaml = pytest.importorskip("yaml")
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert said["version"] == unmask.__version__
    assert said["license"] == PROJECT["license"]
    assert "1806.07421" in said["references"][0]["identifiers"][0]["value"]


def test_a_bug_report_asks_for_the_doctor():
    yaml = pytest.importorskip("yaml")
    folder = ROOT / ".github" / "ISSUE_TEMPLATE"
    forms = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in folder.glob("*.yml")}
    for name in forms.keys() - {"config"}:
        assert {"name", "description", "body"} <= set(forms[name])
        fields = [one for one in forms[name]["body"] if one["type"] != "markdown"]
        assert len({field["id"] for field in fields}) == len(fields)
    asked = {one["id"]: one for one in forms["bug"]["body"] if "id" in one}
    assert "unmask doctor" in asked["doctor"]["attributes"]["label"]
    assert asked["doctor"]["validations"]["required"] is True
