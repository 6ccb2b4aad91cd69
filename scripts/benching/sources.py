"""The files that are stored."""

import os

from .tools import MIB, run


def make_clips(folder, count, size):
    folder.mkdir(parents=True)
    for number in range(count):
        make_random_file(folder / f"clip-{number + 1}.mp4", size)


def make_random_file(path, size):
    with open(path, "wb") as file:
        for start in range(0, size, 4 * MIB):
            file.write(os.urandom(min(4 * MIB, size - start)))


def make_pictures(folder, count):
    """Real JPEGs, all different: a test picture with fresh noise in each."""
    folder.mkdir(parents=True)
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x400:rate=25,noise=alls=60:allf=t",
        "-frames:v", count, "-q:v", "3", folder / "%05d.jpg")
