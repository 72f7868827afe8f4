"""Reads wav, flac, aiff and what else libsndfile gives exactly to the sample."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from vocal_unet.audio.sources import AudioInfo, Source
from vocal_unet.errors import AudioError

READ_SAMPLES = 65536
# libsndfile would also try files it only half understands (mp3, headerless) and say so on the terminal.
EXACT_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b".snd", b"caff", b"fLaC")
UNKNOWN_FRAMES = 1 << 62
# Programs that write a wav into a pipe cannot go back and fill in the size; they leave (almost) the largest value.
STREAMED_BYTES = (range(0x7FFFF000, 0x80000000), range(0xFFFFFF00, 0x100000000))
_CUT_SHORT = re.compile(r"^\s*(?:data|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)


class SoundFileSource(Source):
    """A file libsndfile reads sample by sample. Integer samples are scaled as FFmpeg does (int16 / 32768)."""

    def __init__(self, path: Path, file: soundfile.SoundFile) -> None:
        self._file = file
        samples = file.frames if file.frames < UNKNOWN_FRAMES else None
        self.info = AudioInfo(
            path=path,
            sample_rate=file.samplerate,
            channels=file.channels,
            samples=samples,
            streams=1,
            codec=f"{file.format}/{file.subtype}".lower(),
            duration=None if samples is None else samples / file.samplerate,
        )

    def blocks(self, start: int, count: int | None) -> Iterator[np.ndarray]:
        path, promised = self.info.path, self.info.samples
        if promised is not None and start >= promised:
            return
        position = start
        try:
            if start:
                self._file.seek(start)
            while count is None or position < start + count:
                wanted = READ_SAMPLES if count is None else min(READ_SAMPLES, start + count - position)
                block = self._file.read(wanted, dtype="float32", always_2d=True)
                if not len(block):
                    break
                position += len(block)
                yield block
        except soundfile.SoundFileError as error:
            where = position / self.info.sample_rate
            raise AudioError(f"{path}: damaged or cut short at {where:.1f} s ({error}); get a whole copy") from None
        ended = count is None or position < start + count
        if ended and promised is not None and position < promised:
            raise AudioError(
                f"{path}: cut short: it states {promised} samples and holds {position}; get a whole copy of the file"
            )

    def close(self) -> None:
        self._file.close()


def open_exact(path: Path) -> soundfile.SoundFile | None:
    """The file opened by libsndfile, or None where FFmpeg has to read it.

    Raises:
        AudioError: the file is shorter than its header states.
    """
    with path.open("rb") as head:
        magic = head.read(4)
    # soundfile would take the suffix .raw to mean headerless samples.
    if not magic.startswith(EXACT_MAGIC) or path.suffix.lower() == ".raw":
        return None
    try:
        file = soundfile.SoundFile(path)
    except soundfile.SoundFileError:
        return None
    # libsndfile shortens the stated length to what is there and says so only in its log.
    for stated, there in _CUT_SHORT.findall(file.extra_info):
        if int(there) < int(stated) and not any(int(stated) in sizes for sizes in STREAMED_BYTES):
            file.close()
            raise AudioError(
                f"{path}: cut short: its header states {stated} bytes of sound, the file holds {there}; "
                "get a whole copy of the file"
            )
    return file
