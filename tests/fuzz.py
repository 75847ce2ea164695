"""Readers against broken files: `python -m tests.fuzz MINUTES` mutates real files of every format and reads them.

Whatever the bytes, opening, reading and describing (`ssif info`) gives an image or a UserError of one line; nothing else, in bounded time and memory.
Cases run in child processes, so that a crash inside a C library is seen, too. tests/unit/test_fuzz.py runs a few of them.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import rasterio
from PIL import ExifTags
from PIL import Image as Picture

from ssif.bands import Bands
from ssif.errors import UserError
from ssif.formats import create_image, matlab, open_image
from ssif.formats.header import Header
from ssif.sensors import parse_bands
from ssif.tool.about import about
from tests.products import ENMAP, write_dlr, write_emit, write_pace, write_prisma, write_sentinel2

HEADER = Header(
    6, 7, 3, "uint16", Bands([[400, 500], [500, 600], [600, 700]]), ("a", "b", "c"), (True, False, True), "nm", 0, 1e-4, -0.1,
    rasterio.CRS.from_epsg(32632).to_wkt(), (10.0, 0.0, 5.0, 0.0, -10.0, 6.0), "made by the fuzzer",
)  # fmt: skip
CUBES = ("a.hdr", "a.tif", "masked.tif", "a.mat", "a73.mat", "a.h5", "a.nc", "a.npy", "a.npz")
PICTURES = ("a.png", "a.jpg", "a.bmp", "transparent.png", "camera.jpg")
PRODUCTS = {
    "enmap": lambda place: write_dlr(place, ENMAP)[0],
    "prisma": write_prisma,
    "emit": write_emit,
    "pace": write_pace,
    "sentinel-2": lambda place: write_sentinel2(place) / "MTD_MSIL2A.xml",
}
TABLES = {"i.csv": "name,start,end\nred,600,700\nblue,400,500\n", "r.csv": "nm,red,blue\n400,0,1\n500,1,0.5\n600,0,0\n"}
# What text is replaced by.
WORDS = (
    b"",
    b"-1",
    b"0",
    b"nan",
    b"1e400",
    b"99999999999",
    b"2147483648",
    b"{",
    b"}",
    b"\xff\xfe",
    "µm".encode(),
    b"\x00",
    b"1,2",
)
SECONDS, START = 30, 60  # a case may take, and the start of a process
BYTES = 3 * 2**30  # of the address space, beyond what the program itself has


def originals(folder: Path) -> dict[str, list[Path]]:
    """A small whole file of each kind, written by ourselves: name -> its files, first the one to open, the others beside or below it."""
    values = np.random.default_rng(0).random((6, 7, 3)).astype(np.float32)
    found = {}
    for name in (*CUBES, *PICTURES):
        place = folder / name.replace(".", "_")
        place.mkdir()
        header = HEADER if name in CUBES else Header(6, 7, 3, "uint8")
        before, matlab.LARGEST_V5 = matlab.LARGEST_V5, 0 if name == "a73.mat" else matlab.LARGEST_V5
        with create_image(place / name, header) as write:
            write(values if name in CUBES else 255 * values)
        matlab.LARGEST_V5 = before
        if name == "masked.tif":
            with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(place / name, "r+") as target:
                target.write_mask(values[..., 0] > 0.3)
        if name == "transparent.png":
            Picture.fromarray((255 * values[..., [0, 1, 2, 0]]).astype(np.uint8)).save(place / name)
        if name == "camera.jpg":
            picture = Picture.fromarray((255 * values).astype(np.uint8))
            exif = picture.getexif()
            exif.update({ExifTags.Base.Orientation: 6, ExifTags.Base.Make: "a camera", ExifTags.Base.XResolution: 72.5})
            picture.save(place / name, exif=exif)
        found[name] = [place / name, *(path for path in sorted(place.iterdir()) if path.name != name)]
    for name, written in PRODUCTS.items():
        (place := folder / name).mkdir()
        main = written(place)
        found[name] = [main, *(path for path in sorted(main.parent.rglob("*")) if path.is_file() and path != main)]
    for name, text in TABLES.items():
        (folder / name).write_text(text)
        found[name] = [folder / name]
    return found


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Some of: bits flipped, an end cut off, a piece deleted, doubled or overwritten, a word or number replaced."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        if not data:
            break
        place, length = int(rng.integers(len(data))), int(rng.integers(1, 40))
        match rng.integers(7):
            case 0:
                for spot in rng.integers(len(data), size=rng.integers(1, 9)):
                    data[spot] ^= 1 << int(rng.integers(8))
            case 1:
                del data[place:]
            case 2:
                del data[place : place + length]
            case 3:
                data[place:place] = data[place : place + length]
            case 4:
                data[place : place + length] = rng.bytes(length)
            case 5:
                # Where numbers stand in binary headers, large ones.
                data[place : place + 4] = rng.choice(
                    [b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\0\0\0\0"]
                )
            case 6:
                words = bytes(data).split(b" ")
                words[int(rng.integers(len(words)))] = WORDS[int(rng.integers(len(WORDS)))]
                data = bytearray(b" ".join(words))
    return bytes(data)


def case(files: dict[str, list[Path]], folder: Path, seed: int) -> tuple[str, str]:
    """One mutated file read: its kind, and "read", "refused" or what should not have happened, with the seed."""
    rng = np.random.default_rng(seed)
    name = str(rng.choice(list(files)))
    copies = {path: folder / path.relative_to(files[name][0].parent) for path in files[name]}
    target, changed = copies[files[name][0]], files[name][int(rng.integers(len(copies)))]
    for path, copy in copies.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(mutated(path.read_bytes(), rng) if path == changed else path.read_bytes())
    started = time.monotonic()
    try:
        if name in TABLES:
            parse_bands(str(target))
        else:
            with open_image(target) as image:
                rows, columns = min(image.header.height, 4), min(image.header.width, 5)
                assert image.read(slice(0, rows), slice(0, columns)).shape == (rows, columns, image.header.count)
            about(target)
        outcome = "read"
    except UserError as error:
        outcome = "refused" if "\n" not in str(error) else f"seed {seed}: a message of several lines: {error!r}"
    except BaseException:
        outcome = f"seed {seed}: {traceback.format_exc(limit=-3)}"
    finally:
        for copy in copies.values():
            copy.unlink(missing_ok=True)
    seconds = time.monotonic() - started
    return name, outcome if seconds < SECONDS else f"seed {seed}: {seconds:.0f} s"


def batch(first: int, count: int, channel) -> None:
    """Cases of the seeds from `first`, in a process of limited memory: sends each seed before its case, then the case."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        files = originals(Path(name))
        (folder := Path(name, "case")).mkdir()
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))
        for seed in range(first, first + count):
            channel.send((seed, None))
            channel.send((seed, case(files, folder, seed)))


def run(minutes: float, first: int = 0, size: int = 2000, least: int = 0) -> tuple[Counter, list[str]]:
    """Batches until the time is up and there were `least` cases: how often what happened, and all that should not have."""
    counts, findings, end = Counter(), [], time.monotonic() + 60 * minutes

    def unfinished() -> bool:
        return time.monotonic() < end or sum(counts.values()) < least

    context = multiprocessing.get_context("spawn")

    def finding(text: str) -> None:
        findings.append(text)
        print(text, flush=True)

    while unfinished():
        channel, end_of_child = context.Pipe(duplex=False)
        child = context.Process(target=batch, args=(first, size, end_of_child))
        child.start()
        end_of_child.close()
        seed, running = first, True
        while running and unfinished():
            try:
                if not channel.poll(START + SECONDS):
                    raise EOFError("it hung")
                seed, done = channel.recv()
            except EOFError as error:
                child.join(0 if str(error) else START)
                running = False
                if child.exitcode != 0:
                    finding(
                        f"seed {seed}: {error}" if str(error) else f"seed {seed}: the process died, {child.exitcode}"
                    )
                continue
            if done:
                kind, what = done
                counts[kind, what if what in ("read", "refused") else "finding"] += 1
                if what not in ("read", "refused"):
                    finding(f"{kind}: {what}")
        child.kill()
        child.join()
        first = seed + 1
    return counts, findings


if __name__ == "__main__":
    counts, findings = run(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    for (kind, what), count in sorted(counts.items()):
        print(f"{kind:<9} {what:<8} {count}")
    print(f"{sum(counts.values())} cases, {len(findings)} findings")
    sys.exit(bool(findings))
