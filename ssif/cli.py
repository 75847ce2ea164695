"""The `ssif` command: predict images, say what files hold, and prepare a data set outside the benchmark."""

import argparse
import shlex
import sys
from pathlib import Path

from ssif import bandspec, published, sensors
from ssif.data.readers import DATASETS
from ssif.errors import UserError, exit_cleanly


def parser() -> argparse.ArgumentParser:
    """Every subcommand; each sets `run`, a function of the arguments."""
    found = argparse.ArgumentParser(prog="ssif", description=__doc__)
    commands = found.add_subparsers(dest="command", required=True)

    predicted = commands.add_parser("predict", help="an image at a larger size and in other bands")
    predicted.add_argument("image", type=Path, help="ENVI, GeoTIFF, .mat, HDF5, .npy, .npz, PNG, JPEG or BMP")
    predicted.add_argument("out", type=Path, help="the same; its suffix says the format")
    predicted.add_argument(
        "--weights",
        required=True,
        help=f"weights.safetensors of SSIF, SSIF+ or LIIF, or a published name: {', '.join(published.FILES)}",
    )
    predicted.add_argument("--scale", type=float, default=1, metavar="P", help="at least 1 (default: %(default)s)")
    predicted.add_argument("--bands", required=True, metavar="SPEC", help="a sensor, a CSV or START:STOP:COUNT in nm")
    predicted.add_argument("--input", metavar="SPEC", help="the image's bands, where its file does not say them")
    predicted.add_argument("--key", help="the array's name in a file of several")
    predicted.add_argument(
        "--white", type=float, metavar="VALUE", help="what a perfectly white surface has in the image"
    )
    predicted.add_argument(
        "--extrapolate", action="store_true", help="also bands outside the wavelengths of the training"
    )
    predicted.add_argument(
        "--tile", type=int, metavar="SIDE", help="pixels of the image taken at a time (default: 256)"
    )
    predicted.add_argument("--preview", action="store_true", help="also OUT.preview.png: both images and some spectra")
    predicted.set_defaults(run=run_predict)

    described = commands.add_parser("info", help="what an image, weights or a prepared data set is")
    described.add_argument("file", type=Path, help="a file, or the name of published weights")
    described.add_argument("--key", help="the array's name in a file of several")
    described.set_defaults(run=run_info)

    commands.add_parser("sensors", help="the sensors that have a name").set_defaults(run=run_sensors)

    specified = commands.add_parser("bands", help="the intervals that a SPEC stands for")
    specified.add_argument("spec", metavar="SPEC", help="a sensor, a CSV or START:STOP:COUNT in nm")
    specified.set_defaults(run=run_bands)

    prepared = commands.add_parser("prepare", help="read a data set's raw files and write one HDF5 file")
    prepared.add_argument("dataset", choices=DATASETS)
    prepared.add_argument("out", type=Path)
    prepared.add_argument(
        "--msi", help="sensor, CSV of responses, own or bmp (default: nikon-d700 for CAVE, else ikonos)"
    )
    prepared.add_argument(
        "--data-dir", type=Path, help="folder with the raw files (default: $SSIF_DATA, else downloaded)"
    )
    prepared.set_defaults(run=run_prepare)
    return found


def run_predict(arguments: argparse.Namespace) -> None:
    import torch  # here and below, because it takes seconds and the other commands answer at once

    from ssif.formats import is_picture
    from ssif.pretrained import load
    from ssif.tool.predict import Wanted, predict
    from ssif.tool.preview import preview

    if arguments.tile is not None and arguments.tile < 1:
        raise UserError(f"--tile is a side of at least 1 pixel, got {arguments.tile}")
    bands, names = bandspec.parse_bands(arguments.bands)
    wanted = Wanted(
        bands,
        tuple(names),
        scale=arguments.scale,
        input_bands=bandspec.parse_bands(arguments.input)[0] if arguments.input else None,
        white=arguments.white,
        extrapolate=arguments.extrapolate,
        tile=arguments.tile,
        command=shlex.join(["ssif", *sys.argv[1:]]),
    )
    model = load(arguments.weights, "cuda" if torch.cuda.is_available() else "cpu")
    try:
        predict(arguments.image, arguments.out, model, wanted, arguments.key)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from there", file=sys.stderr)
        sys.exit(130)
    if arguments.preview:
        said = wanted.input_bands or (model.input_bands if is_picture(arguments.image) else None)
        print(preview(arguments.image, arguments.out, arguments.key, said))


def run_info(arguments: argparse.Namespace) -> None:
    from ssif.tool.about import about

    print(about(arguments.file, arguments.key))


def run_sensors(arguments: argparse.Namespace) -> None:
    print(sensors.catalogue())


def run_bands(arguments: argparse.Namespace) -> None:
    print(bandspec.table(*bandspec.parse_bands(arguments.spec)))


def run_prepare(arguments: argparse.Namespace) -> None:
    from ssif.data.prepare import prepare
    from ssif.tool.about import about

    msi = arguments.msi or DATASETS[arguments.dataset].msi
    prepare(arguments.dataset, arguments.out, msi, arguments.data_dir)
    print(about(arguments.out))


@exit_cleanly
def main() -> None:
    # Names of files that are not in UTF-8 are printed as they are.
    sys.stdout.reconfigure(errors="surrogateescape")
    arguments = parser().parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
