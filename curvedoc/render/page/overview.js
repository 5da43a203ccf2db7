// The command center: every run in one table that sorts, filters, groups, and folds repeats into a line.

const MOST_OVERLAID = 24; // more curves than this in one plot cannot be followed
const OVERLAY_TONES = ["b", "c", "a", "d", "e", "f"];

const sparkOf = (row) => {
  const holder = el("span", { class: "spark" });
  whenNear(holder, () => {
    const paths = row.spark.flatMap(([tone, raw, smooth]) => [
      raw ? draw("path", { class: `t-${tone}${smooth ? " faint" : ""}`, d: raw }) : null, smooth ? draw("path", { class: `t-${tone}`, d: smooth }) : null]);
    holder.replaceChildren(draw("svg", { width: 120, height: 30, viewBox: "0 0 240 60", preserveAspectRatio: "none", "aria-hidden": "true" }, paths));
    if (!plotFigure.first) {
      plotFigure.first = true;
      performance.mark("first-chart");
    }
  });
  return holder;
};

const overview = (index) => {
  const { runs, keys } = index;
  const [role, direction] = index.better;
  const bestOf = (row) => (row.best && row.best.curve === role ? row.best.value : null);
  const members = new Map();
  for (const row of runs) members.set(row.line, [...(members.get(row.line) ?? []), row]);
  const repeats = [...members.values()].some((rows) => rows.length > 1);
  // A setting that most runs do not state would push the curves out of the window.
  const common = (key) => runs.filter((r) => key in r.hyper).length * 2 >= runs.length;
  const shownKeys = keys.filter((key) => !index.seeds.includes(key) && common(key)).slice(0, 4);
  const state = { sort: null, down: false, verdict: "", words: [], group: "", folded: repeats, open: new Set(), chosen: new Set() };

  const number = (shows, more, title) => el("td", { class: "number-cell", title }, shows, more ? el("small", null, more) : null);
  const empty = () => el("td", { class: "number-cell none" }, "–");
  const rank = (row) => STATES.indexOf(row.state);
  const columns = [
    { title: "run", of: (r) => r.name.toLowerCase(), cell: (r) => el("th", { scope: "row", class: "name" }, el("a", { href: `#${r.id}` }, name(r.name))) },
    { title: "verdict", of: rank, cell: (r) => el("td", { class: "verdict" }, chip(r.state)) },
    { title: "leading diagnosis", of: (r) => r.lead?.title ?? "~", cell: (r) => (r.lead
      ? el("td", { class: "leading", title: r.lead.do ? `Do first: ${r.lead.do}` : null }, el("a", { href: `#${r.id}` }, r.lead.title), r.lead.where ? el("small", null, `from ${r.lead.where}`) : null)
      : el("td", { class: "leading none" }, r.why)) },
    { title: "confidence", of: (r) => r.lead?.confidence ?? null, cell: (r) => (r.lead
      ? el("td", { class: "confidence" }, gauge(r.lead.confidence, r.lead.confidence.toFixed(2) + (r.lead.calibrated ? "" : "*"))) : empty()) },
    { title: role ? `best ${role}` : "best", of: (r) => r.best?.value ?? null, cell: (r) => (r.best
      ? number(r.best.shows, `${r.best.curve === role ? "" : `${r.best.curve}, `}at ${r.best.at}`) : empty()) },
    { title: "final gap", of: (r) => r.gap?.value ?? null, cell: (r) => (r.gap ? number(r.gap.shows, null, "validation loss minus training loss at the end") : empty()) },
    { title: "schedule", of: (r) => r.schedule ?? "~", cell: (r) => (r.schedule ? el("td", null, r.schedule) : empty()) },
    { title: "wasted", of: (r) => r.wasted?.value ?? null, cell: (r) => (r.wasted ? number(r.wasted.shows, null, `${r.wasted.shows} of the run came ${r.wasted.why}`) : empty()) },
    ...shownKeys.map((key) => ({ title: key, short: key.split(/[./]/).at(-1), setting: true, of: (r) => r.hyper[key] ?? null,
      cell: (r) => (key in r.hyper ? el("td", { class: "number-cell" }, name(settingText(r.hyper[key]))) : empty()) })),
    { title: "curves", cell: (r) => el("td", { class: "curve" }, sparkOf(r)) },
  ];

  const counts = (rows) => STATES.filter((s) => rows.some((r) => r.state === s)).map((s) => [chip(s, rows.filter((r) => r.state === s).length), " "]);
  const meanCell = (rows, of) => {
    const values = rows.map(of).filter((v) => v !== null && v !== undefined);
    if (!values.length) return empty();
    return number(figure(mean(values), 3), values.length > 1 ? `± ${figure(spread(values), 2)} (${values.length})` : null, `mean and standard deviation of ${plural(values.length, "run")}`);
  };
  const select = (rows, label) => {
    const box = el("input", { type: "checkbox", "aria-label": `draw ${label} together with others`, on: { change: () => {
      for (const r of rows) {
        if (box.checked) state.chosen.add(r);
        else state.chosen.delete(r);
      }
      refreshChosen();
    } } });
    box.checked = rows.every((r) => state.chosen.has(r));
    return el("td", { class: "pick" }, box);
  };
  // On a narrow screen a row is a card without a head: its numbers say what they are.
  const labelled = (cells) => {
    cells.forEach((cell, i) => {
      if (cell.tagName === "TD" && columns[i].of && !["verdict", "leading diagnosis", "confidence"].includes(columns[i].title)) cell.dataset.label = columns[i].short ?? columns[i].title;
    });
    return cells;
  };
  const tableRow = (row, inner) => el("tr", { data: { state: row.state, run: row.id }, class: inner ? "inner" : null }, select([row], row.name), labelled(columns.map((c) => c.cell(row))));
  const cached = new Map();
  const oneRow = (row, inner) => {
    const known = `${row.id} ${inner}`;
    if (!cached.has(known)) cached.set(known, tableRow(row, inner));
    return cached.get(known);
  };
  const lineRow = (rows) => {
    const open = state.open.has(rows[0].line);
    const leads = new Map();
    for (const r of rows) if (r.lead) leads.set(r.lead.title, (leads.get(r.lead.title) ?? 0) + 1);
    const label = Object.entries(rows[0].hyper).filter(([key]) => shownKeys.includes(key) && rows.every((r) => r.hyper[key] === rows[0].hyper[key]))
      .map(([key, value]) => `${key.split(".").at(-1)} ${settingText(value)}`).join(", ") || rows[0].name;
    const toggle = el("button", { type: "button", class: "unfold", "aria-expanded": String(open), on: { click: () => {
      if (open) state.open.delete(rows[0].line);
      else state.open.add(rows[0].line);
      refresh();
      body.querySelector(`[data-line="${rows[0].line}"] button`)?.focus();
    } } }, `${open ? "▾" : "▸"} ${rows.length} repeats`);
    const cells = columns.map((c) => {
      if (c.title === "run") return el("th", { scope: "row", class: "name" }, name(label), " ", toggle);
      if (c.title === "verdict") return el("td", { class: "verdict" }, counts(rows));
      if (c.title === "leading diagnosis") return el("td", { class: "leading" }, [...leads].map(([title, n]) => el("div", null, `${title} (${n} of ${rows.length})`)));
      if (c.title.startsWith("best")) return meanCell(rows, role ? bestOf : (r) => r.best?.value);
      if (c.title === "final gap") return meanCell(rows, (r) => r.gap?.value);
      if (c.title === "wasted") {
        const parts = rows.map((r) => r.wasted?.value).filter((v) => v !== undefined);
        return parts.length ? number(`${Math.round(100 * mean(parts))} %`) : empty();
      }
      if (c.title === "confidence") {
        const sure = rows.filter((r) => r.lead).map((r) => r.lead.confidence);
        return sure.length ? el("td", { class: "confidence", title: "mean of the repeats" }, gauge(mean(sure), mean(sure).toFixed(2) + (rows.every((r) => r.lead?.calibrated) ? "" : "*"))) : empty();
      }
      if (c.title === "schedule" || c.setting) {
        const values = new Set(rows.map((r) => (c.setting ? (c.title in r.hyper ? settingText(r.hyper[c.title]) : null) : r.schedule)).filter((v) => v));
        return values.size === 1 ? el("td", { class: "number-cell" }, [...values][0]) : values.size ? el("td", { class: "number-cell none" }, `${values.size} values`) : empty();
      }
      return c.cell(rows[0]);
    });
    return el("tr", { class: "line", data: { line: rows[0].line } }, select(rows, label), labelled(cells));
  };

  const heads = columns.map((column) => {
    if (!column.of) return el("th", { scope: "col" }, column.title);
    const button = el("button", { type: "button", on: { click: () => {
      if (state.sort !== column) [state.sort, state.down] = [column, false];
      else if (!state.down) state.down = true;
      else [state.sort, state.down] = [null, false];
      refresh();
    } } }, name(column.short ?? column.title), el("span", { class: "arrow", "aria-hidden": "true" }));
    column.head = el("th", { scope: "col", class: column.setting ? "setting" : null, title: column.short ? column.title : null }, button);
    return column.head;
  });
  const body = el("tbody");
  const table = el("table", { class: "runs" }, el("thead", null, el("tr", null, el("th", { scope: "col", class: "pick" }, el("span", { class: "unseen" }, "overlay")), heads)), body);
  const count = el("output", { "aria-live": "polite" });
  const textOf = new Map(runs.map((r) => [r, [r.name, r.state, r.lead?.title, r.lead?.rule, r.schedule, ...Object.entries(r.hyper).map(([k, v]) => `${k}=${settingText(v)}`)].join(" ").toLowerCase()]));

  const sorted = (list) => {
    const column = state.sort;
    if (!column) return list;
    const value = (rows) => {
      const all = rows.map(column.of).filter((v) => v !== null);
      if (!all.length) return null;
      return typeof all[0] === "number" ? mean(all.filter((v) => typeof v === "number")) : String(all[0]);
    };
    const keyed = list.map((rows) => [value(rows), rows]);
    const sign = state.down ? -1 : 1;
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null); // what is absent comes last either way
      return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
    });
    return keyed.map(([, rows]) => rows);
  };
  let shownRuns = runs;
  const refresh = () => {
    shownRuns = runs.filter((r) => (!state.verdict || r.state === state.verdict) && state.words.every((word) => textOf.get(r).includes(word)));
    const lines = new Map();
    shownRuns.forEach((r, i) => {
      const key = state.folded ? r.line : -1 - i;
      lines.set(key, [...(lines.get(key) ?? []), r]);
    });
    const groups = new Map();
    for (const rows of sorted([...lines.values()])) {
      const key = !state.group ? "" : state.group === "\n" ? rows[0].lead?.title ?? rows[0].state : settingText(rows[0].hyper[state.group] ?? "not stated");
      groups.set(key, [...(groups.get(key) ?? []), rows]);
    }
    const made = [];
    const plain = (key) => (key.trim() === "" ? NaN : Number(key)); // numbers by size, then words
    const ordered = [...groups].sort(([a], [b]) => (!state.group ? 0 : Number.isNaN(plain(a)) || Number.isNaN(plain(b))
      ? Number.isNaN(plain(a)) - Number.isNaN(plain(b)) || a.localeCompare(b, "en") : plain(a) - plain(b)));
    for (const [key, list] of ordered) {
      if (state.group) {
        const all = list.flat();
        const values = all.map(bestOf).filter((v) => v !== null);
        const says = values.length ? `best ${role} ${figure(direction === "high" ? Math.max(...values) : Math.min(...values))}, mean ${figure(mean(values))} ± ${figure(spread(values))}` : "";
        made.push(el("tr", { class: "group" }, el("th", { colspan: columns.length + 1, scope: "colgroup" },
          name(state.group === "\n" ? key : `${state.group} = ${key}`), " ", el("small", null, `${plural(all.length, "run")}${says ? `; ${says}` : ""}`), " ", counts(all))));
      }
      for (const rows of list) {
        if (rows.length === 1) made.push(oneRow(rows[0], false));
        else {
          made.push(lineRow(rows));
          if (state.open.has(rows[0].line)) made.push(...sorted(rows.map((r) => [r])).map(([r]) => oneRow(r, true)));
        }
      }
    }
    body.replaceChildren(...made);
    for (const column of columns) {
      column.head?.setAttribute("aria-sort", state.sort === column ? (state.down ? "descending" : "ascending") : "none");
      const arrow = column.head?.querySelector(".arrow");
      if (arrow) arrow.textContent = state.sort === column ? (state.down ? " ▼" : " ▲") : "";
    }
    for (const button of stateButtons) button.setAttribute("aria-pressed", String(button.dataset.state === state.verdict));
    count.textContent = shownRuns.length === runs.length ? "" : `${shownRuns.length} of ${plural(runs.length, "run")}`;
    picture?.(shownRuns);
  };

  const stateButtons = ["", ...STATES.filter((s) => runs.some((r) => r.state === s))].map((s) => el("button", { type: "button", data: { state: s }, on: { click: () => {
    state.verdict = s;
    refresh();
  } } }, s ? `${SIGNS[s]} ${s} ${runs.filter((r) => r.state === s).length}` : `all ${runs.length}`));
  const search = el("input", { type: "search", "aria-label": "Filter by name, diagnosis or setting", placeholder: "name, diagnosis, setting=value", on: { input: () => {
    state.words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    refresh();
  } } });
  const groupBy = el("select", { on: { change: () => {
    state.group = groupBy.value;
    refresh();
  } } }, el("option", { value: "" }, "nothing"), el("option", { value: "\n" }, "leading diagnosis"), keys.map((key) => el("option", { value: key }, key)));
  const foldBox = el("input", { type: "checkbox", checked: repeats, on: { change: () => {
    state.folded = foldBox.checked;
    refresh();
  } } });
  const filter = el("div", { class: "filter", id: "filter" }, el("div", { role: "group", "aria-label": "Show runs by verdict" }, stateButtons), search,
    el("label", null, "group by ", groupBy), repeats ? el("label", null, foldBox, " repeats in one line") : null, count);

  // The curves of chosen runs in one plot.
  const overlayPlace = el("div", { class: "overlay", "aria-live": "polite" });
  const clear = el("button", { type: "button", on: { click: () => {
    state.chosen.clear();
    for (const box of body.querySelectorAll(".pick input")) box.checked = false;
    refreshChosen();
  } } }, "clear");
  const which = el("select", { "aria-label": "curve", on: { change: () => refreshChosen() } });
  const parsed = new Map();
  const refreshChosen = () => {
    const chosen = [...state.chosen].slice(0, MOST_OVERLAID);
    if (!chosen.length) {
      overlayPlace.replaceChildren();
      return;
    }
    for (const row of chosen) {
      if (!parsed.has(row)) {
        const data = parse(`data-${runs.indexOf(row)}`);
        parsed.set(row, { axis: data.axis, lines: panelsOf(data).flatMap((panel) => panel.lines.map((line) => ({ ...line, log: panel.log }))) });
      }
    }
    const labels = new Map();
    for (const row of chosen) for (const line of parsed.get(row).lines) labels.set(line.label, (labels.get(line.label) ?? 0) + 1);
    const options = [...labels].sort((a, b) => b[1] - a[1]).map(([label]) => label);
    const wanted = options.includes(which.value) ? which.value : options.includes("val_loss") ? "val_loss" : options[0];
    which.replaceChildren(...options.map((label) => el("option", { value: label, selected: label === wanted }, label)));
    const tones = new Map(); // repeats of a run share a tone
    const lines = chosen.flatMap((row) => {
      const line = parsed.get(row).lines.find((other) => other.label === wanted);
      if (!line) return [];
      if (!tones.has(row.line)) tones.set(row.line, tones.size);
      const tone = tones.get(row.line);
      return [{ ...line, label: row.name, tag: "", tone: OVERLAY_TONES[tone % OVERLAY_TONES.length], dash: tone >= OVERLAY_TONES.length }];
    });
    const axes = new Set(chosen.map((row) => parsed.get(row).axis));
    const panel = { title: wanted ?? "", role: wanted, log: lines.some((line) => line.log), lines };
    const shared = sharedAxis(spanOf([panel]), [...axes].join(" or "), []);
    const left = state.chosen.size - chosen.length;
    overlayPlace.replaceChildren(
      el("div", { class: "tools" }, el("h3", null, `${plural(chosen.length, "run")} together`), which, clear,
        el("small", null, [axes.size > 1 ? "their axes count different things" : "", left > 0 ? `${left} more are not drawn` : ""].filter(Boolean).join("; "))),
      plotFigure(panel, shared, 260, "main overlay-figure"));
  };

  const [picture, settings] = sweepOf(index, bestOf);
  const uncalibrated = runs.some((r) => r.lead && !r.lead.calibrated);
  const made = el("section", { class: "overview", id: "overview", "aria-labelledby": "overview-name" },
    el("h2", { id: "overview-name", tabindex: "-1" }, "All runs"), filter,
    el("div", { class: runs.length > 30 ? "long" : "wide", role: "region", tabindex: "0", "aria-labelledby": "overview-name" }, table), overlayPlace,
    uncalibrated ? el("p", { class: "empty" }, el("small", null, "* not calibrated: the grade of the weakest evidence, no probability")) : null, settings);
  refresh();
  return made;
};

const settingText = (value) => (typeof value === "number" ? figure(value) : String(value));
