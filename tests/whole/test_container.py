"""The container's file, taken at its word: its build steps, its command, its health check."""

import contextlib
import http.client
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import unmask
from helpers.places import ROOT

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")

DEPLOY = ROOT / "deploy"
LINES = (DEPLOY / "Containerfile").read_text("utf-8").splitlines()
PLACE = "/opt/unmask"


def said(word):
    """Return what the last stage says by an instruction."""
    return [line.partition(" ")[2] for line in LINES if line.startswith(f"{word} ")][-1]


def words(text):
    return json.loads(text[text.index("[") :])


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return str(one.getsockname()[1])


def ask(port, path, host):
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read()


@contextlib.contextmanager
def started(command, **options):
    """A process, and a function that waits for the link it prints."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, **streams, **options)
    try:
        yield process, lambda: re.search(r"https?://([^/]+)(/[\w-]+/)", process.stdout.readline())
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def healthy(port, python=sys.executable):
    words = [python, DEPLOY / "healthy.py", port]
    return subprocess.run(words, capture_output=True, text=True).returncode == 0


@pytest.fixture(scope="module")
def image():
    """What the build steps make of the files that the file copies, where others can read it."""
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps"]
    if subprocess.run([*pip, "--ignore-installed", "typer"], capture_output=True).returncode:
        pytest.skip("needs a package index")
    with tempfile.TemporaryDirectory(prefix="unmask-container-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for line in LINES:
            if line.startswith("COPY ") and "--from" not in line:
                *sources, target = line.split()[1:]
                target = folder / target.strip("/").replace("opt/unmask/", "")
                target.mkdir(parents=True, exist_ok=True)
                for source in sources:
                    one = ROOT / source
                    if one.is_dir():
                        ignore = shutil.ignore_patterns("__pycache__")
                        shutil.copytree(one, target, dirs_exist_ok=True, ignore=ignore)
                    else:
                        shutil.copy(one, target)
        (run,) = [line.removeprefix("RUN ") for line in LINES if line.startswith("RUN ")]
        steps = run.replace("/build/", f"{folder}/build/").replace(PLACE, f"{folder}/unmask")
        writable = folder / "tmp"
        writable.mkdir()
        writable.chmod(0o1777)
        done = subprocess.run(
            [*shlex.split(steps), base_python(writable)],
            capture_output=True,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "passed" in done.stdout  # unmask doctor
        yield folder


USER = said("USER").replace(":", " ").split()
# What `docker run --read-only --tmpfs /tmp --cap-drop all --security-opt no-new-privileges` does.
JAIL = (
    'mount --bind "$0" "$0" && mount -o remount,bind,ro / && cd "$0" && exec setpriv '
    "--reuid={} --regid={} --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs "
    '"$@"'
).format(*USER)


def jailed(command, writable):
    """Return a command that runs as the file's user and writes to one folder alone, if it can."""
    jail = ["unshare", "--mount", "sh", "-c", JAIL, str(writable)]
    if os.geteuid() or subprocess.run([*jail, "true"], capture_output=True).returncode:
        return [str(one) for one in command]
    return [*jail, *map(str, command)]


def base_python(folder):
    """Return a Python that others than root may run, too."""
    wanted = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
    for one in (sys._base_executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        if Path(one).exists():
            command = jailed([one, "-c", wanted], folder)
            if subprocess.run(command, capture_output=True).returncode == 0:
                return one
    pytest.skip("needs a Python with venv that others than root may run")


def inside(image):
    """How the file has a process run: its variables and folder."""
    variables = dict(one.split("=", 1) for one in said("ENV").split())
    env = {
        name: value.replace(PLACE, f"{image}/unmask").replace("/tmp", f"{image}/tmp")
        for name, value in variables.items()
    }
    assert said("WORKDIR") == "/tmp"
    # A container's own /tmp; here it is in the place of that.
    return {"env": {**env, "TMPDIR": f"{image}/tmp"}, "cwd": image / "tmp"}


@pytest.mark.slow
def test_it_may_write_nowhere_else(image):
    assert int(USER[0]) > 0
    script = "id -u; touch here; touch /no /opt/no /var/tmp/no ../no || echo refused"
    command = jailed(["sh", "-c", script], image / "tmp")
    if command[0] != "unshare":
        pytest.skip("needs root, and leave to mount")
    done = subprocess.run(command, **inside(image), capture_output=True, text=True)
    assert done.stdout.split() == [USER[0], "refused"]
    assert done.stderr.count("cannot touch") == 4
    assert (image / "tmp" / "here").exists()


@pytest.mark.slow
def test_the_page_is_built_started_and_well(image):
    port = free_port()
    entry = [one.replace(PLACE, f"{image}/unmask") for one in words(said("ENTRYPOINT"))]
    command = [*entry, *(port if one == "8808" else one for one in words(said("CMD")))]
    check = words(said("HEALTHCHECK"))
    assert check[2:] == [said("EXPOSE")]
    copied = image / check[1].removeprefix("/opt/unmask/")
    assert copied.read_bytes() == (DEPLOY / "healthy.py").read_bytes()
    assert not healthy(port)
    with started(jailed(command, image / "tmp"), **inside(image)) as (process, link):
        host, path = link().groups()
        late = time.monotonic() + 30
        while not healthy(port, f"{image}/unmask/bin/python") and time.monotonic() < late:
            time.sleep(0.2)
        assert healthy(port)
        for name in (f"localhost:{port}", host):
            status, body = ask(port, f"{path}api/about", name)
            assert status == 200
            assert json.loads(body)["version"] == unmask.__version__
        assert ask(port, "/", f"localhost:{port}")[0] == 403
        assert process.poll() is None
    assert process.returncode == 130  # it was told to end, and did: 128 + SIGINT, as ever


@pytest.mark.slow
def test_a_picture_is_explained_there(image):
    picture = next(image.glob("unmask/lib/python*/site-packages/unmask/demo/pictures/street.png"))
    command = [f"{image}/unmask/bin/unmask", "explain", picture, "-n", "128", "--grid", "4"]
    done = subprocess.run(
        jailed(command, image / "tmp"), **inside(image), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert list((image / "tmp" / "unmask-output").glob("*.png"))


@pytest.mark.slow
def test_a_space_answers_to_its_name_alone():
    port, name = free_port(), "owner-unmask.hf.space"
    more = {"SPACE_HOST": name, "UNMASK_TOKEN": "some-words", "PORT": port}
    env = {**os.environ, **more, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with started([sys.executable, DEPLOY / "space.py"], env=env) as (_, link):
        assert link().groups() == (name, "/some-words/")
        late = time.monotonic() + 30
        while not healthy(port) and time.monotonic() < late:
            time.sleep(0.2)
        assert ask(port, "/some-words/", name)[0] == 200
        assert ask(port, "/", name)[0] == 403
        assert ask(port, "/some-words/", "other.example")[0] == 400


@pytest.mark.parametrize(
    ("more", "message"),
    [({}, "SPACE_HOST is not set"), ({"SPACE_HOST": "x", "UNMASK_TOKEN": "a/b"}, "UNMASK_TOKEN:")],
)
def test_a_space_that_is_set_up_wrongly_says_so(more, message):
    env = {name: value for name, value in os.environ.items() if name != "SPACE_HOST"}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, DEPLOY / "space.py"], env=env | more, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


def test_the_build_sees_what_it_copies_and_little_else():
    ignored = (ROOT / ".containerignore").read_text("utf-8").splitlines()
    assert ignored == (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {
        source.split("/")[0]
        for line in LINES
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert copied == let_in
    assert "*" in ignored
