// Line plots in SVG that share one step axis: zoom, cursor, smoothing and switches are the same in all of them.

const AIR = { left: 56, right: 10, foot: 22 };
const ROW = 22; // pixels: one row of marks
const DOTS = 80; // up to this many points each is a dot; more would run together

// What the plots of one run share. `view` and `full` are in the run's own steps.
const sharedAxis = (full, axis, clocks) => ({
  full, view: [...full], axis, clocks, clock: null, scale: "auto", raw: true, smooth: true, weight: null, cursor: null, plots: [],
});

const redraw = (shared) => {
  if (shared.queued) return;
  shared.queued = true;
  requestAnimationFrame(() => {
    shared.queued = false;
    for (const plot of shared.plots) plot.draw();
    shared.zoomed?.();
  });
};
const moveCursor = (shared, step, speak) => {
  shared.cursor = step;
  if (shared.moving) return;
  shared.moving = true;
  requestAnimationFrame(() => {
    shared.moving = false;
    for (const plot of shared.plots) plot.cursor();
    if (speak && shared.cursor !== null) {
      const values = speak.values().map(([label, v]) => `${label} ${figure(v)}`);
      say(`${shared.clock?.name ?? shared.axis} ${stepFigure(shown(shared, shared.cursor))}: ${values.join(", ") || "no value"}`);
    }
  });
};
const shown = (shared, step) => (shared.clock ? between(shared.clock.s, shared.clock.v, step) : step);
const hidden = (shared, x) => (shared.clock ? between(shared.clock.v, shared.clock.s, x) : x);
const zoom = (shared, a, b) => {
  const [first, last] = shared.full;
  const least = (last - first) * 1e-4;
  const low = Math.max(first, Math.min(a, b));
  const high = Math.min(last, Math.max(a, b));
  if (high - low > least) shared.view = [low, high];
  redraw(shared);
};

// Exponential moving average with the weight per logged point, as the slider of TensorBoard: a thinned curve
// skips points, so the weight of a gap is taken to the power of the points it stands for. Corrected for its start.
const averaged = (line, weight) => {
  const made = new Float64Array(line.v.length);
  const gap = (line.x.at(-1) - line.x[0]) / Math.max(1, line.points - 1) || 1;
  let sum = 0;
  let mass = 0;
  for (let i = 0; i < made.length; i += 1) {
    const keep = weight ** Math.max(1, i ? (line.x[i] - line.x[i - 1]) / gap : 1);
    sum = keep * sum + (1 - keep) * line.v[i];
    mass = keep * mass + (1 - keep);
    made[i] = mass > 0 ? sum / mass : line.v[i];
  }
  return made;
};

const ticksOf = (low, high, most) => {
  const rough = (high - low) / most;
  if (!(rough > 1e-250) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((m) => power * m >= rough * (1 - 1e-9)) ?? 10);
  const made = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9 && made.length < 50; n += 1) made.push(n * step);
  return made;
};
const logTicks = (low, high, most) => {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first) / most));
  const powers = [];
  for (let n = first; n <= last; n += every) powers.push(10 ** n);
  if (powers.length >= 3) return powers;
  const made = [];
  for (let n = first - 1; n <= last; n += 1) for (const m of [1, 2, 5]) made.push(m * 10 ** n);
  const inside = made.filter((t) => t >= low * (1 - 1e-9) && t <= high * (1 + 1e-9));
  return inside.length >= 2 ? inside : ticksOf(low, high, most);
};
const tickLabel = (v, ticks) => {
  if (v === 0 || Math.abs(v) < 1e-12 * Math.max(...ticks.map(Math.abs))) return "0";
  const size = Math.max(...ticks.map(Math.abs));
  const gap = ticks.length > 1 ? ticks[1] - ticks[0] : size;
  if (size >= 1e9 || size < 1e-3) return v.toExponential(Math.min(3, Math.max(0, Math.ceil(Math.log10(Math.abs(v) / gap))))).replace("e+", "e");
  const [unit, sign] = size >= 1e6 ? [1e6, "M"] : size >= 1e4 ? [1e3, "k"] : [1, ""];
  return (v / unit).toFixed(Math.min(8, Math.max(0, -Math.floor(Math.log10(gap / unit) + 1e-9)))) + sign;
};

// Lowest and highest of all numbers, of the positive ones alone for a logarithmic axis.
const ends = (parts, positive) => {
  let low = Infinity;
  let high = -Infinity;
  for (const part of parts) {
    for (const v of part) {
      if (positive && !(v > 0)) continue;
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  return [low, high];
};

// Places of the numbered marks: equal stretches share a row, others do not touch.
const markRows = (marks, across, width) => {
  const groups = new Map();
  for (const mark of marks) {
    const key = `${mark.from} ${mark.to}`;
    groups.set(key, [...(groups.get(key) ?? []), mark]);
  }
  const ends = [];
  const placed = [];
  for (const group of [...groups.values()].sort((a, b) => a[0].from - b[0].from)) {
    const [a, b] = [across(group[0].from), across(group[0].to)];
    if (b < AIR.left || a > width) continue;
    const half = 11 * group.length;
    const start = Math.min(a, (a + b) / 2 - half);
    const end = Math.max(b, (a + b) / 2 + half);
    let row = ends.findIndex((taken) => taken < start);
    if (row < 0) row = ends.length;
    ends[row] = end;
    placed.push({ group, row, a, b });
  }
  return { placed, rows: ends.length };
};

const told = (panel, shared, log) => {
  const parts = [`${panel.title} over ${shared.clock?.name ?? shared.axis}${log ? ", logarithmic" : ""}.`];
  for (const line of panel.lines.slice(0, 6)) {
    if (!line.v.length) {
      parts.push(`${line.label}: no finite point.`);
      continue;
    }
    let low = 0;
    let high = 0;
    for (let i = 1; i < line.v.length; i += 1) {
      if (line.v[i] < line.v[low]) low = i;
      if (line.v[i] > line.v[high]) high = i;
    }
    parts.push(`${line.label}: ${figure(line.v[0])} at ${figure(line.x[0])}, ${figure(line.v.at(-1))} at ${figure(line.x.at(-1))}, ` +
      `lowest ${figure(line.v[low])} at ${figure(line.x[low])}, highest ${figure(line.v[high])} at ${figure(line.x[high])}` +
      (line.lost ? `; not finite from ${stepFigure(line.lost[0])}.` : "."));
  }
  if (panel.lines.length > 6) parts.push(`${panel.lines.length - 6} more curves.`);
  for (const mark of panel.marks ?? []) parts.push(`Mark ${mark.n}: ${mark.says}.`);
  return parts.join(" ");
};

// A figure with its legend. `height` is that of the curves; the plot is drawn when it comes near the screen.
const plotFigure = (panel, shared, height, kind) => {
  const off = new Set();
  const values = new Map();
  const named = panel.lines.filter((line) => line.tone !== "rest").slice(0, 12);
  const key = (line) => {
    const value = el("span", { class: "value" });
    values.set(line, value);
    const toggle = el("button", {
      type: "button", class: "key", "aria-pressed": "true", title: line.tag ? `logged as ${line.tag}; click to hide` : "click to hide",
      on: { click: () => {
        if (off.has(line)) off.delete(line);
        else off.add(line);
        toggle.setAttribute("aria-pressed", String(!off.has(line)));
        plot.draw();
      } },
    }, el("i", { class: `t-${line.tone}${line.dash ? " dash" : ""}` }), name(line.label), value);
    return toggle;
  };
  const legend = el("span", { class: "legend" }, named.map(key));
  const rest = panel.lines.length - named.length + (panel.more ?? 0);
  if (rest) legend.append(el("span", { class: "key" }, el("i", { class: "t-rest" }), plural(rest, "other curve")));
  const lost = panel.lines.flatMap((line) => (line.lost ? [line.lost[0]] : []));
  if (lost.length) legend.append(el("span", { class: "key lost" }, `✕ NaN or infinite from ${shared.axis} ${stepFigure(Math.min(...lost))}`));
  const scaleNote = el("small");
  const host = el("div", { class: "plot", role: "img", tabindex: "0", "aria-label": panel.title });
  const rows = panel.marks?.length ? markRows(panel.marks, (s) => s, Infinity).rows : 0;
  const reserve = (n) => 8 + ROW * n + height + AIR.foot;
  host.style.height = `${reserve(rows)}px`;
  const figureNode = el("figure", { class: kind }, el("figcaption", null, el("b", null, panel.title), " ", scaleNote, " ", legend), host);

  let frame = null; // what the last drawing knows: scales and places
  const visible = () => panel.lines.filter((line) => !off.has(line));
  const smoothOf = (line) => {
    if (shared.weight !== null) return shared.weight > 0 && line.v.length > 2 ? { x: line.x, v: averaged(line, shared.weight) } : null;
    return line.sv ? { x: line.sx, v: line.sv } : null;
  };
  const part = (x, v, [a, b]) => {
    const from = Math.max(0, below(x, a) - 1);
    const to = Math.min(x.length, below(x, b) + 1);
    return { x: x.subarray(from, to), v: v.subarray(from, to) };
  };
  const isLog = () => (shared.scale === "auto" ? Boolean(panel.log) : shared.scale === "log" && panel.role !== "lr");

  const plot = {
    drawn: false,
    values: () => (frame?.at ?? []).map(([line, , v]) => [line.label, v]),
    draw() {
      if (!plot.drawn) return;
      const width = Math.max(160, host.clientWidth || host.parentNode?.clientWidth || 0);
      const { view } = shared;
      const lines = visible().map((line) => {
        const smooth = smoothOf(line);
        return {
          line, raw: part(line.x, line.v, view), smooth: smooth && part(smooth.x, smooth.v, view),
          showRaw: shared.raw || !smooth || !shared.smooth, showSmooth: Boolean(smooth) && shared.smooth,
        };
      });
      const bands = (panel.trends ?? []).filter(() => lines.some((l) => l.line.label === "train_loss"));
      const seen = [...lines.flatMap((l) => [l.showRaw ? l.raw.v : [], l.showSmooth ? l.smooth.v : []]), ...bands.map((t) => t.v)];
      let log = isLog();
      let [low, high] = ends(seen, log);
      if (log && low > high) {
        log = false;
        [low, high] = ends(seen, false);
      }
      if (!Number.isFinite(low) || !Number.isFinite(high)) [low, high] = [0, 1];
      if (log) {
        const space = Math.max(0.02, 0.05 * Math.log10(high / low));
        low = 10 ** Math.max(-300, Math.log10(low) - space);
        high = 10 ** Math.min(300, Math.log10(high) + space);
      } else if (high - low <= 1e-9 * Math.max(Math.abs(low), Math.abs(high)) || high === low) {
        const space = Math.abs(low) / 10 || 0.1;
        [low, high] = [low - space, high + space];
      } else {
        const space = 0.06 * (high - low);
        [low, high] = [low >= 0 && low <= 0.3 * high ? 0 : low - space, high + space];
      }
      const [x0, x1] = [shown(shared, view[0]), shown(shared, view[1])];
      const inner = width - AIR.left - AIR.right;
      const place = (x) => AIR.left + (x1 > x0 ? ((x - x0) / (x1 - x0)) * inner : inner / 2);
      const across = (step) => place(shown(shared, step));
      const clipped = (step) => Math.min(Math.max(across(step), AIR.left), AIR.left + inner);
      const marks = markRows(panel.marks ?? [], across, width);
      const top = 8 + ROW * Math.max(rows, marks.rows);
      const bottom = top + height;
      const down = log
        ? (v) => bottom - (Math.log10(Math.max(v, low) / low) / Math.log10(high / low)) * height
        : (v) => bottom - ((v - low) / (high - low)) * height;
      const clip = `clip-${(plot.number ??= (plotFigure.count = (plotFigure.count ?? 0) + 1))}`;
      const ink = [];
      const over = [];

      const ticks = log ? logTicks(low, high, Math.max(2, Math.floor(height / 40))) : ticksOf(low, high, Math.max(2, Math.floor(height / 36)));
      const grid = ticks.flatMap((t) => {
        const y = down(t).toFixed(1);
        return [draw("line", { class: "grid", x1: AIR.left, x2: AIR.left + inner, y1: y, y2: y }),
          draw("text", { class: "tick", "text-anchor": "end", x: AIR.left - 8, y, dy: ".32em" }, tickLabel(t, log ? [t] : ticks))];
      });
      let stepTicks = ticksOf(Math.min(x0, x1), Math.max(x0, x1), Math.max(2, Math.min(8, inner / 90)));
      if (!shared.clock && stepTicks.some((t) => t === Math.round(t))) stepTicks = stepTicks.filter((t) => t === Math.round(t));
      grid.push(draw("line", { class: "axis", x1: AIR.left, x2: AIR.left + inner, y1: bottom, y2: bottom }));
      for (const t of stepTicks) {
        const x = place(t).toFixed(1);
        grid.push(draw("line", { class: "axis", x1: x, x2: x, y1: bottom, y2: bottom + 4 }),
          draw("text", { class: "tick", "text-anchor": x > width - 28 ? "end" : "middle", x, y: bottom + 16 }, tickLabel(t, stepTicks)));
      }

      const stretches = [];
      for (const { group, row, a, b } of marks.placed) {
        const y = top - 8 - ROW * row - ROW / 2 + 4;
        const leads = group.some((m) => m.leads) ? " leads" : "";
        const [from, to] = [Math.max(a, AIR.left), Math.min(b, AIR.left + inner)];
        if (to - from < 3) grid.push(draw("line", { class: `moment${leads}`, x1: from, x2: from, y1: y, y2: bottom }));
        else {
          grid.push(draw("path", { class: `reach${leads}`, d: `M${from} ${y - 4}v8M${from} ${y}H${to}m0 -4v8` }));
          if (leads) stretches.push([from, to]);
        }
        group.forEach((mark, i) => {
          const middle = Math.min(Math.max((from + to) / 2 + 21 * (i - (group.length - 1) / 2), 10), width - 10);
          over.push(draw("g", { class: `badge${mark.leads ? " leads" : ""}` }, draw("title", null, mark.says),
            draw("circle", { cx: middle, cy: y, r: 8.5 }), draw("text", { x: middle, y, dy: ".34em" }, String(mark.n))));
        });
      }
      // Shaded once, however many pieces of evidence lie on a stretch; one that fills the view would say nothing.
      let shaded = -Infinity;
      for (const [from, to] of stretches.sort((p, q) => p[0] - q[0])) {
        if (to > shaded && to - from < 0.9 * inner) grid.push(draw("rect", { class: "stretch", x: Math.max(from, shaded), width: to - Math.max(from, shaded), y: top, height }));
        shaded = Math.max(shaded, to);
      }
      if (panel.onset) {
        const [at, from, to] = panel.onset;
        if (kind.includes("main") && to > from) {
          grid.push(draw("rect", { class: "doubt", x: clipped(from), width: Math.max(0, clipped(to) - clipped(from)), y: top, height }));
        }
        if (at >= view[0] && at <= view[1]) {
          const x = across(at).toFixed(1);
          grid.push(draw("line", { class: "onset", x1: x, x2: x, y1: top, y2: bottom }));
          if (kind.includes("main")) {
            const right = x > width * 0.72;
            over.push(draw("text", { class: "note", x: Number(x) + (right ? -6 : 6), y: top + (lost.length ? 30 : 16), "text-anchor": right ? "end" : "start" },
              `onset ${stepFigure(shown(shared, at))}`));
          }
        }
      }
      for (const at of panel.drops ?? []) {
        if (at < view[0] || at > view[1]) continue;
        const x = across(at);
        over.push(draw("path", { class: "drop", d: `M${x - 4} ${top - 2}h8l-4 7z` }, draw("title", null, `the rate drops at ${stepFigure(at)}`)));
      }

      const path = (p) => {
        const cuts = p.lost ?? [];
        let d = "";
        let next = 0;
        let pen = false;
        for (let i = 0; i < p.x.length; i += 1) {
          while (next < cuts.length && cuts[next] < p.x[i]) {
            pen = pen && cuts[next] < p.x[0];
            next += 1;
          }
          if (log && !(p.v[i] > 0)) {
            pen = false;
            continue;
          }
          d += `${pen ? "L" : "M"}${across(p.x[i]).toFixed(1)} ${down(p.v[i]).toFixed(1)}${pen ? "" : "h0"}`;
          pen = true;
        }
        return d;
      };
      for (const t of bands) {
        const high = t.s.map((s, i) => `${across(s).toFixed(1)} ${down(t.high[i]).toFixed(1)}`);
        const lows = t.s.map((s, i) => `${across(s).toFixed(1)} ${down(Math.max(t.low[i], log ? low : -Infinity)).toFixed(1)}`).reverse();
        ink.push(draw("path", { class: "band", d: `M${[...high, ...lows].join("L")}z` }, draw("title", null, t.says)),
          draw("path", { class: "trend", d: `M${t.s.map((s, i) => `${across(s).toFixed(1)} ${down(t.v[i]).toFixed(1)}`).join("L")}` }, draw("title", null, t.says)));
      }
      for (const { line, raw, showRaw, showSmooth } of lines) {
        if (!showRaw) continue;
        const strength = showSmooth ? "faint" : "full";
        ink.push(draw("path", { class: `${strength} t-${line.tone}${line.dash ? " dash" : ""}`, d: path({ ...raw, lost: line.lost }) }));
        if (raw.x.length <= DOTS) {
          let d = "";
          raw.x.forEach((s, i) => {
            if (!log || raw.v[i] > 0) d += `M${across(s).toFixed(1)} ${down(raw.v[i]).toFixed(1)}h0`;
          });
          ink.push(draw("path", { class: `dots ${strength} t-${line.tone}`, d }));
        }
      }
      for (const { line, smooth, showSmooth } of lines) {
        if (showSmooth) ink.push(draw("path", { class: `full t-${line.tone}${line.dash ? " dash" : ""}`, d: path({ ...smooth, lost: line.lost }) }));
      }
      for (const { line } of lines) {
        if (!line.lost) continue;
        const alive = line.x.length ? line.x.at(-1) : -Infinity;
        for (const at of line.lost.filter((s) => s < alive)) ink.push(draw("path", { class: "lost", d: `M${across(at) - 2} ${top + 4}h4` }));
        const end = line.lost.find((s) => s > alive);
        if (end !== undefined) ink.push(draw("path", { class: "lost", d: `M${clipped(end)} ${top + 4}H${AIR.left + inner}` }, draw("title", null, `not finite from ${stepFigure(end)} on`)));
      }
      if (panel.best && panel.best[0] >= view[0] && panel.best[0] <= view[1]) {
        const [x, y] = [across(panel.best[0]), down(panel.best[1])];
        if (y >= top - 1 && y <= bottom + 1) {
          const right = x > width * 0.72;
          const under = y < top + 30 || (y > top + height / 2 && y < bottom - 18) ? 18 : -9;
          over.push(draw("circle", { class: "best", cx: x, cy: y, r: 5 }),
            draw("text", { class: "note", x: x + (right ? -9 : 9), y: y + under, "text-anchor": right ? "end" : "start" }, `best ${figure(panel.best[1], 3)}`));
        }
      }
      const cross = draw("g", { class: "cross" });
      const size = { width, height: bottom + AIR.foot };
      const picture = draw("svg", { viewBox: `0 0 ${size.width} ${size.height}`, width: "100%", height: size.height, "aria-hidden": "true" },
        draw("defs", null, draw("clipPath", { id: clip }, draw("rect", { x: AIR.left, y: top - 1, width: inner, height: height + 2 }))),
        grid, draw("g", { class: "ink", "clip-path": `url(#${clip})` }, ink), over, cross);
      host.replaceChildren(picture);
      if (rows < marks.rows) host.style.height = `${size.height}px`;
      host.setAttribute("aria-label", `${told(panel, shared, log)} Arrow keys move a cursor, plus and minus zoom, 0 shows all.`);
      scaleNote.textContent = [kind.includes("main") ? `by ${shared.clock?.name ?? shared.axis}` : "", log ? "log scale" : ""].filter(Boolean).join(", ");
      frame = { across, down, top, bottom, inner, cross, lines, x: (px) => hidden(shared, x0 + ((px - AIR.left) / inner) * (x1 - x0)) };
      plot.cursor();
      if (!plotFigure.first) {
        plotFigure.first = true;
        performance.mark("first-chart");
      }
    },
    cursor() {
      if (!frame) return;
      const { cross, across, down, top, bottom } = frame;
      for (const value of values.values()) value.textContent = "";
      cross.replaceChildren();
      frame.at = [];
      const at = shared.cursor;
      if (at === null || at < shared.view[0] || at > shared.view[1]) return;
      const x = across(at).toFixed(1);
      cross.append(draw("line", { x1: x, x2: x, y1: top, y2: bottom }));
      if (kind.includes("main")) {
        const right = x > host.clientWidth * 0.8;
        cross.append(draw("text", { class: "note", x: Number(x) + (right ? -6 : 6), y: bottom - 6, "text-anchor": right ? "end" : "start" },
          `${shared.clock?.name ?? shared.axis} ${stepFigure(shown(shared, at))}`));
      }
      for (const { line, raw, smooth, showSmooth } of frame.lines) {
        const source = showSmooth ? smooth : raw;
        if (!source.x.length) continue;
        let i = below(source.x, at);
        if (i > 0 && (i === source.x.length || at - source.x[i - 1] < source.x[i] - at)) i -= 1;
        frame.at.push([line, source.x[i], source.v[i]]);
        cross.append(draw("circle", { class: `t-${line.tone}`, cx: across(source.x[i]), cy: down(source.v[i]), r: 3.5 }));
        const value = values.get(line);
        if (value) value.textContent = figure(source.v[i]);
      }
    },
  };

  let from = null;
  const pixel = (event) => event.clientX - host.getBoundingClientRect().left;
  host.addEventListener("pointermove", (event) => {
    if (!frame) return;
    moveCursor(shared, frame.x(pixel(event)));
    if (from === null) return;
    const [a, b] = [from, pixel(event)].sort((p, q) => p - q);
    let box = host.querySelector(".box");
    if (!box) {
      box = draw("rect", { class: "box" });
      host.firstChild.append(box);
    }
    fill(box, { x: a, width: b - a, y: frame.top, height: frame.bottom - frame.top }, []);
  });
  host.addEventListener("pointerleave", () => moveCursor(shared, null));
  host.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch" || !frame) return;
    from = pixel(event);
    host.setPointerCapture(event.pointerId);
  });
  host.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const to = pixel(event);
    host.querySelector(".box")?.remove();
    if (Math.abs(to - from) > 6) zoom(shared, frame.x(from), frame.x(to));
    from = null;
  });
  host.addEventListener("pointercancel", () => {
    from = null;
    host.querySelector(".box")?.remove();
  });
  host.addEventListener("dblclick", () => zoom(shared, ...shared.full));
  host.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [a, b] = shared.view;
    const at = shared.cursor ?? (a + b) / 2;
    const pace = (b - a) / 50;
    const moves = {
      ArrowLeft: () => (event.shiftKey ? zoom(shared, Math.max(shared.full[0], a - 5 * pace), b - Math.min(5 * pace, a - shared.full[0])) : moveCursor(shared, Math.max(a, at - pace), plot)),
      ArrowRight: () => (event.shiftKey ? zoom(shared, a + Math.min(5 * pace, shared.full[1] - b), b + 5 * pace) : moveCursor(shared, Math.min(b, at + pace), plot)),
      Home: () => moveCursor(shared, a, plot),
      End: () => moveCursor(shared, b, plot),
      "+": () => zoom(shared, at - (at - a) / 2, at + (b - at) / 2),
      "=": () => zoom(shared, at - (at - a) / 2, at + (b - at) / 2),
      "-": () => zoom(shared, at - (at - a) * 2, at + (b - at) * 2),
      0: () => zoom(shared, ...shared.full),
      Escape: () => moveCursor(shared, null),
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
  });
  host.addEventListener("blur", () => moveCursor(shared, null));
  whenNear(host, () => {
    plot.drawn = true;
    let width = 0;
    new ResizeObserver(() => {
      if (host.clientWidth && host.clientWidth !== width) {
        width = host.clientWidth;
        plot.draw();
      }
    }).observe(host);
    plot.draw();
  });
  shared.plots.push(plot);
  return figureNode;
};
