"""The page writes scores as the terminal, figures and reports do."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import unmask
from unmask._base.numbers import format_score

DENO = shutil.which("deno") or shutil.which("deno", path=str(Path(sys.executable).parent))
ELEMENTS = Path(unmask.__file__).parent / "app" / "page" / "elements.js"


@pytest.mark.skipif(DENO is None, reason="needs deno, which runs the page's scripts")
def test_scores_read_alike(tmp_path):
    random = np.random.default_rng(5)
    values = [
        0.0,
        1.0,
        0.99968,
        0.99998,
        0.00002,
        -0.00002,
        -0.99998,
        1.0000001,
        12.3456,
        -250.1276,
    ]
    values += [*random.uniform(-1, 1, 200), *random.normal(0, 300, 50), 99999.0, 123456.7]
    code = (
        f"import {{ scored }} from {json.dumps(ELEMENTS.as_uri())};"
        f"const said = {json.dumps([float(value) for value in values])};"
        "console.log(JSON.stringify(said.map(one => [scored(one), scored(one, 2)])));"
    )
    (tmp_path / "ask.js").write_text(code)
    ran = subprocess.run(
        [str(DENO), "run", "--allow-read", "--no-remote", str(tmp_path / "ask.js")],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    for value, said in zip(values, json.loads(ran.stdout), strict=True):
        wanted = [format_score(value), format_score(value, 2)]
        assert [one.replace("−", "-") for one in said] == wanted, value
