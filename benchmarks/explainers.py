"""The explainers that `peers.py` compares, each behind one signature.

``explainer(model, picture, target, calls, seed) -> map``: the picture is uint8 (H, W, 3) and has
the model's size already, so that nobody is helped or hurt by resampling; the map is of that size.
`calls` is how many inputs the model may score. Peers run with the settings that their own documents
give; what had to be chosen is said at each. What is hidden is mid-gray (0 in MobileNetV2's space)
wherever an explainer lets its user say.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

import unmask
from unmask.evaluation import explainers
from unmask.inputs import read
from unmask.run.order import CALLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from unmask import Model

    Picture = NDArray[np.uint8]
    Map = NDArray[np.float32]
    Explainer = Callable[[Model, Picture, int, int, int], Map]

__all__ = ["EXPLAINERS", "NEEDS", "RISE_FAMILY", "SETTINGS", "TITLES", "counting"]

GRAY = 127.5
BATCH = 32
CHECK = CALLS + 1  # of `Explanation.order`, and the whole picture once more


def counting(model: Model) -> tuple[Model, list[int]]:
    """Return the model with a list whose one entry is how many inputs it has scored."""
    calls = [0]

    def run(batch: Any) -> Any:
        calls[0] += len(batch)
        return model.run(batch)

    return dataclasses.replace(model, run=run), calls


def pixel_scores(model: Model, target: int) -> Callable[[Any], NDArray[np.float64]]:
    """Return a function from pixels (n, H, W, 3), 0 to 255, to the target's scores."""

    def score(pixels: Any) -> NDArray[np.float64]:
        scores = []
        for first in range(0, len(pixels), BATCH):
            batch = model.input.preprocess(np.asarray(pixels[first : first + BATCH], np.float32))
            if model.input.layout == "NCHW":
                batch = np.ascontiguousarray(batch.transpose(0, 3, 1, 2))
            scores.append(np.asarray(model(batch), np.float64)[:, target])
        return np.concatenate(scores)

    return score


def ours(**settings: Any) -> Explainer:
    def explain(model: Model, picture: Picture, target: int, calls: int, seed: int) -> Map:
        # One of the calls is the whole picture's.
        made = unmask.explain(model, picture, target, masks=calls - 1, seed=seed, **settings)
        return np.asarray(made.model_maps[0])

    return explain


def published(model: Model, picture: Picture, target: int, calls: int, seed: int) -> Map:
    from rise import rise

    def score(batch: Any) -> NDArray[np.float64]:
        return np.asarray(model(np.ascontiguousarray(batch)), np.float64)[:, target]

    given = read(model.input, model.name, picture)
    return rise(score, given.array, model.input.layout == "NCHW", calls, seed=seed)


def xaitk(model: Model, picture: Picture, target: int, calls: int, seed: int) -> Map:
    """XAITK-saliency's RISEStack: debiased, its default; s = 8 and p1 = 1/2 as in the paper."""
    from smqtk_classifier.interfaces.classify_image import ClassifyImage
    from xaitk_saliency.impls.gen_image_classifier_blackbox_sal.rise import RISEStack

    score = pixel_scores(model, target)

    class BlackBox(ClassifyImage):  # type: ignore[misc]
        def get_labels(self) -> list[int]:
            return [target]

        def classify_images(self, images: Iterable[Picture]) -> Iterator[dict[int, float]]:
            batch: list[Picture] = []
            for image in images:
                batch.append(image)
                if len(batch) == BATCH:
                    yield from ({target: one} for one in score(batch))
                    batch = []
            if batch:
                yield from ({target: one} for one in score(batch))

        def get_config(self) -> dict[str, Any]:
            return {}

    # One of the calls is the whole picture's.
    stack = RISEStack(n=calls - 1, s=8, p1=0.5, seed=seed)
    stack.fill = [round(GRAY)] * 3
    values = stack.generate(picture, BlackBox())
    return np.asarray(values[0], np.float32)


def lime(model: Model, picture: Picture, target: int, calls: int, seed: int) -> Map:
    """LIME's image explainer as it comes: quickshift superpixels, each hidden by its own mean."""
    from lime.lime_image import LimeImageExplainer

    score = pixel_scores(model, target)
    made = LimeImageExplainer(random_state=seed, verbose=False).explain_instance(
        picture,
        lambda batch: score(batch)[:, None],
        labels=(0,),
        top_labels=None,
        num_samples=calls,
        batch_size=BATCH,
        random_seed=seed,
    )
    weights = dict(made.local_exp[0])
    table = np.zeros(made.segments.max() + 1, np.float32)
    for segment, weight in weights.items():
        table[segment] = weight
    return np.asarray(table[made.segments])


def shap_with(mask_value: str | float) -> Explainer:
    def explain(model: Model, picture: Picture, target: int, calls: int, seed: int) -> Map:
        import shap

        # The partition explainer draws nothing at random.
        del seed
        score = pixel_scores(model, target)
        masker = shap.maskers.Image(mask_value, picture.shape)
        explainer = shap.explainers.Partition(lambda batch: score(batch)[:, None], masker)
        values = explainer(
            picture[None].astype(np.float32), max_evals=calls, batch_size=BATCH, silent=True
        ).values
        return np.asarray(values[0].reshape(*picture.shape).sum(axis=2), np.float32)

    return explain


def dianna(model: Model, picture: Picture, target: int, calls: int, seed: int) -> Map:
    """DIANNA's RISE with the paper's p, as its own search for one takes 900 calls by itself."""
    from dianna.methods.rise_image import RISEImage

    np.random.seed(seed)  # noqa: NPY002 - its masks come from there
    score = pixel_scores(model, target)
    maker = RISEImage(n_masks=calls, p_keep=0.5, axis_labels={2: "channels"})
    # It hides by zeros, so that it is given what has its gray there.
    values = maker.explain(
        lambda batch: score(np.asarray(batch) + GRAY)[:, None],
        picture.astype(np.float32) - GRAY,
        labels=(0,),
        batch_size=BATCH,
    )
    return np.asarray(values[0], np.float32)


def shapiq(model: Model, picture: Picture, target: int, calls: int, seed: int) -> Map:
    """Shapley values of 64 SLIC superpixels by shapiq's KernelSHAP, hidden ones gray."""
    from shapiq import KernelSHAP
    from skimage.segmentation import slic

    score = pixel_scores(model, target)
    labels = slic(picture, n_segments=64, start_label=0)

    def game(coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
        shown = np.asarray(coalitions, bool)
        parts = np.array_split(shown, max(1, len(shown) // BATCH))
        return np.concatenate(
            [score(np.where(part[:, labels][..., None], picture, GRAY)) for part in parts]
        )

    count = int(labels.max()) + 1
    found = KernelSHAP(n=count, random_state=seed).approximate(calls, game)
    return np.asarray(found.get_n_order_values(1)[labels], np.float32)


def occlusion(model: Model, picture: Picture, target: int, calls: int, seed: int) -> Map:
    """Zeiler and Fergus, as `unmask` has it: a gray square, 32 of 224 pixels, slides over."""
    del seed
    return explainers.occlusion(model, picture, target, masks=calls - 1)


# unmask's own rows: its defaults, and what else is worth a row.
def ordered(model: Model, picture: Picture, target: int, calls: int, seed: int) -> Map:
    """Order the pixels by the second map of a run of the default, its check included."""
    made = unmask.explain(model, picture, target, masks=calls - 1 - CHECK, seed=seed)
    return made.order(model).model_values.astype(np.float32)


SETTINGS: Mapping[str, dict[str, Any]] = {
    "unmask": {},
    "unmask-order": {},
    "unmask-sharp": {"estimator": "sharp"},
    "unmask-sharp-12": {"estimator": "sharp", "grid": 12},
    "unmask-segments": {"segments": "slic:144"},
}
EXPLAINERS: Mapping[str, Explainer] = {
    **{name: ours(**settings) for name, settings in SETTINGS.items()},
    "unmask-order": ordered,
    "rise": published,
    "xaitk": xaitk,
    "dianna": dianna,
    "lime": lime,
    "shapiq": shapiq,
    "shap": shap_with(GRAY),
    "shap-blur": shap_with("blur(128,128)"),
    "occlusion": occlusion,
}
TITLES = {
    "unmask": "unmask, as it comes",
    "unmask-order": "unmask, its order",
    "unmask-sharp": "unmask, sharp",
    "unmask-sharp-12": "unmask, sharp, grid 12",
    "unmask-segments": "unmask, 144 segments",
    "rise": "RISE as published",
    "xaitk": "XAITK-saliency RISE",
    "dianna": "DIANNA's RISE",
    "lime": "LIME",
    "shapiq": "shapiq KernelSHAP, 64 superpixels",
    "shap": "SHAP partition, gray",
    "shap-blur": "SHAP partition, blur",
    "occlusion": "occlusion",
}
NEEDS = {
    "rise": ("cv2",),
    "xaitk": ("xaitk_saliency", "smqtk_classifier"),
    "dianna": ("dianna.methods.rise_image",),
    "lime": ("lime.lime_image",),
    "shapiq": ("shapiq", "skimage"),
    "unmask-segments": ("skimage",),
    "shap": ("shap",),
    "shap-blur": ("shap", "cv2"),
}
RISE_FAMILY = ("unmask", "rise", "xaitk", "dianna")  # those with the long run's 8 x 8 grid
