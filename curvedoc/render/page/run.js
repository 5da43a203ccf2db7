// The page of one run: its curves, what was found in them, what to do, and what could not be judged.

const HEIGHTS = { main: 300, lr: 70, small: 150 };
let framework = "PyTorch"; // the tab chosen last holds for every fix

const panelsOf = (data) => {
  const axes = (data.steps ?? []).map(steps);
  return (data.panels ?? []).map((panel) => ({
    ...panel,
    lines: panel.lines.map((line) => ({
      ...line, x: axes[line.s], v: Float64Array.from(line.v), sx: line.sv ? axes[line.ss] : null, sv: line.sv ? Float64Array.from(line.sv) : null,
    })),
  }));
};
const spanOf = (panels) => {
  let first = Infinity;
  let last = -Infinity;
  for (const line of panels.flatMap((panel) => panel.lines)) {
    for (const part of [line.x, line.lost ?? []]) {
      if (!part.length) continue;
      first = Math.min(first, part[0]);
      last = Math.max(last, part.at(-1));
    }
  }
  if (!(last > first)) return Number.isFinite(first) ? [first - 0.5, first + 0.5] : [0, 1];
  return [first > 0 && first <= 0.05 * last ? 0 : first, last]; // from 0 where it begins near it
};

// Axis, scale, raw and smoothed: one set of switches for all plots of a run.
const toolbar = (shared, data) => {
  const choice = (label, options, act) => {
    const made = el("select", { on: { change: () => act(made.value) } }, options.map(([value, text]) => el("option", { value }, text)));
    return el("label", null, `${label} `, made);
  };
  const check = (label, key) => {
    const box = el("input", { type: "checkbox", checked: true, on: { change: () => {
      shared[key] = box.checked;
      redraw(shared);
    } } });
    return el("label", null, box, ` ${label}`);
  };
  const clocks = (data.clocks ?? []).map((clock) => [clock.name, clock.name]);
  const amount = el("output", null, "");
  const judged = el("button", { type: "button", "aria-pressed": "true", title: "draw the smoothed line that the rules were judged on", on: { click: () => weigh(null) } }, "as judged");
  const slider = el("input", { type: "range", min: 0, max: 0.99, step: 0.01, value: 0.6, "aria-label": "smoothing: weight of a moving average", on: { input: () => weigh(Number(slider.value)) } });
  const weigh = (weight) => {
    shared.weight = weight;
    judged.setAttribute("aria-pressed", String(weight === null));
    amount.textContent = weight === null ? "" : weight.toFixed(2);
    redraw(shared);
  };
  const all = el("button", { type: "button", class: "all", on: { click: () => zoom(shared, ...shared.full) } }, "show all");
  shared.zoomed = () => {
    const zoomed = shared.view[0] !== shared.full[0] || shared.view[1] !== shared.full[1];
    all.disabled = !zoomed;
  };
  shared.zoomed();
  return el("div", { class: "tools", role: "group", "aria-label": "How the curves are drawn" },
    clocks.length ? choice("axis", [["", data.axis], ...clocks], (value) => {
      shared.clock = (data.clocks ?? []).find((clock) => clock.name === value) ?? null;
      redraw(shared);
    }) : null,
    choice("scale", [["auto", "auto"], ["linear", "linear"], ["log", "log"]], (value) => {
      shared.scale = value;
      redraw(shared);
    }),
    check("raw", "raw"), check("smoothed", "smooth"),
    el("span", { class: "slider" }, "smoothing ", judged, " ", slider, " ", amount), all);
};

const plots = (data) => {
  const panels = panelsOf(data);
  if (!panels.length) return [el("p", { class: "empty" }, "The log holds no curve to draw.")];
  const shared = sharedAxis(spanOf(panels), data.axis, data.clocks ?? []);
  const [main, ...others] = panels;
  const rates = others.filter((panel) => panel.role === "lr");
  const small = others.filter((panel) => panel.role !== "lr");
  const thinned = panels.flatMap((panel) => panel.lines).filter((line) => line.points > line.v.length);
  const drawn = thinned.slice(0, 3).map((line) => `${line.v.length.toLocaleString("en")} of ${line.points.toLocaleString("en")} points of ${line.label}`);
  const more = thinned.length > 3 ? ` and of ${plural(thinned.length - 3, "other curve")}` : "";
  return [
    toolbar(shared, data),
    plotFigure(main, shared, HEIGHTS.main, "main"),
    rates.map((panel) => plotFigure(panel, shared, HEIGHTS.lr, "strip")),
    small.length ? el("div", { class: "small" }, small.map((panel) => plotFigure(panel, shared, HEIGHTS.small, ""))) : null,
    el("p", { class: "hint" }, "Drag over a plot to zoom all of them, double-click to see everything; with the keyboard: arrows, + and −, 0.",
      drawn.length ? ` Thinned: ${drawn.join(", ")}${more} are drawn; the extremes of every stretch are kept.` : ""),
  ];
};

const copy = async (text, button) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
    area.value = text;
    button.after(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.textContent = "copied";
  say("copied");
  setTimeout(() => {
    button.textContent = "copy fix";
  }, 1500);
};

const codeOf = (fix) => {
  const names = Object.keys(fix.code);
  const code = el("code");
  const shows = () => (names.includes(framework) ? framework : names[0]);
  const tabs = names.map((label) => el("button", { type: "button", data: { framework: label }, on: { click: () => {
    framework = label;
    for (const box of document.querySelectorAll(".fix-code")) box.dispatchEvent(new Event("refresh"));
  } } }, label));
  const refresh = () => {
    code.textContent = fix.code[shows()];
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.framework === shows()));
  };
  const button = el("button", { type: "button", class: "copy", on: { click: () => copy(fix.code[shows()], button) } }, "copy fix");
  const box = el("div", { class: "fix-code", on: { refresh } },
    el("div", { class: "tabs", role: "group", "aria-label": "Framework" }, tabs, button), el("pre", { tabindex: "0", "aria-label": "code of this fix" }, code));
  refresh();
  return box;
};
const fixOf = (fix, open) => [
  el("p", null, fix.do), fix.more ? el("p", { class: "more" }, fix.more) : null,
  !fix.code ? null : open ? codeOf(fix) : el("details", { class: "code" }, el("summary", null, "code"), codeOf(fix)),
];

const seenOf = (seen) =>
  el("ul", { class: "seen" }, seen.map((e) => el("li", { class: e.n ? "marked" : null },
    e.n ? el("span", { class: "number", title: `marked ${e.n} in the plot` }, String(e.n)) : null,
    e.says, e.about ? [" ", el("small", null, name(e.about))] : null)));

const cardOf = (card, texts) => {
  const facts = [card.relation, card.stage, card.since].filter(Boolean).map((fact) => el("li", null, fact));
  const [first, ...next] = card.fixes;
  return el("details", { class: `card s-${card.severity}${card.leads ? " leads" : ""}`, id: card.id, open: card.leads },
    el("summary", null, el("span", null, chip(card.severity), " ", el("h3", null, card.title), " ", gauge(card.confidence, card.sure))),
    el("ul", { class: "facts" }, facts, el("li", null, el("code", null, card.rule), " ",
      el("a", { class: "link", href: `#${card.id}`, "aria-label": "link to this diagnosis" }, "#"))),
    el("div", { class: "halves" },
      el("div", null, card.seen.length ? [el("h4", null, "What was seen"), seenOf(card.seen)] : null,
        "story" in card ? [el("h4", null, "Why"), el("p", null, texts[card.story])] : null),
      first ? el("div", null, el("h4", null, "What to do first"), el("div", { class: "first" }, fixOf(first, true)),
        next.length ? [el("h4", null, "Next"), el("ol", null, next.map((fix) => el("li", null, fixOf(fix, false))))] : null) : null),
    card.alike.length ? [el("h4", null, "What else looks like this, and how to tell"),
      el("dl", { class: "pairs" }, card.alike.map(([other, tell]) => [el("dt", null, other), el("dd", null, texts[tell])]))] : null);
};

const fold = (title, body) => el("details", { class: "fold" }, el("summary", null, title), body);
const pairs = (rows) => el("dl", { class: "pairs" }, rows.map(([key, value]) => [el("dt", null, name(key)), el("dd", null, name(value))]));

const folds = (data) => {
  const { missing } = data;
  return [
    data.maybe ? fold(`Possible, not found: ${data.maybe.map((d) => d.rule).join(", ")}`,
      el("ul", { class: "maybe" }, data.maybe.map((d) => el("li", null, `${d.title}: `, el("span", { class: "sure" }, d.sure), seenOf(d.seen))))) : null,
    missing ? fold(`Not judged: ${missing.says}`, [
      missing.log.length ? el("p", null, "Log next time: ", missing.log.map(([role, rules], i) => [i ? ", " : "", el("code", null, role), ` (${rules})`])) : null,
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "rules that were not judged" }, el("table", null,
        el("thead", null, el("tr", null, ["rule", "why not", "log"].map((head) => el("th", { scope: "col" }, head)))),
        el("tbody", null, missing.rules.map(([rule, why, needs]) => el("tr", null, el("td", null, el("code", null, rule)), el("td", null, why), el("td", null, needs)))))),
    ]) : null,
    data.notes ? fold(`${plural(data.notes.length, "note")} on reading the log`, el("ul", null, data.notes.map((note) => el("li", null, name(note))))) : null,
    data.hyper ? fold(`${plural(data.hyper.length, "setting")} in the log`, pairs(data.hyper)) : null,
    data.measured ? fold(`${plural(data.measured.length, "vital sign")} measured`, pairs(data.measured)) : null,
  ];
};

const runOf = (index, i) => {
  const row = index.runs[i];
  const data = parse(`data-${i}`);
  const facts = [data.best, data.schedule, data.path].filter(Boolean);
  return el("article", { class: "run", id: row.id, "aria-labelledby": `${row.id}-name` },
    el("header", null,
      el("h2", { id: `${row.id}-name`, tabindex: "-1" }, name(row.name), " ", el("a", { class: "link", href: `#${row.id}`, "aria-label": "link to this run" }, "#")),
      chip(row.state), el("p", { class: "summary" }, data.summary), el("ul", { class: "facts" }, facts.map((fact) => el("li", null, name(fact))))),
    plots(data),
    data.cards ? el("div", { class: "cards" }, data.cards.map((card) => cardOf(card, index.texts))) : null,
    folds(data));
};
