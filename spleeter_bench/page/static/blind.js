// The blind listening test. Which letter stands for which system is known to this closure alone until a trial is over.
"use strict";

(() => {
  const { data, element, store } = Report;
  const form = document.getElementById("setup");
  if (!form) return;
  const dialog = document.getElementById("trial");
  const KEY = `spleeter-bench listening ${data.run}`;
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const COLUMNS = ["mode", "listener", "time", "trial", "dataset", "song", "samples", "start", "first", "second", "x", "correct", "kind", "stimulus", "score"];

  const random = (below) => {
    const limit = Math.floor(2 ** 32 / below) * below;
    const number = new Uint32Array(1);
    do crypto.getRandomValues(number); while (number[0] >= limit);
    return number[0] % below;
  };
  const shuffled = (items) => {
    const order = [...items];
    for (let last = order.length - 1; last > 0; last--) {
      const other = random(last + 1);
      [order[last], order[other]] = [order[other], order[last]];
    }
    return order;
  };

  const kept = () => JSON.parse(store.getItem(KEY) ?? "[]");
  const keep = (rows) => { store.setItem(KEY, JSON.stringify([...kept(), ...rows])); count(); };
  const count = () => {
    const trials = new Set(kept().map((row) => row.trial)).size;
    document.getElementById("kept-count").textContent = `${trials} ${trials === 1 ? "trial" : "trials"} kept in this browser`;
    for (const id of ["export-json", "export-csv", "forget"]) document.getElementById(id).disabled = !trials;
  };

  const save = (name, type, text) => {
    const url = URL.createObjectURL(new Blob([text], { type }));
    const link = element("a", { href: url, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  };
  const csv = (value) => (/[",\n\r]/.test(`${value ?? ""}`) ? `"${`${value}`.replaceAll('"', '""')}"` : `${value ?? ""}`);
  document.getElementById("export-json").addEventListener("click", () => {
    const content = { schema: 1, kind: "spleeter-bench listening", run: data.run, title: data.title, rows: kept() };
    save(`listening-${data.run}.json`, "application/json", `${JSON.stringify(content, null, 1)}\n`);
  });
  document.getElementById("export-csv").addEventListener("click", () => {
    const lines = [COLUMNS, ...kept().map((row) => COLUMNS.map((name) => row[name]))];
    save(`listening-${data.run}.csv`, "text/csv", lines.map((line) => `${line.map(csv).join(",")}\n`).join(""));
  });
  document.getElementById("forget").addEventListener("click", () => {
    if (confirm("Delete all results kept in this browser?")) { store.removeItem(KEY); count(); }
  });

  const audible = data.systems.filter((system) => data.clips.some((clip) => clip.systems.includes(system)));
  const first = document.getElementById("abx-first");
  const second = document.getElementById("abx-second");
  for (const system of audible) {
    document.getElementById("rated").append(element("label", { className: "check" },
      element("input", { type: "checkbox", name: "system", value: system, checked: true }), element("span", { className: "system" }, system)));
    for (const select of [first, second]) select.append(new Option(system));
  }
  [first.selectedIndex, second.selectedIndex] = [audible.indexOf(data.systems[data.pair[0]]), audible.indexOf(data.systems[data.pair[1]])];
  if (first.selectedIndex < 0) first.selectedIndex = 0;
  if (second.selectedIndex < 0 || second.selectedIndex === first.selectedIndex) second.selectedIndex = first.selectedIndex ? 0 : audible.length - 1;
  const listener = document.getElementById("listener");
  listener.value = store.getItem("spleeter-bench listener") ?? "";

  const mode = () => form.elements.mode.value;
  form.addEventListener("change", () => {
    for (const part of form.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== mode();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const systems = mode() === "abx" ? [first.value, second.value] : [...form.querySelectorAll("[name=system]:checked")].map((box) => box.value);
    const clips = data.clips.filter((clip) => mode() === "mushra" ? systems.some((system) => clip.systems.includes(system)) : systems.every((system) => clip.systems.includes(system)));
    const problem = !systems.length ? "Choose a system to rate."
      : mode() === "abx" && systems[0] === systems[1] ? "Choose two different systems."
      : !clips.length ? "No excerpt has these systems." : "";
    document.getElementById("setup-error").textContent = problem;
    if (problem) return;
    Report.songPlayer.pause();
    store.setItem("spleeter-bench listener", listener.value.trim());
    await session(mode(), systems, clips, Number(document.getElementById("trials").value) || 1, listener.value.trim() || "anonymous");
  });

  // Every clip once before any comes twice.
  const drawn = (clips, trials) => {
    const order = [];
    while (order.length < trials) order.push(...shuffled(clips));
    return order.slice(0, trials);
  };

  async function session(kind, systems, clips, wanted, who) {
    // a song is rated once per sitting; telling two apart can be asked again
    const order = drawn(clips, kind === "mushra" ? Math.min(wanted, clips.length) : wanted);
    const rows = [];
    dialog.className = kind;
    dialog.replaceChildren();
    dialog.showModal();
    try {
      for (const [number, listed] of order.entries()) {
        const clip = await Report.loadClip(listed.id);
        const song = data.songs[listed.song];
        const common = {
          mode: kind, listener: who, trial: [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
          dataset: song.dataset, song: song.name, samples: song.samples, start: listed.start,
        };
        const trial = kind === "abx" ? abx : mushra;
        const heading = { number: number + 1, of: order.length, song: song.name };
        const answers = await trial(clip, systems, heading);
        const made = answers.map((answer) => ({ ...common, time: new Date().toISOString(), ...answer }));
        keep(made);
        rows.push(...made);
      }
      await summary(kind, rows);
    } catch (reason) {
      if (reason !== "left") {
        document.getElementById("setup-error").textContent = reason.message;
        console.error(reason);
      }
    } finally {
      if (dialog.open) dialog.close();
      dialog.replaceChildren();
    }
  }

  // Shows one trial; `body` holds what is asked, `keys` what the keyboard does. Ends when `done` is called, or by leaving.
  function stage({ number, of, song }, title, body, player, keys) {
    return new Promise((resolve, reject) => {
      const play = element("button", { type: "button", className: "quiet" }, "▶ Play");
      const leave = element("button", { type: "button", className: "quiet" }, "Leave the test");
      const next = element("button", { type: "button", className: "main", disabled: true }, number === of ? "Finish" : "Next");
      player.changed = () => { play.textContent = player.playing ? "❚❚ Pause" : "▶ Play"; };
      const end = (finish, value) => {
        player.pause();
        dialog.removeEventListener("keydown", press);
        dialog.removeEventListener("cancel", cancel);
        finish(value);
      };
      const cancel = (event) => { event.preventDefault(); end(reject, "left"); };
      const press = (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const action = event.key === " " && !event.target.closest("button") ? () => player.toggle()
          : event.key === "Enter" && !event.target.closest("button") && !next.disabled ? () => next.click()
          : keys[event.key.toLowerCase()];
        if (!action) return;
        event.preventDefault();
        action();
      };
      play.addEventListener("click", () => player.toggle());
      leave.addEventListener("click", () => end(reject, "left"));
      next.addEventListener("click", () => end(resolve));
      dialog.addEventListener("keydown", press);
      dialog.addEventListener("cancel", cancel);
      dialog.replaceChildren(
        element("div", { className: "top" }, element("span", {}, `Trial ${number} of ${of}`), element("span", { className: "system" }, song)),
        element("progress", { max: of, value: number - 1 }),
        element("h2", { id: "trial-title", tabIndex: -1 }, title),
        ...body,
        element("div", { className: "answers" }, play, element("span", { className: "spring" }), leave, next),
      );
      dialog.querySelector("h2").focus();
      body.ready = () => { next.disabled = false; };
    });
  }

  // Buttons that switch between voices; all of them run, one is heard.
  function switches(letters, player, heard = () => {}) {
    const buttons = letters.map((letter) => element("button", { type: "button", className: "stimulus" }, letter));
    const choose = (place) => {
      player.setLevels(letters.map((_, other) => (other === place ? 1 : 0)));
      buttons.forEach((button, other) => button.setAttribute("aria-pressed", other === place));
      player.play();
      heard(place);
    };
    buttons.forEach((button, place) => {
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => choose(place));
    });
    return { buttons, choose };
  }

  // The first two voices are the mixture and the reference, whatever systems are called.
  async function voicesOf(clip, systems) {
    const buffers = await Report.decode(clip);
    const [, reference, ...estimates] = clip.voices;
    const found = [reference, ...systems.map((system) => estimates.find((voice) => voice.name === system))];
    return found.map((voice) => ({ buffer: buffers[voice.audio], gain: voice.gain }));
  }

  function looping(voices) {
    const player = new Report.Player();
    player.setVoices(voices);
    player.setRegion([0, player.duration]);
    return player;
  }

  async function abx(clip, systems, heading) {
    const [a, b] = shuffled(systems);
    const x = [a, b][random(2)];
    const [, ...voices] = await voicesOf(clip, [a, b, x]);
    const player = looping(voices);
    const { buttons, choose } = switches(["A", "B", "X"], player);
    let answer = null;
    const answers = ["A", "B"].map((letter, place) => {
      const button = element("button", { type: "button" }, `X is ${letter}`);
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => pick(place));
      return button;
    });
    const body = [
      element("p", { className: "hint" }, "X is either A or B. Which? Keys: A, B, X switch, 1 and 2 answer, space pauses, Enter goes on."),
      element("div", { className: "stimuli" }, ...buttons),
      element("div", { className: "picks" }, ...answers),
    ];
    const pick = (place) => {
      answer = place;
      answers.forEach((button, other) => button.setAttribute("aria-pressed", other === place));
      body.ready();
    };
    await stage(heading, "Is X the same as A or as B?", body, player,
      { a: () => choose(0), b: () => choose(1), x: () => choose(2), 1: () => pick(0), 2: () => pick(1) });
    return [{ first: systems[0], second: systems[1], x: x === systems[0] ? "first" : "second", correct: [a, b][answer] === x }];
  }

  async function mushra(clip, systems, heading) {
    const there = systems.filter((system) => clip.voices.slice(2).some((voice) => voice.name === system));
    const [reference, ...estimates] = await voicesOf(clip, there);
    const stimuli = shuffled([
      ...there.map((system, place) => ({ kind: "system", stimulus: system, voice: estimates[place] })),
      { kind: "reference", stimulus: "reference", voice: reference },
      { kind: "anchor", stimulus: "anchor", voice: { buffer: await Report.anchor(clip, reference.buffer), gain: clip.anchor.gain } },
    ]);
    const player = looping([reference, ...stimuli.map((one) => one.voice)]);
    const letters = stimuli.map((_, place) => LETTERS[place]);
    const scores = stimuli.map(() => null);
    const sliders = letters.map((letter, place) => {
      const slider = element("input", { type: "range", min: 0, max: 100, value: 50, disabled: true, className: "unrated" });
      slider.setAttribute("aria-label", `Score of ${letter}`);
      slider.addEventListener("input", () => {
        scores[place] = Number(slider.value);
        slider.classList.remove("unrated");
        outputs[place].textContent = slider.value;
        if (scores.every((score) => score !== null)) body.ready();
      });
      return slider;
    });
    const outputs = letters.map(() => element("output", {}, "–"));
    // what has not been heard cannot be rated
    const { buttons, choose } = switches(["Reference", ...letters], player, (place) => {
      if (!place) return;
      sliders[place - 1].disabled = false;
      sliders[place - 1].focus();
    });
    const body = [
      element("p", { className: "hint" }, "Compare each letter with the reference. One of them is the reference itself: give it 100. Keys: R and letters switch, arrows rate, space pauses, Enter goes on."),
      buttons[0],
      element("div", { className: "words" }, ...["Bad", "Poor", "Fair", "Good", "Excellent"].map((word) => element("span", {}, word))),
      element("div", { className: "stimuli" }, ...letters.map((_, place) => element("div", { className: "rating" }, buttons[place + 1], sliders[place], outputs[place]))),
    ];
    buttons[0].classList.add("open");
    const keys = { r: () => choose(0) };
    letters.forEach((letter, place) => { if (letter !== "R") keys[letter.toLowerCase()] = () => choose(place + 1); });
    await stage(heading, "How close is each to the reference?", body, player, keys);
    return stimuli.map(({ kind, stimulus }, place) => ({ kind, stimulus, score: scores[place] }));
  }

  async function summary(kind, rows) {
    const lines = [];
    if (kind === "abx") {
      const right = rows.filter((row) => row.correct).length;
      lines.push(`${right} of ${rows.length} right. Guessing gives that many or more with p = ${chance(right, rows.length).toPrecision(2)}.`);
    } else {
      for (const name of new Set(rows.map((row) => row.stimulus))) {
        const scores = rows.filter((row) => row.stimulus === name).map((row) => row.score);
        lines.push(`${name}: ${(scores.reduce((sum, score) => sum + score, 0) / scores.length).toFixed(0)}`);
      }
    }
    const close = element("button", { type: "button", className: "main", id: "finish" }, "Back to the page");
    dialog.replaceChildren(
      element("h2", { id: "trial-title" }, "Thank you"),
      element("p", {}, "Your answers are kept in this browser. Export them to hand them in."),
      element("ul", { className: "notes" }, ...lines.map((line) => element("li", { className: "system" }, line))),
      close,
    );
    close.focus();
    await new Promise((resolve) => {
      close.addEventListener("click", resolve);
      dialog.addEventListener("cancel", resolve, { once: true });
    });
  }

  // P(at least this many right by guessing).
  function chance(right, trials) {
    let term = 0.5 ** trials, sum = 0;
    for (let hits = 0; hits <= trials; hits++) {
      if (hits >= right) sum += term;
      term *= (trials - hits) / (hits + 1);
    }
    return Math.min(1, sum);
  }

  count();
})();
