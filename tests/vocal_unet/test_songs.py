"""Where songs come from: specs, unions, folders, MUSDB18 and its download, CSV; what is wrong with them; the split."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.file_server import serving
from vocal_unet.audio import write_audio
from vocal_unet.data import musdb
from vocal_unet.data.prepared import prepare
from vocal_unet.data.songs import FileSong, GeneratedSong
from vocal_unet.data.sources import open_songs, split_songs, usable_songs
from vocal_unet.errors import AudioError, DataError

STEMS = ("vocals", "drums", "bass", "other")


def write(path: Path, samples: np.ndarray, rate: int = 44100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, samples, rate, sample_format="float32")


@pytest.fixture
def hq(tmp_path: Path, tone) -> Path:
    """A tiny MUSDB18-HQ: two training songs, one of them on musdb's list for validation, and a test song."""
    for folder in ("train/A - One", "train/Meaxic - Take A Step", "test/B - Two"):
        for index, stem in enumerate((*STEMS, "mixture")):
            write(tmp_path / "hq" / folder / f"{stem}.wav", tone(3000, seed=index))
    return tmp_path / "hq"


def test_generated_songs_follow_the_seed() -> None:
    assert [song.name for song in open_songs("generated:3").songs] == [f"generated-0-000{n}" for n in range(3)]
    seeds = []
    for spec in ("generated:3", "generated:9:0", "generated:3:1"):
        song = open_songs(spec).songs[0]
        assert isinstance(song, GeneratedSong)
        seeds.append(song.seed)
    assert seeds[0] == seeds[1] != seeds[2]


def test_generated_songs_have_the_length_that_was_asked_for() -> None:
    for spec, seconds in (("generated:1", 120), ("generated:1:3", 120), ("generated:1:3:2", 2)):
        (song,) = open_songs(spec).songs
        assert song.seconds() == seconds
    assert len(song.stems()["vocals"]) == 88_200


@pytest.mark.parametrize(
    "spec",
    [
        "", "generated:", "generated:0", "generated:x", "generated:3:-1", "generated:3:1:0", "generated:3::9",
        "stems:", "musdb", "csv:x", "loose:noise", "only:other", "only::generated:2", "only:flute:generated:2",
        "generated:3*0", "generated:3+stems:", "prepared:/nowhere", "voices:/nowhere", "musdb:/nowhere",
        "spleeter-csv:/nowhere.csv",
    ],
)  # fmt: skip
def test_specs_that_mean_nothing(spec: str) -> None:
    with pytest.raises(DataError):
        open_songs(spec)


def test_unions_have_weights_and_paths_may_have_plus_signs(tmp_path: Path, tone) -> None:
    for stem in ("vocals", "other"):
        write(tmp_path / "a+b*c" / "song" / f"{stem}.wav", tone(1000))
    write(tmp_path / "solo" / "deep" / "x.wav", tone(1000))
    (tmp_path / "solo" / "notes.txt").write_text("no sound")
    songs = open_songs(f"stems:{tmp_path / 'a+b*c'}*2+voices:{tmp_path / 'solo'}*0.5+loose:noise:{tmp_path / 'solo'}")
    assert [source.weight for source in songs.sources] == [2.0, 0.5, 1.0]
    assert [song.stem_names for song in songs.songs] == [("other", "vocals"), ("vocals",), ("noise",)]
    assert songs.songs[1].name == "deep/x.wav"


def test_only_some_stems_of_songs(hq: Path) -> None:
    songs = open_songs(f"generated:2:0:1+only:drums,other:generated:2:0:1*3+only:vocals:musdb:{hq}*0.5")
    assert [source.weight for source in songs.sources] == [1.0, 3.0, 0.5]
    assert [song.stem_names for song in songs.songs] == [STEMS] * 2 + [("drums", "other")] * 2 + [("vocals",)] * 2
    whole, part, recorded = songs.songs[0], songs.songs[2], songs.songs[4]
    assert part.name == "generated-0-0000 (drums, other)" and part.seconds() == 1 and part.fault() is None
    for name, samples in part.stems().items():
        np.testing.assert_array_equal(samples, whole.stems()[name])
    assert list(part.stems()) == ["drums", "other"] and part.stored().names == ("drums", "other")
    assert list(recorded.infos()) == ["vocals"] and recorded.mixture() is None
    before = recorded.fingerprint()
    (hq / "train" / "A - One" / "vocals.wav").touch()
    assert before != recorded.fingerprint()


def test_only_leaves_out_sources_without_the_stems_and_names_what_no_song_has(tmp_path: Path, tone) -> None:
    write(tmp_path / "voices" / "a.wav", tone(3000))
    prepare(open_songs(f"generated:1:0:1+voices:{tmp_path / 'voices'}*2"), tmp_path / "prepared")
    (source,) = open_songs(f"only:bass:prepared:{tmp_path / 'prepared'}*3").sources
    assert source.weight == 3 and [song.stem_names for song in source.songs] == [("bass",)]
    with pytest.raises(DataError, match="has a stem named 'voclas', only bass, drums, other, vocals"):
        open_songs("only:drums,voclas:generated:2")


def test_stem_folders(tmp_path: Path, tone) -> None:
    for name, stems in {"b": ("vocals", "other"), "a": ("vocals", "drums", "bass", "mixture")}.items():
        for index, stem in enumerate(stems):
            write(tmp_path / name / f"{stem}.wav", tone(3000, seed=index))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read.txt").write_text("no song")
    songs = open_songs(f"stems:{tmp_path}").songs
    assert [song.name for song in songs] == ["a", "b"]
    assert set(songs[0].stems()) == {"vocals", "drums", "bass"} and songs[0].mixture() is not None
    np.testing.assert_array_equal(songs[1].stems()["other"], tone(3000, seed=1))
    stored = songs[1].stored().read(["other"], -10, 3020)[0]
    assert not stored[:10].any() and not stored[3010:].any()
    # 16 bits: half a step of the peak
    np.testing.assert_allclose(
        stored[10:3010], tone(3000, seed=1), atol=np.abs(tone(3000, seed=1)).max() / 65534 * 1.01
    )


def test_missing_folders_and_empty_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        open_songs(f"stems:{tmp_path / 'nothing'}")
    for spec, message in (("stems", "holds no song"), ("voices", "no sound file"), ("musdb", "folder named train")):
        with pytest.raises(DataError, match=message):
            open_songs(f"{spec}:{tmp_path}")


BAD = {
    "alone": (r"alone: needs at least two stems", {"vocals.wav": 3000}),
    "double": (r"vocals\.flac and vocals\.wav are the same stem", {"vocals.wav": 3000, "vocals.flac": 3000, "x.wav": 3000}),
    "lengths": (r"lengths: the stems must be equally long, .*2999", {"vocals.wav": 3000, "other.wav": 2999}),
    "corrupt": (r"corrupt/other\.wav", {"vocals.wav": 3000, "other.wav": 0}),
    "instrumental": (r"instrumental: has no stem named vocals, but drums, other", {"drums.wav": 3000, "other.wav": 3000}),
}  # fmt: skip


@pytest.fixture
def bad(tmp_path: Path, tone) -> Path:
    """One folder per kind of fault, and two good songs."""
    for name, (_, files) in {**BAD, "good": ("", {"vocals.wav": 3000, "other.wav": 3000}),
                             "fine": ("", {"vocals.wav": 3000, "other.wav": 3000})}.items():  # fmt: skip
        for file, samples in files.items():
            path = tmp_path / "bad" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if samples:
                write_audio(path, tone(samples, seed=len(name)), 44100, codec=path.suffix[1:])
            else:
                path.write_bytes(b"RIFF and nothing else")
    return tmp_path / "bad"


def test_bad_songs_are_refused_by_name_and_number(bad: Path) -> None:
    with pytest.raises(DataError, match=r"5 of 7 songs cannot be used: .* \(and 4 more\)"):
        usable_songs(open_songs(f"stems:{bad}"), "vocals")


def test_a_source_of_accompaniments_needs_no_target(tmp_path: Path, tone) -> None:
    for folder, stems in (("songs/a", ("vocals", "other")), ("instrumental/b", ("drums", "other"))):
        (tmp_path / folder).mkdir(parents=True)
        for stem in stems:
            write_audio(tmp_path / folder / f"{stem}.wav", tone(3000), 44100)
    both = open_songs(f"stems:{tmp_path / 'songs'}+stems:{tmp_path / 'instrumental'}")
    kept, lines = usable_songs(both, "vocals")
    assert [song.name for song in kept.songs] == ["a", "b"] and not lines
    with pytest.raises(DataError, match="b: has no stem named vocals, but drums, other"):
        usable_songs(open_songs(f"stems:{tmp_path / 'instrumental'}"), "vocals")


def test_bad_songs_are_skipped_with_a_line_each(bad: Path) -> None:
    kept, lines = usable_songs(open_songs(f"stems:{bad}"), "vocals", "skip")
    assert [song.name for song in kept.songs] == ["fine", "good"]
    assert len(lines) == len(BAD) and all("\n" not in line for line in lines)
    for name, (pattern, _) in BAD.items():
        assert any(re.search(pattern, line) for line in lines), f"{name} among {lines}"


def test_nothing_usable_is_an_error_even_when_skipping(bad: Path) -> None:
    with pytest.raises(DataError, match="no usable song has the stem piano; 7 were left out"):
        usable_songs(open_songs(f"stems:{bad}"), "piano", "skip")


def test_a_broken_file_is_named(bad: Path) -> None:
    song = next(song for song in open_songs(f"stems:{bad}").songs if song.name == "corrupt")
    with pytest.raises(AudioError, match=r"other\.wav"):
        song.stems()


def test_other_rates_and_mono_are_converted(tmp_path: Path, tone) -> None:
    write(tmp_path / "song" / "vocals.wav", tone(4800, channels=1), 48000)
    write(tmp_path / "song" / "other.wav", tone(4410))
    song = usable_songs(open_songs(f"stems:{tmp_path}"), "vocals")[0].songs[0]
    assert {stem: samples.shape for stem, samples in song.stems().items()} == {"other": (4410, 2), "vocals": (4410, 2)}


def test_musdb_hq_has_its_own_validation_songs(hq: Path, tone) -> None:
    songs = open_songs(f"musdb:{hq}")
    assert [song.name for song in songs.songs] == ["A - One", "Meaxic - Take A Step"]
    training, validation = split_songs(songs, 0.5)
    assert [s.name for s in training.songs] == ["A - One"] and [s.name for s in validation.songs] == [
        "Meaxic - Take A Step"
    ]
    assert set(training.songs[0].stems()) == set(STEMS)
    np.testing.assert_array_equal(training.songs[0].stems()["bass"], tone(3000, seed=2))


def test_musdb_stem_files_are_read_by_stream(tmp_path: Path, clip_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / clip_path.name).symlink_to(clip_path)
    (song,) = open_songs(f"musdb:{tmp_path}").songs
    assert usable_songs(open_songs(f"musdb:{tmp_path}"), "vocals")[1] == []
    stems, mixture = song.stems(), song.mixture()
    assert set(stems) == set(STEMS) and mixture is not None
    # Mastering and coding put 15.4 dB between the mixture and the sum; any two streams confused leave less than 10.
    difference = mixture - np.sum(list(stems.values()), axis=0)
    assert 10 * np.log10(np.mean(mixture**2) / np.mean(difference**2)) > 15


def test_the_sample_is_downloaded_once(tmp_path: Path, hq: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = tmp_path / "served"
    served.mkdir()
    with zipfile.ZipFile(served / "sample.zip", "w") as archive:
        for file in sorted(hq.rglob("*.wav")):
            archive.write(file, file.relative_to(hq))
    (served / "broken.zip").write_bytes(b"PK and nothing else")
    real = dict(musdb.setup())
    monkeypatch.setenv("MUSDB_PATH", str(tmp_path / "cache" / "sample"))
    with serving(served) as (address, asked):
        for name in ("missing.zip", "broken.zip"):
            with monkeypatch.context() as patch:
                patch.setattr(musdb, "setup", lambda name=name: {**real, "sample-url": f"{address}/{name}"})
                with pytest.raises(DataError, match=f"could not be fetched from .*{name}"):
                    open_songs("musdb:sample")
            assert not list((tmp_path / "cache").iterdir())
        monkeypatch.setattr(musdb, "setup", lambda: {**real, "sample-url": f"{address}/sample.zip"})
        names = [[song.name for song in open_songs("musdb:sample").songs] for _ in range(2)]
    assert names == [["A - One", "Meaxic - Take A Step"]] * 2
    assert sum("sample.zip" in request for request in asked) == 1


def test_spleeters_csv(tmp_path: Path, tone) -> None:
    for stem in ("mix", "vocals", "accompaniment"):
        write(tmp_path / "data" / "one" / f"{stem}.wav", tone(3000))
    rows = "mix_path,vocals_path,accompaniment_path,duration\none/mix.wav,one/vocals.wav,one/accompaniment.wav,0.07\n"
    (tmp_path / "data" / "train.csv").write_text(rows)
    (tmp_path / "train.csv").write_text(rows + "two/mix.wav,,two/a.wav,3\nthree/mix.wav,three/v.wav,three/a.wav,3\n")
    (song,) = open_songs(f"spleeter-csv:{tmp_path / 'data' / 'train.csv'}").songs
    assert set(song.stems()) == {"vocals", "accompaniment"}
    songs = open_songs(f"spleeter-csv:{tmp_path / 'train.csv'},{tmp_path / 'data'}")
    kept, lines = usable_songs(songs, "vocals", "skip")
    assert len(kept) == 1
    assert lines[0] == "two/mix.wav: has no vocals_path in the CSV" and "three/" in lines[1]
    (tmp_path / "train.csv").write_text("mix_path,duration\n")
    with pytest.raises(DataError, match="two columns named <instrument>_path"):
        open_songs(f"spleeter-csv:{tmp_path / 'train.csv'}")


def test_the_last_songs_are_kept_for_validation() -> None:
    songs = open_songs("generated:10")
    assert [song.name for song in split_songs(songs, 0.2)[1].songs] == ["generated-0-0008", "generated-0-0009"]
    assert [len(part) for part in split_songs(open_songs("generated:2"), 0.9)] == [1, 1]
    with pytest.raises(DataError, match="at least two songs"):
        split_songs(open_songs("generated:1"), 0.1)


def test_voices_are_for_training_only_where_there_are_songs(tmp_path: Path, tone) -> None:
    for number in range(4):
        write(tmp_path / "voices" / f"{number}.wav", tone(500))
        write(tmp_path / "noise" / f"{number}.wav", tone(500))
    with_songs = split_songs(open_songs(f"generated:4+voices:{tmp_path / 'voices'}"), 0.25)
    assert [len(part) for part in with_songs] == [7, 1] and len(with_songs[1].songs[0].stem_names) == 4
    alone = split_songs(open_songs(f"voices:{tmp_path / 'voices'}+loose:noise:{tmp_path / 'noise'}"), 0.25)
    assert [[s.stem_names for s in part.songs] for part in alone] == [
        [("vocals",)] * 3 + [("noise",)] * 3,
        [("vocals",), ("noise",)],
    ]
    assert isinstance(alone[0].songs[0], FileSong)
