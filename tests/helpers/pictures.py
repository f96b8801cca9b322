"""Pictures that are quickly read, drawn and written."""

from PIL import Image

from unmask import demo


def small(name="street", size=(120, 90)):
    """A picture of the embedded classifier's made smaller: it is still a scene of its own."""
    with Image.open(demo.pictures()[name]) as image:
        return image.resize(size)
