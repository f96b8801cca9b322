"""Videos as files."""

import numpy as np


def moving(count=12, height=40, width=56, side=12, at=None):
    """A bright square that moves to the right over a dim pattern, uint8 (T, H, W, 3)."""
    y, x = np.mgrid[:height, :width]
    frames = np.repeat((40 + 20 * ((y // 8 + x // 8) % 2))[None, ..., None], 3, axis=-1)
    frames = np.repeat(frames, count, axis=0).astype(np.uint8)
    for number in range(count):
        left = round(number * (width - side) / max(count - 1, 1))
        top = (height - side) // 2 if at is None else at
        frames[number, top : top + side, left : left + side] = [230, 200, 60]
    return frames


def write_video(path, frames, *, rate=10, times=None, codec="mpeg4"):
    """Write frames, at a rate or at times of their own in milliseconds."""
    from fractions import Fraction

    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate = 4_000_000
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = int(times[number]), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
