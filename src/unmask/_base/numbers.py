"""Numbers as people read them, alike in terminal, figure, report and page."""

from __future__ import annotations

__all__ = ["ROUNDING", "format_score"]


# What rounding in float32 may add to a sum of probabilities.
ROUNDING = 1e-6


def format_score(value: float, decimals: int = 4) -> str:
    """Write a score; what is not 0 or 1 is never written as either.

    Parameters
    ----------
    value : float
    decimals : int, default 4
        Beyond 1, as of logits, one more significant digit than that is written instead.

    Returns
    -------
    str

    Examples
    --------
    >>> format_score(0.99968), format_score(0.99998), format_score(0.00002), format_score(1.0)
    ('0.9997', '>0.9999', '<0.0001', '1.0000')
    >>> format_score(0.997, 2), format_score(0.924, 2), format_score(-0.004, 2)
    ('>0.99', '0.92', '>-0.01')
    >>> format_score(12.3456), format_score(-123456.7), format_score(1.5e7)
    ('12.346', '-123457', '1.5000e+07')
    """
    size = abs(value)
    if not size <= 1 + ROUNDING:
        text = f"{value:#.{decimals + 1}g}".rstrip(".")
        # Five digits before the point are read more easily than an exponent.
        return f"{value:.0f}" if "e" in text and size < 1e6 else text
    step = 10.0**-decimals
    text = f"{size:.{decimals}f}"
    below, above = ("<", ">") if value >= 0 else (">", "<")
    sign = "" if value >= 0 else "-"
    if float(text) == 0 and size > 0:
        return f"{below}{sign}{step:.{decimals}f}"
    if float(text) == 1 and size < 1:
        return f"{above}{sign}{1 - step:.{decimals}f}"
    return f"{sign}{text}"
