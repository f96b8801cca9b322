"""The public face: what `unmask` and its packages export, and nothing else is promised."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import unmask

FACE = {
    "unmask": """DoubtWarning Explanation FileError ImageError Interrupted MissingExtra Model
        ModelError ModelOutputError Plan Prediction Run SettingError Target TargetError UnmaskError
        UnmaskWarning __version__ answer box cluster compare_pictures contrast demo detect
        evaluation explain extend kept load metrics notebook output plots predict prepare region
        report results rise row series similar_to sound stream text together video volume
        within_top""",
    "unmask.adapters": """Rise explain_batch importance log_mlflow log_tensorboard log_wandb
        to_heatmap""",
    "unmask.app": "needed serve",
    "unmask.cli": "app",
    "unmask.cluster": "ProcessExecutor Progress RayExecutor ModelSource Results batch open",
    "unmask.demo": "LABELS MODEL Scene pictures scene scenes",
    "unmask.draw": "COLORMAPS Look",
    "unmask.estimate": "ESTIMATORS",
    "unmask.evaluation": """COMPARED DEFAULT Row Study compare evaluate evaluate_map
        evaluate_stored metrics read_evidence summarize""",
    "unmask.evaluation.metrics": """METRICS STEP TOLERANCE Case Curve Mean Metric Trial both case
        complexity curves deletion drop energy_inside evidence_mask faithfulness increase insertion
        known localization_auc mean_interval order overlap pointing_game register rise_blur sanity
        share_interval shown_score sparseness stability adcc coherency infidelity irof l1_complexity
        max_sensitivity random_logit road""",
    "unmask.inputs": """ArraySample InputSpec Modality Original Picture Row RowOriginal Sample
        Series SeriesOriginal Sound SoundOriginal TableSpec Text TextOriginal TextSpec Together
        TogetherOriginal Video VideoOriginal Volume VolumeOriginal describe read register row
        series sound text together video volume""",
    "unmask.masks": "DESIGNS Block Masks",
    "unmask.models": "DETECTORS Detections Model load randomize",
    "unmask.reports": "report stored",
    "unmask.targets": """Detection Point Prediction Segment Target Targets Task Written answer
        box contrast output region register similar_to task_of within_top""",
}
PRIVATE = {
    "unmask._base",
    "unmask.models.decoders",
    "unmask.models.keras",
    "unmask.models.server",
    "unmask.models.torch",
    "unmask.run",
}
# What version 0.1.0 called its modules, and where they are.
OLDER = {
    "kept": "unmask.evaluation.stored",
    "metrics": "unmask.evaluation.metrics",
    "notebook": "unmask.rise",
    "plots": "unmask.reports.convergence",
    "results": "unmask.cluster.results",
}


@pytest.mark.parametrize("package", FACE)
def test_each_name_is_there_and_no_other_is_promised(package):
    pytest.importorskip("typer") if package == "unmask.cli" else None
    module = importlib.import_module(package)
    assert sorted(module.__all__) == sorted(FACE[package].split())
    assert all(getattr(module, name) is not None for name in module.__all__)


def test_every_package_has_a_face_or_is_private():
    found = {one.name for one in pkgutil.walk_packages(unmask.__path__, "unmask.") if one.ispkg}
    assert found == (set(FACE) - {"unmask"}) | PRIVATE


@pytest.mark.parametrize(("old", "home"), OLDER.items())
def test_modules_are_still_called_as_before(old, home):
    assert getattr(unmask, old) is importlib.import_module(home)


def test_only_five_modules_stand_in_the_root():
    found = {one.name for one in pkgutil.iter_modules(unmask.__path__) if not one.ispkg}
    assert found == {"__main__", "_version", "errors", "rise"}


def test_importing_unmask_loads_nothing_heavy():
    heavy = {"scipy", "matplotlib", "PIL", "onnxruntime", "threadpoolctl"}
    script = "import sys, unmask; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not heavy & {name.split(".")[0] for name in done.stdout.split()}


def test_figures_are_loaded_when_something_is_drawn():
    script = (
        "import sys, unmask; unmask.predict('demo', unmask.demo.pictures()['street']);"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "matplotlib" not in {name.split(".")[0] for name in done.stdout.split()}
