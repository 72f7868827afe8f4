// The spectrograms of one excerpt and the players under them.
"use strict";

(() => {
  const { data, element } = Report;
  const section = document.getElementById("songs");
  const select = document.getElementById("clip");
  if (!select) return;
  const panel = document.getElementById("panel");
  const play = document.getElementById("play");
  const position = document.getElementById("position");
  const clock = document.getElementById("clock");
  const loop = document.getElementById("loop");
  const matched = document.getElementById("matched");
  const scored = "si_sdr" in data.metrics ? "si_sdr" : Object.keys(data.metrics)[0];

  let clip = null;
  let current = 0;
  let ready = false;
  const solo = new Set();
  const mute = new Set();

  const several = new Set(data.clips.map((one) => one.song)).size < data.clips.length;
  for (const one of data.clips) {
    const name = data.songs[one.song].name;
    select.append(new Option(several ? `${name}, from ${one.start.toFixed(1)} s` : name, one.id));
  }

  const paint = () => {
    const at = player.position;
    const seconds = clip ? clip.samples / clip.rate : 1;
    panel.style.setProperty("--head", `${(100 * at) / seconds}%`);
    position.value = (1000 * at) / seconds;
    clock.textContent = `${((clip?.start ?? 0) + at).toFixed(1)} s of song`;
    if (player.playing) requestAnimationFrame(paint);
  };
  const player = new Report.Player(() => {
    play.textContent = player.playing ? "❚❚" : "▶";
    play.setAttribute("aria-label", player.playing ? "Pause" : "Play");
    const region = player.region;
    loop.hidden = !region;
    for (const node of panel.querySelectorAll(".region")) node.hidden = !region;
    if (region) {
      const seconds = clip.samples / clip.rate;
      panel.style.setProperty("--from", `${(100 * region[0]) / seconds}%`);
      panel.style.setProperty("--width", `${(100 * (region[1] - region[0])) / seconds}%`);
    }
    requestAnimationFrame(paint);
  });
  Report.songPlayer = player;

  const heard = (voice) => !mute.has(voice) && (solo.size ? solo.has(voice) : voice === current);
  const listen = () => {
    const rows = [...panel.querySelectorAll(".voice")];
    const count = rows.filter((_, voice) => heard(voice)).length;
    if (ready) player.setLevels(rows.map((_, voice) => (heard(voice) ? 1 / count : 0)));
    rows.forEach((row, voice) => {
      row.classList.toggle("heard", heard(voice));
      row.querySelector(".listen").setAttribute("aria-pressed", heard(voice));
      row.querySelector(".solo").setAttribute("aria-pressed", solo.has(voice));
      row.querySelector(".mute").setAttribute("aria-pressed", mute.has(voice));
    });
  };
  const choose = (voice) => { solo.clear(); mute.delete(voice); current = voice; listen(); };
  const flip = (set, voice) => { set.has(voice) ? set.delete(voice) : set.add(voice); listen(); };

  // Decoding waits for the first wish to hear something.
  const prepare = async () => {
    if (ready) return;
    const wanted = clip;
    const buffers = await Report.decode(wanted);
    if (wanted !== clip || ready) return;
    ready = true;
    setVoices(buffers);
  };
  const setVoices = (buffers) => {
    player.setVoices(clip.voices.map((voice) => ({ buffer: buffers[voice.audio], gain: matched.checked ? voice.gain : 1 })));
    listen();
  };
  const toggle = async () => { if (clip) { await prepare(); player.toggle(); } };

  const show = async (id) => {
    select.value = id;
    const before = clip;
    let next;
    try {
      next = await Report.loadClip(id);
    } catch (error) {
      panel.replaceChildren(element("p", { className: "error" }, error.message));
      return;
    }
    if (select.value !== id || next === before) return;
    player.pause();
    player.setVoices([]);
    [clip, ready] = [next, false];
    solo.clear();
    mute.clear();
    current = Math.min(current, clip.voices.length - 1);
    panel.innerHTML = clip.html; // made by the template, which escapes every name in it
    const song = data.clips.find((one) => one.id === id).song;
    for (const node of panel.querySelectorAll(".score")) {
      const value = data.values[scored]?.[data.systems.indexOf(node.dataset.system)]?.[song];
      if (value !== undefined && value !== null) node.textContent = `${data.metrics[scored]} ${Report.decibels(value)}`;
    }
    listen();
    player.changed();
  };
  Report.showSong = (song) => {
    const found = data.clips.find((one) => one.song === song);
    if (!found) return;
    show(found.id);
    section.scrollIntoView();
  };
  const step = (by) => {
    const place = data.clips.findIndex((one) => one.id === select.value) + by;
    show(data.clips[(place + data.clips.length) % data.clips.length].id);
  };

  select.addEventListener("change", () => show(select.value));
  document.getElementById("previous").addEventListener("click", () => step(-1));
  document.getElementById("next").addEventListener("click", () => step(1));
  play.addEventListener("click", toggle);
  loop.addEventListener("click", () => player.setRegion(null));
  matched.addEventListener("change", async () => ready && setVoices(await Report.decode(clip)));
  position.addEventListener("input", async () => {
    if (!clip) return;
    await prepare();
    player.seek((position.value / 1000) * player.duration);
  });
  for (const radio of document.querySelectorAll("#view input")) {
    radio.addEventListener("change", () => { section.dataset.view = radio.value; });
  }
  section.dataset.view = "spectrogram";

  panel.addEventListener("click", (event) => {
    const row = event.target.closest(".voice");
    const button = event.target.closest("button");
    if (!row || !button) return;
    const voice = Number(row.dataset.voice);
    if (button.classList.contains("listen")) choose(voice);
    else flip(button.classList.contains("solo") ? solo : mute, voice);
  });
  panel.addEventListener("pointerover", (event) => {
    const item = event.target.closest(".legend li");
    for (const line of panel.querySelectorAll(".line")) line.classList.toggle("near", Boolean(item) && item.classList.contains(line.classList[1]));
  });

  // A click goes there, a drag loops what was drawn over.
  panel.addEventListener("pointerdown", (event) => {
    const canvas = event.target.closest(".canvas");
    if (!canvas || event.button) return;
    const box = canvas.getBoundingClientRect();
    const seconds = clip.samples / clip.rate;
    const at = (one) => Math.max(0, Math.min(seconds, ((one.clientX - box.left) / box.width) * seconds));
    const from = at(event);
    let to = from;
    const move = (one) => {
      to = at(one);
      if (Math.abs(to - from) * box.width < 4 * seconds) return;
      panel.style.setProperty("--from", `${(100 * Math.min(from, to)) / seconds}%`);
      panel.style.setProperty("--width", `${(100 * Math.abs(to - from)) / seconds}%`);
      for (const node of panel.querySelectorAll(".region")) node.hidden = false;
    };
    const end = async (one) => {
      canvas.removeEventListener("pointermove", move);
      canvas.removeEventListener("pointerup", end);
      canvas.removeEventListener("pointercancel", cancel);
      move(one);
      await prepare();
      if (Math.abs(to - from) > 0.05 && Math.abs(to - from) * box.width >= 4 * seconds) player.setRegion([Math.min(from, to), Math.max(from, to)]);
      else { choose(Number(canvas.closest(".voice").dataset.voice)); player.seek(from); }
    };
    const cancel = () => { canvas.removeEventListener("pointermove", move); canvas.removeEventListener("pointerup", end); player.changed(); };
    canvas.setPointerCapture(event.pointerId);
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", cancel, { once: true });
  });

  let visible = false;
  new IntersectionObserver((entries) => {
    visible = entries.at(-1).isIntersecting;
    if (visible && !clip) show(select.value);
  }, { rootMargin: "100px" }).observe(section);

  document.addEventListener("keydown", (event) => {
    if (!visible || !clip || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input:not([type=range]), select, textarea")) return;
    const voice = Number(event.key) - 1;
    if (event.key === " " && !event.target.closest("button, summary, a")) toggle();
    else if (voice >= 0 && voice < clip.voices.length) choose(voice);
    else if (event.key === "m") flip(mute, current);
    else if (event.key === "s") flip(solo, current);
    else if (event.key === "Escape") player.setRegion(null);
    else return;
    event.preventDefault();
  });
})();
