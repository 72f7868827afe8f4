"""Sound files in and out, block by block: memory does not grow with the length of the song.

wav, flac and aiff go through libsndfile, which is exact to the sample; everything else goes through the FFmpeg
libraries inside PyAV. No ffmpeg binary is needed. Waveforms are `float32 (samples, channels)`.
"""

from vocal_unet.audio.decode import decode_blocks, read_audio
from vocal_unet.audio.opening import probe_audio
from vocal_unet.audio.sources import AudioInfo
from vocal_unet.audio.writer import CODECS, AudioWriter, write_audio

__all__ = ["CODECS", "AudioInfo", "AudioWriter", "decode_blocks", "probe_audio", "read_audio", "write_audio"]
