// The strip charts' metric and dots, and the chart that compares two systems song by song.
"use strict";

(() => {
  const { data, tip, decibels } = Report;
  const chosen = document.getElementById("metric");
  if (!chosen) return;
  const radios = [...chosen.querySelectorAll("input")];
  const figures = [...document.querySelectorAll(".strips")];
  const first = document.getElementById("first");
  const second = document.getElementById("second");
  const metric = () => radios.find((radio) => radio.checked).value;

  const near = (song) => {
    for (const node of document.querySelectorAll(".strips .near, #paired .near")) node.classList.remove("near");
    if (song === undefined) return tip("");
    for (const node of document.querySelectorAll(`.dot[data-song="${song}"], #paired [data-song="${song}"]`)) node.classList.add("near");
  };
  const point = (node) => {
    const box = node.getBoundingClientRect();
    near(node.dataset.song);
    tip(`${data.songs[node.dataset.song].name}: ${decibels(Number(node.dataset.value))}`, box.x + box.width / 2, box.y);
  };
  const open = (node) => Report.showSong?.(Number(node.dataset.song));

  // With the keyboard the arrows walk through the songs of a row, from low to high.
  const follow = (svg) => {
    let at = -1;
    svg.addEventListener("pointerover", (event) => event.target.dataset.song !== undefined && point(event.target));
    svg.addEventListener("pointerout", () => near());
    svg.addEventListener("click", (event) => event.target.dataset.song !== undefined && open(event.target));
    svg.addEventListener("blur", () => { at = -1; near(); });
    svg.addEventListener("keydown", (event) => {
      const nodes = [...svg.querySelectorAll("[data-song]")].sort((a, b) => a.dataset.value - b.dataset.value);
      if (event.key === "Enter" && at >= 0) return open(nodes[at]);
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!step || !nodes.length) return;
      event.preventDefault();
      at = Math.max(0, Math.min(nodes.length - 1, at < 0 ? (step > 0 ? 0 : nodes.length - 1) : at + step));
      point(nodes[at]);
    });
  };

  const draw = (name, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const paired = document.querySelector("#paired svg");
  const HEIGHT = 220, LEFT = 8;
  const compare = () => {
    if (!paired) return;
    const [a, b] = [Number(first.value), Number(second.value)];
    const [ours, theirs] = [data.values[metric()][a], data.values[metric()][b]];
    const bars = ours
      .map((value, song) => ({ song, value: value === null || theirs[song] === null ? null : value - theirs[song] }))
      .filter((bar) => bar.value !== null)
      .sort((one, two) => one.value - two.value);
    const caption = document.querySelector("#paired figcaption");
    paired.replaceChildren();
    const names = `${data.systems[a]} − ${data.systems[b]}`;
    paired.style.display = bars.length ? "" : "none";
    if (!bars.length) {
      caption.textContent = `${names}: no song was scored with both.`;
      return paired.setAttribute("aria-label", caption.textContent);
    }
    const high = Math.max(0.1, ...bars.map((bar) => bar.value)), low = Math.min(-0.1, ...bars.map((bar) => bar.value));
    const y = (value) => 8 + ((HEIGHT - 16) * (high - value)) / (high - low);
    const rough = (high - low) / 5, magnitude = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((size) => size >= rough);
    for (let tick = Math.ceil(low / step); tick * step <= high; tick++) {
      const value = tick * step;
      paired.append(draw("line", { class: tick ? "grid" : "zero", x1: `${LEFT}%`, x2: "100%", y1: y(value), y2: y(value) }));
      paired.append(draw("text", { x: `${LEFT - 1}%`, y: y(value) + 4, "text-anchor": "end" }, `${+value.toFixed(6)}`.replace("-", "−")));
    }
    const width = (100 - LEFT) / bars.length;
    bars.forEach((bar, place) => {
      const [from, to] = [y(Math.max(0, bar.value)), y(Math.min(0, bar.value))];
      paired.append(draw("rect", {
        class: bar.value < 0 ? "worse" : "better", "data-song": bar.song, "data-value": bar.value.toFixed(2), rx: 1.5,
        x: `${LEFT + width * (place + 0.5 - Math.min(0.4, 2 / width))}%`, width: `${width * 2 * Math.min(0.4, 2 / width)}%`,
        y: from, height: Math.max(1.5, to - from),
      }));
    });
    const said = data.pairs[metric()][`${a} ${b}`];
    caption.textContent = `${names}, ${data.metrics[metric()]} in dB, sorted by song.${said ? ` ${said[0].toUpperCase()}${said.slice(1).replace(/-(?=\d)/g, "−")}.` : ""}`;
    paired.setAttribute("aria-label", caption.textContent);
  };

  const show = () => {
    for (const figure of figures) figure.hidden = figure.dataset.metric !== metric();
    compare();
  };
  (radios.find((radio) => radio.value === "si_sdr") ?? radios[0]).checked = true;
  chosen.addEventListener("change", show);
  for (const svg of document.querySelectorAll(".strip svg[tabindex]")) follow(svg);
  if (paired) {
    follow(paired);
    for (const select of [first, second]) {
      data.systems.forEach((system, place) => select.append(new Option(system, place)));
      select.addEventListener("change", compare);
    }
    [first.value, second.value] = data.pair;
    document.getElementById("swap").addEventListener("click", () => {
      [first.value, second.value] = [second.value, first.value];
      compare();
    });
  }
  show();
})();
