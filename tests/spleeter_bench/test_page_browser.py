"""The page in a real browser, opened from disk: it sorts, plays, switches, and judges blindly without leaking anything."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spleeter_bench.aggregate import aggregate
from spleeter_bench.listening import read_results
from spleeter_bench.page import write_page
from spleeter_bench.page.loudness import loudness
from tests.page_run import RATE, SECONDS, SONGS, SYSTEMS, make_run

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
]
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}

SPY = """
window.started = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (...when) {
  if (!(this.context instanceof OfflineAudioContext)) window.started.push(this);
  return start.apply(this, when);
};
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...more) { this.wiredTo = to; return connect.call(this, to, ...more); };
const stop = AudioBufferSourceNode.prototype.stop;
AudioBufferSourceNode.prototype.stop = function (...when) {
  window.started = window.started.filter((node) => node !== this);
  return stop.apply(this, when);
};
window.heard = () => window.started.filter((node) => node.wiredTo.gain.value > 1e-3);
"""
"""What plays, seen from the sound card's side: running sources, and the gain each is heard with."""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = make_run(tmp_path_factory.mktemp("run"))
    output = tmp_path_factory.mktemp("page") / "page"
    return write_page(run.summaries, run.records, run.folder, output, run.tracks, jobs=1)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any, index: Path) -> Iterator[Callable[..., Any]]:
    """Opens the page; at the end of a test nothing may have gone wrong in it."""
    complaints: list[str] = []
    contexts = []

    def opened(size: str = "desktop", where: Path = index, **settings: Any) -> Any:
        contexts.append(browser.new_context(viewport=SIZES[size], accept_downloads=True, **settings))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: opened.requests.append(request.url))
        page.add_init_script(SPY)
        page.goto(where.as_uri())
        return page

    opened.requests = []
    yield opened
    for context in contexts:
        for page in context.pages:
            assert page.evaluate("window.broken") is None, "a name was run as a script"
        context.close()
    assert complaints == []


def names_of(page: Any, selector: str = "#table tbody .system") -> list[str]:
    return page.locator(selector).all_text_contents()


def test_names_are_shown_as_they_are(open_page: Callable[..., Any]) -> None:
    page = open_page()
    assert names_of(page) == list(SYSTEMS)
    page.locator("#songs").scroll_into_view_if_needed()
    page.wait_for_selector(".voice")
    assert names_of(page, ".voice .system") == ["mixture", "reference", *SYSTEMS]
    assert page.locator("#clip option").all_text_contents() == sorted(SONGS)
    page.locator(".dot:visible").first.hover()
    assert page.locator("#tip").text_content().split(": ")[0] in SONGS


def test_sound_is_loaded_one_song_at_a_time(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.wait_for_function("document.readyState === 'complete'")
    assert not [url for url in open_page.requests if "clips/" in url], "the first paint waits for no sound"
    page.locator("#songs").scroll_into_view_if_needed()
    page.wait_for_selector(".voice")
    page.locator("#next").click()
    page.wait_for_function("document.querySelector('#panel img').complete")
    assert [url.split("clips/")[1] for url in open_page.requests if "clips/" in url] == ["001-1.js", "002-1.js"]
    assert all(url.startswith("file:") for url in open_page.requests if not url.startswith(("data:", "blob:")))


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_wider_than_the_screen(open_page: Callable[..., Any], size: str) -> None:
    page = open_page(size)
    page.locator("#songs").scroll_into_view_if_needed()
    page.wait_for_selector(".voice")
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]


def test_the_table_sorts(open_page: Callable[..., Any]) -> None:
    page = open_page()
    headings = page.locator("#table thead button")
    by_name = {text.split("(")[0].strip(): place for place, text in enumerate(headings.all_text_contents())}
    heading = headings.nth(by_name["SI-SDR"])
    heading.click()
    assert names_of(page) == [*SYSTEMS[::-1]], "best first"
    heading.press("Enter")
    assert names_of(page) == [*SYSTEMS], "and with the keyboard the other way round"
    headings.nth(by_name["Peak memory"]).click()
    assert names_of(page) == [*SYSTEMS]
    assert page.locator("#table [aria-sort]").count() == 1


def test_charts_follow_metric_and_systems(open_page: Callable[..., Any]) -> None:
    page = open_page()
    assert page.locator(".strips:visible").get_attribute("data-metric") == "si_sdr"
    page.locator("#metric label", has_text=re.compile("^SDR$")).click()
    assert page.locator(".strips:visible").get_attribute("data-metric") == "sdr"
    assert page.locator("#paired rect").count() == len(SONGS)
    assert "Mean difference −1.00 dB" in page.locator("#paired figcaption").text_content()
    page.locator("#swap").click()
    assert "Mean difference 1.00 dB" in page.locator("#paired figcaption").text_content()
    row = page.locator(".strips:visible svg[tabindex='0']").first
    row.focus()
    row.press("ArrowRight")
    assert page.locator("#tip").is_visible()
    row.press("Enter")
    page.wait_for_selector(".voice")


def test_colours_follow_the_system_and_the_button(open_page: Callable[..., Any]) -> None:
    page = open_page(color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.locator("#theme").click()
    assert page.evaluate(background) != dark, "light"
    page.reload()
    assert page.evaluate(background) != dark, "the choice is kept"
    page.locator("#theme").click()
    assert page.evaluate(background) == dark


@pytest.mark.parametrize("size", SIZES)
def test_players_play_and_switch_without_a_gap(open_page: Callable[..., Any], size: str) -> None:
    page = open_page(size)
    page.locator("#songs").scroll_into_view_if_needed()
    page.wait_for_selector(".voice")
    page.locator("#play").click()
    wait_for_voice(page, 0)
    page.wait_for_function("Report.songPlayer.position > 0.2")
    # a slow machine must not reach the end of the excerpt meanwhile
    page.evaluate("Report.songPlayer.setRegion([0, Report.songPlayer.duration])")
    wait_for_voice(page, 0)
    assert page.evaluate("(window.before = window.started).length") == 2 + len(SYSTEMS), "all run, one is heard"
    page.locator(".voice").nth(3).locator(".listen").click()
    wait_for_voice(page, 3)
    assert page.evaluate("window.started === window.before"), "nothing was stopped or started to switch"
    page.locator(".voice").nth(4).locator(".solo").click()
    page.locator(".voice").nth(1).locator(".solo").click()
    page.wait_for_function("window.heard().length === 2")
    page.locator(".voice").nth(1).locator(".mute").click()
    page.wait_for_function("window.heard().length === 1")
    page.locator("#play").click()
    assert page.evaluate("Report.songPlayer.playing") is False


def test_a_region_drawn_on_a_spectrogram_loops(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.locator("#songs").scroll_into_view_if_needed()
    page.wait_for_selector(".voice")
    canvas = page.locator(".canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 2 / 3, box["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_function("Report.songPlayer.region !== null")
    # a pixel is 5 ms wide here
    np.testing.assert_allclose(page.evaluate("Report.songPlayer.region"), [SECONDS / 3, SECONDS * 2 / 3], atol=0.02)
    page.keyboard.press("Space")
    page.wait_for_function("window.started.length && window.started[0].loop")
    page.keyboard.press("3")
    page.wait_for_function("document.querySelectorAll('.voice')[2].classList.contains('heard')")
    page.keyboard.press("Escape")
    assert page.evaluate("Report.songPlayer.region") is None


def rate_all(page: Any, letters: int, score: Callable[[int], int] = lambda place: 10 * place) -> None:
    """Listen to every stimulus of a rating trial and give each its score."""
    for place in range(letters):
        page.locator(".rating .stimulus").nth(place).click()
        page.locator(".rating input").nth(place).fill(str(score(place)))


@pytest.mark.parametrize("size", SIZES)
def test_ratings_run_to_their_export(open_page: Callable[..., Any], size: str, tmp_path: Path) -> None:
    page = open_page(size)
    page.locator("#listener").fill('Ann, "A"')
    page.locator("#setup [type=submit]").click()
    for number in range(len(SONGS)):
        page.wait_for_selector(f"text=Trial {number + 1} of {len(SONGS)}")
        assert page.locator(".answers .main").is_disabled(), "every stimulus wants a score"
        assert page.locator(".rating input:enabled").count() == 0, "what was not heard cannot be rated"
        rate_all(page, len(SYSTEMS) + 2)
        page.keyboard.press("Enter")
    page.locator("#finish").click()
    rows = export(page, "json", tmp_path)["rows"]
    assert len(rows) == len(SONGS) * (len(SYSTEMS) + 2)
    assert {row["song"] for row in rows} == set(SONGS) and {row["listener"] for row in rows} == {'Ann, "A"'}
    assert {row["stimulus"] for row in rows} == {*SYSTEMS, "reference", "anchor"}
    assert sorted(row["score"] for row in rows[:5]) == [0, 10, 20, 30, 40]
    lines = export(page, "csv", tmp_path)
    assert [line["stimulus"] for line in lines] == [row["stimulus"] for row in rows]
    pooled = [read_results([path]) for path in sorted(tmp_path.iterdir())]
    assert pooled[0] == pooled[1] and len(pooled[0].ratings) == len(rows)
    page.reload()
    assert f"{len(SONGS)} trials kept" in page.locator("#kept-count").text_content()


def export(page: Any, form: str, folder: Path) -> Any:
    with page.expect_download() as waiting:
        page.locator(f"#export-{form}").click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if form == "json" else list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("size", SIZES)
def test_abx_runs_to_its_export(open_page: Callable[..., Any], size: str, tmp_path: Path) -> None:
    page = open_page(size)
    page.locator("#setup [value=abx]").check()
    page.locator("#trials").fill("4")
    page.locator("#setup [type=submit]").click()
    for number in range(4):
        page.wait_for_selector(f"text=Trial {number + 1} of 4")
        marks: list[float] = []
        for place, key in enumerate("abx"):
            page.keyboard.press(key)
            marks.append(mark_of_heard(page, place))
        page.keyboard.press(str(1 + marks[:2].index(marks[2])))
        page.keyboard.press("Enter")
    assert "4 of 4 right" in page.locator("dialog").text_content()
    page.locator("#finish").click()
    rows = export(page, "json", tmp_path)["rows"]
    assert [row["correct"] for row in rows] == [True] * 4
    assert {(row["first"], row["second"]) for row in rows} == {SYSTEMS[1:]}
    page.locator("#setup [type=submit]").click()
    page.wait_for_selector("text=Trial 1 of 4")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="hidden")


def wait_for_voice(page: Any, place: int) -> None:
    """Wait until only this voice of a player is heard, in the order in which voices are started."""
    page.wait_for_function(
        "place => window.heard().length === 1 && window.started.indexOf(window.heard()[0]) === place", arg=place
    )


def mark_of_heard(page: Any, place: int) -> float:
    """A number that tells what is heard from everything else in the trial."""
    wait_for_voice(page, place)
    return page.evaluate(
        "window.heard()[0].buffer.getChannelData(0).reduce((sum, sample) => sum + Math.abs(sample), 0)"
    )


def samples_of_heard(page: Any, place: int) -> np.ndarray:
    """What comes out of the loudspeaker in one round of the excerpt, `(samples, channels)`."""
    wait_for_voice(page, place)
    # the fade of 5 ms is over after ten times that
    page.wait_for_timeout(50)
    channels = page.evaluate("""() => {
      const [node] = window.heard();
      const gain = node.wiredTo.gain.value;
      return [0, 1].map((channel) => [...node.buffer.getChannelData(channel)].map((sample) => +(sample * gain).toFixed(5)));
    }""")
    return np.array(channels).T


def test_a_blind_trial_leaks_nothing(open_page: Callable[..., Any]) -> None:
    page = open_page()
    title = page.title()
    page.locator("#setup [type=submit]").click()
    page.wait_for_selector("text=Trial 1 of")
    count = len(SYSTEMS) + 2
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))

    def described() -> list[str]:
        """Every stimulus as the document has it, with its letter and its place taken out."""
        found = []
        for place in range(count):
            html = page.locator(".rating").nth(place).evaluate("node => node.outerHTML")
            found.append(html.replace(f">{'ABCDEFGH'[place]}<", "><").replace(f"Score of {'ABCDEFGH'[place]}", ""))
        return found

    assert len(set(described())) == 1, "stimuli differ in nothing but their letter"
    heard = []
    for place in range(count):
        page.locator(".rating .stimulus").nth(place).click()
        heard.append(samples_of_heard(page, place + 1))
        dialog = page.locator("dialog").evaluate("node => node.outerHTML")
        shown = page.locator("dialog").text_content()
        for system in SYSTEMS:
            # song titles are shown, and one is made of the same bits as these names
            assert system not in shown and json.dumps(system)[1:-1] not in dialog
        assert "anchor" not in dialog.lower()
    page.locator(".rating input").nth(0).fill("5")
    page.locator(".rating output").nth(0).evaluate("node => { node.textContent = '–'; }")
    assert requests == [], "nothing is loaded to play one of them"
    assert page.title() == title and page.url.endswith("index.html")
    assert {len(samples) for samples in heard} == {round(SECONDS * RATE)}, "one length"
    levels = [loudness(samples, RATE) for samples in heard]
    # two mp3 decoders differ in rounding, and the samples came here with five decimals
    assert max(levels) - min(levels) < 0.02, levels
    assert len({f"{np.abs(samples).sum():.1f}" for samples in heard}) == count, "and yet all are different"
    stored = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert not any(json.dumps(system)[1:-1] in stored for system in SYSTEMS)
    assert page.evaluate("Object.keys(window).filter((key) => /stimul|answer|secret|order/i.test(key))") == []


def test_the_order_is_drawn_anew(open_page: Callable[..., Any]) -> None:
    orders = set()
    page = open_page()
    for _ in range(5):
        page.locator("#setup [type=submit]").click()
        page.wait_for_selector("text=Trial 1 of")
        song = page.locator("dialog .top .system").text_content()
        marks = []
        for place, key in enumerate("abcde", start=1):
            page.keyboard.press(key)
            marks.append(mark_of_heard(page, place))
        orders.add((song, *marks))
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="hidden")
    # five equal draws of 3 songs and 5! orders: 1 in 10^10
    assert len(orders) > 1


def test_a_run_in_which_nothing_worked(open_page: Callable[..., Any], tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", SYSTEMS[:1], SONGS[:1])
    failed = [dataclasses.replace(run.records[0], status="failed", scores={}, flags={}, reason="no <b>luck</b>")]
    page = open_page(where=write_page(aggregate(failed), failed, run.folder, tmp_path / "page", run.tracks, jobs=1))
    assert "failed on" in page.locator("#notes").text_content()
    assert "no <b>luck</b>" in page.locator("#notes").text_content()
    assert page.locator(".strips").count() == 0
    page.locator("#songs").scroll_into_view_if_needed()
    page.wait_for_selector(".voice")


def test_it_prints(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.emulate_media(media="print")
    assert not page.locator(".bar").is_visible() and not page.locator("#listening").is_visible()
    assert page.locator("#table").is_visible() and page.locator("#notes").is_visible()
