// What the other scripts share: the run's data, the colours, a table that sorts, one tooltip.
"use strict";

const Report = {
  data: JSON.parse(document.getElementById("data").textContent),

  element(name, attributes = {}, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key in node && key !== "list" && key !== "form") node[key] = value;
      else node.setAttribute(key, value);
    }
    node.append(...children);
    return node;
  },

  // Text only: names of songs and systems are never parsed as HTML.
  tip(text, x, y) {
    const tip = document.getElementById("tip");
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - box.width - 4))}px`;
    tip.style.top = `${y + 18 + box.height > innerHeight ? y - box.height - 8 : y + 18}px`;
  },

  decibels(value) {
    return `${(Math.abs(value) < 0.005 ? 0 : value).toFixed(2).replace("-", "−")} dB`;
  },

  // What the browser keeps between visits; a browser that keeps nothing for files gets a plain object.
  store: (() => {
    try {
      localStorage.setItem("spleeter-bench", "1");
      return localStorage;
    } catch {
      const kept = new Map();
      return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
    }
  })(),
};

(() => {
  const button = document.getElementById("theme");
  const themes = { auto: ["◐ Auto", "as the system has them"], light: ["☀ Light", "light"], dark: ["☾ Dark", "dark"] };
  const names = Object.keys(themes);
  let theme = Report.store.getItem("spleeter-bench theme") ?? "auto";
  const show = () => {
    if (!themes[theme]) theme = "auto";
    document.documentElement.dataset.theme = theme;
    button.textContent = themes[theme][0];
    button.setAttribute("aria-label", `Colours: ${themes[theme][1]}`);
  };
  button.addEventListener("click", () => {
    theme = names[(names.indexOf(theme) + 1) % names.length];
    Report.store.setItem("spleeter-bench theme", theme);
    show();
  });
  show();
})();

(() => {
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const order = (row, column) => row.cells[column].dataset.order;
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const column = Number(button.dataset.column);
    const heading = headings[column];
    // scores: best first; names and costs: lowest first
    const first = heading.textContent.includes("(dB") || heading.textContent.includes("Rating") ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const direction = heading.getAttribute("aria-sort") === first ? other : first;
    for (const cell of headings) cell.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const rows = [...body.rows].sort((a, b) => {
      const [one, two] = [order(a, column), order(b, column)];
      if (one === "" || two === "") return (one === "") - (two === "");
      return sign * (column === 0 ? one.localeCompare(two) : Number(one) - Number(two));
    });
    body.append(...rows);
  });
})();
