"""`vocal-unet separate`: Spleeter's options, and those its users asked for."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vocal_unet import console
from vocal_unet.cli.reporting import JsonReporter, Outcome, Reporter, TerminalReporter
from vocal_unet.config import Execution, Rendering, require
from vocal_unet.errors import VocalUnetError
from vocal_unet.naming import FILENAME_FORMAT

if TYPE_CHECKING:
    from vocal_unet.cli.batch import BatchSettings
    from vocal_unet.cli.pipes import RawFormat
    from vocal_unet.separator import Separator


class Codec(str, enum.Enum):
    wav, mp3, ogg, m4a, wma, flac = "wav", "mp3", "ogg", "m4a", "wma", "flac"


class WienerWindow(str, enum.Enum):
    song, segment = "song", "segment"


class Band(str, enum.Enum):
    spleeter, extend, rest = "spleeter", "extend", "rest"


class SampleFormat(str, enum.Enum):
    int16, int24, float32 = "int16", "int24", "float32"


class Clip(str, enum.Enum):
    none, clamp, rescale = "none", "clamp", "rescale"


class Precision(str, enum.Enum):
    float32, bfloat16, float16 = "float32", "bfloat16", "float16"


class RawName(str, enum.Enum):
    s16le, f32le = "s16le", "f32le"


SPLEETERS_ADAPTER = "spleeter.audio.ffmpeg.FFMPEGProcessAudioAdapter"


def separate(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Songs in any format, folders, patterns; - is raw samples from a pipe.", show_default=False
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "-p",
            "--params_filename",
            "--model",
            help="A Spleeter model such as spleeter:4stems, a folder made by 'vocal-unet train', a Spleeter JSON file, or an "
            "export: savedmodel:PATH, onnx:PATH, tflite:PATH.",
            show_default="spleeter:2stems where its weights are here, else vocal-unet:demo, which comes with the package",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output_path", help="Folder the stems are written to; - is raw samples to a pipe.")
    ] = Path("separated"),
    filename_format: Annotated[
        str,
        typer.Option(
            "-f", "--filename_format", help="Names of the files, from {filename}, {instrument}, {foldername}, {codec}."
        ),
    ] = FILENAME_FORMAT,
    codec: Annotated[Codec, typer.Option("-c", "--codec", help="Format of the stems.")] = Codec.wav,
    bitrate: Annotated[str, typer.Option("-b", "--bitrate", help="Bit rate of lossy codecs.")] = "128k",
    sample_format: Annotated[SampleFormat, typer.Option(help="Sample format of wav and flac.")] = SampleFormat.int16,
    offset: Annotated[float, typer.Option("-s", "--offset", min=0, help="Start at this second.")] = 0.0,
    duration: Annotated[
        float | None, typer.Option("-d", "--duration", min=0, help="Take this many seconds.", show_default="all")
    ] = None,
    mwf: Annotated[bool, typer.Option("--mwf", help="Refine the stems with a multichannel Wiener filter.")] = False,
    wiener_window: Annotated[
        WienerWindow,
        typer.Option(help="Statistics of --mwf: of the whole song, read twice, as in Spleeter; or of each segment."),
    ] = WienerWindow.song,
    band: Annotated[
        Band,
        typer.Option(
            help="Above the frequencies the network sees: as in Spleeter (silence), each stem's mask extended, or the "
            "rest of the mixture to the accompaniment. The latter two make the stems sum to the mixture (rest with --mwf too)."
        ),
    ] = Band.spleeter,
    stems: Annotated[
        str | None, typer.Option(help="Write only these, separated by commas.", show_default="all")
    ] = None,
    keep_sample_rate: Annotated[
        bool, typer.Option("--keep-sample-rate", help="Write stems at the song's own sample rate.")
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(help="cpu, gpu or gpu:N.", show_default="a GPU where TensorFlow sees one", metavar="DEVICE"),
    ] = None,
    precision: Annotated[
        Precision, typer.Option(help="What the network computes in; 16 bits cost some dB (docs/performance.md).")
    ] = Precision.float32,
    clip: Annotated[
        Clip,
        typer.Option(
            help="Samples beyond full scale: left to the format, as in Spleeter; clamped; or all stems of the song made "
            "softer by one factor, so that they still sum to the mixture."
        ),
    ] = Clip.none,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Skip songs whose stems are all there.")
    ] = False,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Separate on this Dask cluster (tcp://HOST:8786), which sees the same files."
        ),
    ] = None,
    plot: Annotated[
        bool,
        typer.Option("--plot", help="Draw spectrograms of the song and its stems, as spectrogram.png beside them."),
    ] = False,
    raw_format: Annotated[RawName, typer.Option(help="Format of raw samples.")] = RawName.s16le,
    raw_rate: Annotated[int, typer.Option(min=1, help="Sample rate of raw input, Hz.")] = 44100,
    raw_channels: Annotated[int, typer.Option(min=1, help="Channels of raw input.")] = 2,
    json_lines: Annotated[
        bool, typer.Option("--json", help="Tell what happens as JSON lines on standard output.")
    ] = False,
    adapter: Annotated[str, typer.Option("-a", "--adapter", hidden=True)] = SPLEETERS_ADAPTER,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the traceback of an error.")] = False,
) -> None:
    """Separate songs into their stems."""
    reporter: Reporter = JsonReporter() if json_lines else TerminalReporter(verbose)
    outcome = Outcome()
    try:
        require(adapter == SPLEETERS_ADAPTER, f"audio adapter {adapter!r} is not supported; leave out --adapter")
        from vocal_unet.cli.batch import BatchSettings
        from vocal_unet.cli.pipes import RawFormat
        from vocal_unet.stem_files import StemFormat

        settings = BatchSettings(
            output=output,
            filename_format=filename_format,
            stems=None if stems is None else [stem.strip() for stem in stems.split(",") if stem.strip()],
            form=StemFormat(codec.value, bitrate, sample_format.value, clip.value),
            offset=offset,
            duration=duration,
            keep_sample_rate=keep_sample_rate,
            skip_existing=skip_existing,
            plot=plot,
        )
        if plot:
            from vocal_unet.plots import require_matplotlib

            require_matplotlib()
        rendering = Rendering(mwf, wiener_window.value, band.value)
        raw = RawFormat(raw_format.value, raw_rate, raw_channels)
        made_of = (model, rendering, Execution(device, precision.value))
        _run(files, made_of, settings, raw, dask, outcome, reporter)
    except VocalUnetError as error:
        reporter.refused(error)
        raise
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


def _run(
    files: list[str],
    made_of: tuple[str | None, Rendering, Execution],
    settings: BatchSettings,
    raw: RawFormat,
    dask: str | None,
    outcome: Outcome,
    reporter: Reporter,
) -> None:
    from vocal_unet.cli.batch import probe_songs, separate_songs
    from vocal_unet.cli.cluster_batch import WorkerSettings, separate_songs_on_cluster
    from vocal_unet.cli.pipes import PIPE, separate_pipe
    from vocal_unet.songs import find_songs

    piped = str(PIPE) in files or settings.output == PIPE
    if piped:
        require(len(files) == 1, f"{PIPE} stands for one song; give no others with it")
        require(dask is None, f"{PIPE} is a pipe of this machine; leave out --dask")
        require(
            not (isinstance(reporter, JsonReporter) and settings.output == PIPE),
            "--json and -o - both want standard output; choose one",
        )
        require(not settings.plot, f"--plot reads files again and {PIPE} is none; leave out one of the two")
        separator = _separator(*made_of, reporter)
        with reporter:
            separate_pipe(separator, Path(files[0]), settings, raw, outcome, reporter)
        return
    with reporter:
        infos = probe_songs(find_songs(files, leave_out=settings.output), outcome, reporter)
        if infos:
            separator = _separator(*made_of, reporter)
            if dask is None:
                separate_songs(separator, infos, settings, outcome, reporter)
            else:
                made = WorkerSettings(made_of[0] or separator.model.name, *made_of[1:], settings)
                separate_songs_on_cluster(separator, made, infos, dask, outcome, reporter)
    reporter.summary(outcome)


def _separator(model: str | None, rendering: Rendering, execution: Execution, reporter: Reporter) -> Separator:
    console.import_tensorflow()
    from vocal_unet.loading import DEFAULT, default_model
    from vocal_unet.separator import Separator

    chosen = model or default_model()
    if model is None and chosen != DEFAULT:
        reporter.note(f"no model named, and Deezer's weights are not here (-p {DEFAULT} fetches them)")
    with console.download_bar(chosen) as progress:
        separator = Separator(chosen, **rendering.to_dict(), **execution.to_dict(), download=progress)
    reporter.model(separator.model.name, separator.weights, separator.stems, separator.sample_rate)
    return separator
