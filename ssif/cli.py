"""The `ssif` command: predict images, describe files, and prepare a data set outside the benchmark."""

import argparse
import shlex
import sys
from pathlib import Path

from ssif import published, sensors
from ssif.data.readers import DATASETS
from ssif.errors import UserError, exit_cleanly

SPEC = "a sensor, a CSV or START:STOP:COUNT in nm"
KEY = "the name of the array, if the file has several, or the resolution of Sentinel-2 (10m, 20m or 60m)"


def parser() -> argparse.ArgumentParser:
    """Every subcommand sets `run`, a function of the arguments."""
    found = argparse.ArgumentParser(prog="ssif", description=__doc__)
    commands = found.add_subparsers(dest="command", required=True)

    command = commands.add_parser("predict", help="predict an image at a larger size and in other bands")
    command.set_defaults(run=run_predict)
    add = command.add_argument
    add("image", type=Path, help="ENVI, GeoTIFF, .mat, HDF5, .npy, .npz, PNG, JPEG, BMP, or a product of a satellite")
    add("out", type=Path, help="the file to write, in one of these formats by its suffix")
    weights = f"weights.safetensors of a neural field, or a published name: {', '.join(published.FILES)}"
    weights += "; with several of one kind, OUT is their mean and OUT.std their standard deviation"
    add("--weights", required=True, nargs="+", metavar="NAME", help=weights)
    add("--scale", type=float, default=1, metavar="P", help="the scale, at least 1 (default: %(default)s)")
    add("--bands", required=True, metavar="SPEC", help=f"the bands to predict: {SPEC}")
    add("--input", metavar="SPEC", help="the bands of the image, or `trained` for those of the weights")
    add("--key", help=KEY)
    add("--white", type=float, metavar="VALUE", help="the value of a perfectly white surface in the image")
    add("--extrapolate", action="store_true", help="allow bands outside the wavelengths of the training")
    add("--tile", type=int, metavar="SIDE", help="the side of a tile in pixels of the image (default: 256)")
    add("--cog", action="store_true", help="write a cloud-optimised GeoTIFF, with overviews")
    add("--consistent", action="store_true", help="correct the prediction so that the sensor would see the image in it")
    add("--preview", action="store_true", help="also draw OUT.preview.png, with both images and some spectra")

    command = commands.add_parser("info", help="describe an image, weights or a prepared data set")
    command.set_defaults(run=run_info)
    command.add_argument("file", type=Path, help="a file, or the name of published weights")
    command.add_argument("--key", help=KEY)

    command = commands.add_parser("preview", help="draw an image and some of its spectra as FILE.preview.png")
    command.set_defaults(run=run_preview)
    command.add_argument("file", type=Path)
    command.add_argument("--key", help=KEY)

    command = commands.add_parser("score", help="compute all metrics of a predicted image against the truth")
    command.set_defaults(run=run_score)
    add = command.add_argument
    add("prediction", type=Path, help="the predicted image, in any format")
    add("truth", type=Path, help="the true image, in any format; its bands are resampled to those of the prediction")
    add("--scale", type=float, default=1, metavar="P", help="the scale p that ERGAS divides by (default: %(default)s)")
    add(
        "--white",
        type=float,
        metavar="VALUE",
        help="the value that counts as 1 in the metrics (default: 1, or 255 for 8 bits)",
    )
    add("--truth-white", type=float, metavar="VALUE", help="the same for the truth, if it has other units")
    add("--bands", metavar="SPEC", help=f"the bands of a file without wavelengths: {SPEC}")
    add("--key", help=KEY)
    add("--truth-key", help=KEY)
    add(
        "--format",
        choices=["table", "csv", "json"],
        default="table",
        help="the format of the output (default: %(default)s)",
    )

    command = commands.add_parser("check", help="check that published weights give here what they gave on our machine")
    command.set_defaults(run=run_check)
    command.add_argument(
        "names", nargs="*", metavar="NAME", help=f"published weights (default: {', '.join(published.FILES)})"
    )

    command = commands.add_parser("sensors", help="list the sensors that have a name")
    command.set_defaults(run=lambda arguments: print(sensors.catalogue()))

    command = commands.add_parser("bands", help="list the intervals of a SPEC")
    command.set_defaults(run=lambda arguments: print(sensors.listing(sensors.parse_sensor(arguments.spec))))
    command.add_argument("spec", metavar="SPEC", help=SPEC)

    command = commands.add_parser("prepare", help="read the raw files of a data set and write one HDF5 file")
    command.set_defaults(run=run_prepare)
    command.add_argument("dataset", choices=DATASETS)
    command.add_argument("out", type=Path)
    simulated = (
        "the sensor of the input: a name, a CSV of responses, own or bmp (default: the usual one of the data set)"
    )
    command.add_argument("--msi", help=simulated)
    raw = "the folder of the raw files (default: $SSIF_DATA, or a download)"
    command.add_argument("--data-dir", type=Path, help=raw)
    return found


def run_predict(arguments: argparse.Namespace) -> None:
    import torch  # here and below, because it takes seconds and most commands do not need it

    from ssif.formats import is_picture
    from ssif.pretrained import load
    from ssif.tool.predict import predict
    from ssif.tool.preview import preview
    from ssif.tool.request import Wanted

    if arguments.tile is not None and arguments.tile < 1:
        raise UserError(f"--tile must be at least 1 pixel, got {arguments.tile}")
    if arguments.cog and arguments.out.suffix.lower() not in (".tif", ".tiff"):
        raise UserError(f"--cog makes a GeoTIFF; name the output .tif, not {arguments.out.name}")
    bands, names = sensors.parse_bands(arguments.bands)
    as_trained = arguments.input == "trained"
    named = sensors.parse_sensor(arguments.input) if arguments.input and not as_trained else None
    wanted = Wanted(
        bands,
        tuple(names),
        scale=arguments.scale,
        input=named,
        as_trained=as_trained,
        white=arguments.white,
        extrapolate=arguments.extrapolate,
        tile=arguments.tile,
        overviews=arguments.cog,
        consistent=arguments.consistent,
        command=shlex.join(["ssif", *sys.argv[1:]]),
    )
    place = "cuda" if torch.cuda.is_available() else "cpu"
    model, *more = (load(name, place) for name in arguments.weights)
    try:
        predict(arguments.image, arguments.out, model, wanted, arguments.key, more=more)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from there", file=sys.stderr)
        sys.exit(130)
    if arguments.preview:
        shown = named.bands if named else (model.input_bands if as_trained or is_picture(arguments.image) else None)
        print(preview(arguments.out, arguments.image, arguments.key, shown))


def run_score(arguments: argparse.Namespace) -> None:
    from ssif.tool.score import formatted, score

    found = score(
        arguments.prediction,
        arguments.truth,
        lambda line: print(line, file=sys.stderr),
        p=arguments.scale,
        white=arguments.white,
        truth_white=arguments.truth_white,
        keys=(arguments.key, arguments.truth_key),
        bands=sensors.parse_bands(arguments.bands)[0] if arguments.bands else None,
    )
    print(formatted(found, arguments.format))


def run_check(arguments: argparse.Namespace) -> None:
    from ssif.tool.check import line

    found = [line(name) for name in arguments.names or published.FILES]
    print("\n".join(text for _, text in found))
    sys.exit(not all(same for same, _ in found))


def run_info(arguments: argparse.Namespace) -> None:
    from ssif.tool.about import about

    print(about(arguments.file, arguments.key))


def run_preview(arguments: argparse.Namespace) -> None:
    from ssif.tool.preview import preview

    print(preview(arguments.file, key=arguments.key))


def run_prepare(arguments: argparse.Namespace) -> None:
    from ssif.data.prepare import prepare
    from ssif.tool.about import about

    msi = arguments.msi or DATASETS[arguments.dataset].msi
    prepare(arguments.dataset, arguments.out, msi, arguments.data_dir)
    print(about(arguments.out))


@exit_cleanly
def main() -> None:
    # File names that are not UTF-8 are printed byte by byte.
    sys.stdout.reconfigure(errors="surrogateescape")
    arguments = parser().parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
