"""What a page of the documentation shows."""

import re


def examples(page):
    """Return the blocks of Python of a page, in their order."""
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
