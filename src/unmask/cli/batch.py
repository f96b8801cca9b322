"""``unmask batch``."""

from __future__ import annotations

from unmask.cli import options, progress, tables
from unmask.cli.media_options import MediaOptions, takes_media
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.result_options import gives_results
from unmask.cli.row_options import RowOptions, takes_row
from unmask.cli.setting_options import SettingOptions, takes_settings
from unmask.cli.status import clear_errors, end_of_many
from unmask.cli.target_options import TargetOptions, takes_targets
from unmask.cluster.driver import batch as run_batch
from unmask.run.settings import SETTINGS

__all__ = ["batch"]

TAKEN = ("masks", "grid", "keep", "seed", "fill", "design", "estimator", "link", "batch_size")


@gives_results
@takes_model
@takes_row("background", "columns", "group")
@takes_media(kind=False)
@takes_targets
@takes_settings(*TAKEN, seed="All pictures get the same masks.")
def batch(
    source: options.Source,
    output: options.DatasetOption,
    *,
    model: ModelOptions,
    column: options.ColumnOption = None,
    key: options.KeyOption = None,
    kind: options.KindOption = "picture",
    units: options.UnitsOption = None,
    series_layout: options.LayoutOption = None,
    series_channels: options.ChannelsOption = None,
    table: RowOptions,
    media: MediaOptions,
    targets: TargetOptions,
    settings: SettingOptions,
    maps: options.MapsOption = "grid",
    retry_failed: options.RetryOption = False,
    ray: options.RayOption = None,
    workers: options.WorkersOption = None,
    cores: options.CoresOption = 1,
    gpus: options.GpusOption = 0,
) -> None:
    """Explain all inputs of SOURCE, of one --kind, and go on where an earlier run ended.

    Writes a Parquet dataset with a row for each picture and target. A picture that fails is a row
    with its error.
    """
    said = {"units": units, "layout": series_layout, "channels": series_channels}
    with clear_errors(), progress.pictures(output, kind) as show:
        chosen = settings.arguments()
        if kind == "picture":
            chosen = {"fill": SETTINGS["fill"].default, **chosen}
        ended = run_batch(
            source,
            output,
            model.source,
            targets.all(),
            load=model.options(),
            maps=maps,
            column=column,
            key=key,
            kind=kind,
            given={
                **{k: v for k, v in said.items() if v is not None},
                **table.arguments(),
                **media.arguments(kind),
            },
            ray=ray,
            workers=workers,
            cores=cores,
            gpus=gpus,
            retry_failed=retry_failed,
            progress=show,
            **chosen,
        )
        show(ended)
    tables.show_batch(ended, output)
    end_of_many(ended.failed, ended.done)
