// What the settings do: which of them go with illness, rate against weight decay, and the best value over each.

const RATE = /(^|[._/])(learning_rate|lr|lr0|base_lr|max_lr|peak_lr)$|^peak lr$/i;
const DECAY = /(^|[._/])(weight_decay|wd)$/i;
const SHAPES = { critical: "M0-6L6 5H-6z", warning: "M0-6L6 0L0 6L-6 0z", info: "M-4.5-4.5h9v9h-9z", healthy: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z", "not assessed": "M-5-5L5 5M-5 5L5-5" };
// Stops of viridis: even steps in lightness, the same order for every kind of colour vision.
const STOPS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const shade = (part) => {
  const at = Math.min(Math.max(part, 0), 1) * (STOPS.length - 1);
  const i = Math.min(STOPS.length - 2, Math.floor(at));
  return `rgb(${STOPS[i].map((c, k) => Math.round(c + (at - i) * (STOPS[i + 1][k] - c))).join(" ")})`;
};

// A scale for a setting: logarithmic where its numbers span a factor of ten, words and a zero beside it at places of
// their own.
const settingScale = (values, start, end) => {
  const numbers = values.filter((v) => typeof v === "number");
  const positive = numbers.filter((v) => v > 0);
  const words = [...new Set(values.filter((v) => typeof v !== "number"))].sort();
  const few = new Set(numbers).size;
  const log = positive.length > 1 && positive.length + numbers.filter((v) => v === 0).length === numbers.length && Math.max(...positive) / Math.min(...positive) >= 10;
  const slots = [...words, ...(log && numbers.includes(0) ? [0] : [])];
  const wide = Math.abs(end - start);
  const sign = Math.sign(end - start);
  const slot = numbers.length && positive.length ? Math.min(60, wide / (slots.length + 1.5)) : wide / Math.max(1, slots.length);
  const from = start + sign * slot * slots.length;
  const scaled = log ? positive : numbers;
  const turn = log ? Math.log10 : (v) => v;
  const [low, high] = scaled.length ? [turn(Math.min(...scaled)), turn(Math.max(...scaled))] : [0, 1];
  const air = 0.08 * (high - low) || 1;
  const place = (v) => {
    const k = slots.indexOf(v);
    if (k >= 0) return start + sign * slot * (k + 0.5);
    return from + ((turn(v) - low + air) / (high - low + 2 * air)) * (end - from);
  };
  const levels = [...new Set(scaled)].sort((a, b) => a - b);
  const marks = few <= 6 ? levels : log ? logTicks(Math.min(...scaled), Math.max(...scaled), 5) : ticksOf(Math.min(...scaled), Math.max(...scaled), 4);
  return { place, ticks: [...slots.map((v) => [place(v), settingText(v)]), ...marks.map((v) => [place(v), settingText(v)])] };
};

const axisLabels = (ticks, along, fixed, room) => {
  let last = -Infinity;
  return [...ticks].sort((a, b) => a[0] - b[0]).flatMap(([at, label]) => {
    const text = label.length > 12 ? `${label.slice(0, 11)}…` : label;
    const need = along ? 6.5 * text.length + 6 : 14;
    if (at - last < need * (room ?? 1)) return [];
    last = at;
    return [draw("text", along ? { class: "tick", "text-anchor": "middle", x: at, y: fixed } : { class: "tick", "text-anchor": "end", x: fixed, y: at, dy: ".32em" }, text)];
  });
};

const dots = (rows, x, y, colour) =>
  rows.map((r) => {
    const mark = draw("path", { class: `dot s-${r.state.replace(" ", "-")}`, d: SHAPES[r.state], transform: `translate(${x(r).toFixed(1)} ${y(r).toFixed(1)})` },
      draw("title", null, `${r.name}: ${r.state}${r.lead ? `, ${r.lead.title}` : ""}${r.best ? `; best ${r.best.curve} ${r.best.shows}` : ""}`));
    const paint = colour?.(r);
    if (paint) mark.style.fill = paint;
    mark.addEventListener("click", () => {
      location.hash = r.id;
    });
    return mark;
  });

const scatterOf = (rows, rate, decay, bestOf, role, direction) => {
  const [width, height] = [420, 300];
  const x = settingScale(rows.map((r) => r.hyper[rate]), 60, width - 16);
  const y = settingScale(rows.map((r) => r.hyper[decay]), height - 46, 14);
  const values = rows.map(bestOf).filter((v) => v !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const turn = low > 0 && high / low >= 20 ? Math.log10 : (v) => v;
  const part = (v) => (high > low ? (turn(v) - turn(low)) / (turn(high) - turn(low)) : 0.5);
  const colour = (r) => (bestOf(r) === null ? null : shade(direction === "high" ? part(bestOf(r)) : 1 - part(bestOf(r))));
  const bar = Array.from({ length: 24 }, (_, i) => {
    const piece = draw("rect", { x: width - 150 + 5 * i, y: height - 10, width: 5.5, height: 8 });
    piece.style.fill = shade(i / 23);
    return piece;
  });
  const [worst, best] = direction === "high" ? [low, high] : [high, low];
  return el("figure", { class: "scatter" }, el("figcaption", null, el("b", null, name(`${rate} × ${decay}`)), " ", el("small", null, values.length ? `colour: best ${role}` : "")),
    draw("svg", { viewBox: `0 0 ${width} ${height + 12}`, role: "img", "aria-label": `${plural(rows.length, "run")} by ${rate} and ${decay}, coloured by best ${role}; the table holds the same numbers` },
      draw("path", { class: "frame", d: `M60 8V${height - 40}H${width - 10}` }), axisLabels(x.ticks, true, height - 24), axisLabels(y.ticks, false, 54),
      draw("text", { class: "tick", x: width / 2, y: height - 8, "text-anchor": "middle" }, values.length ? "" : rate),
      dots(rows, (r) => x.place(r.hyper[rate]), (r) => y.place(r.hyper[decay]), colour),
      values.length ? [bar, draw("text", { class: "tick", x: width - 156, y: height - 2, "text-anchor": "end" }, figure(worst)), draw("text", { class: "tick", x: width - 26, y: height - 2 }, figure(best))] : null));
};

const marginalOf = (rows, key, bestOf, role) => {
  const [width, height] = [280, 170];
  const x = settingScale(rows.map((r) => r.hyper[key]), 52, width - 12);
  const values = rows.map(bestOf).filter((v) => v !== null); // a run that never got there stands above the frame
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const log = low > 0 && high / low >= 20;
  if (low === high) [low, high] = [low - Math.abs(low || 1) / 10, high + Math.abs(high || 1) / 10];
  const turn = log ? Math.log10 : (v) => v;
  const none = values.length < rows.length;
  const top = none ? 32 : 18;
  const y = (v) => (v === null ? 12 : height - 34 - ((turn(v) - turn(low)) / (turn(high) - turn(low))) * (height - 34 - top));
  const ticks = (log ? logTicks(low, high, 4) : ticksOf(low, high, 4)).map((v) => [y(v), figure(v)]);
  if (none) ticks.push([12, "none"]);
  return el("figure", { class: "marginal" }, el("figcaption", null, el("b", null, name(key))),
    draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `best ${role} of ${plural(rows.length, "run")} over ${key}; the table holds the same numbers` },
      ticks.map(([at]) => at !== 12 && draw("line", { class: "grid", x1: 52, x2: width - 8, y1: at, y2: at })), axisLabels(ticks, false, 46),
      draw("path", { class: "frame", d: `M52 8V${height - 26}H${width - 8}` }), axisLabels(x.ticks, true, height - 10),
      dots(rows, (r) => x.place(r.hyper[key]), (r) => y(bestOf(r)))));
};

// Gives the function that draws the settings of the runs that are shown, and the place where it draws.
const sweepOf = (index, bestOf) => {
  const { keys, separates } = index;
  const [role, direction] = index.better;
  if (!keys.length) return [null, null];
  const rate = keys.find((key) => RATE.test(key));
  const decay = keys.find((key) => DECAY.test(key));
  const place = el("div", { class: "settings-plots" });
  const judged = separates.length
    ? el("ul", { class: "separates" }, separates.map((s) => el("li", null, name(s.says), " ", el("small", null, `p = ${s.p}`))))
    : el("p", { class: "empty" }, "No setting separates runs with findings from healthy ones beyond chance.");
  const legend = el("p", { class: "hint" }, "Each mark is a run; click one to open it. ", STATES.filter((s) => index.runs.some((r) => r.state === s)).map((s) => [
    draw("svg", { width: 14, height: 14, viewBox: "-7 -7 14 14", "aria-hidden": "true" }, draw("path", { class: `dot s-${s.replace(" ", "-")}`, d: SHAPES[s] })), ` ${s}  `]),
    separates.length ? "p: share of random relabellings in which any setting separates as well; repeats count as one." : "");
  const picture = (rows) => {
    if (waiting.has(place)) return;
    const both = rate && decay ? rows.filter((r) => rate in r.hyper && decay in r.hyper) : [];
    place.replaceChildren(...[both.length > 1 ? scatterOf(both, rate, decay, bestOf, role, direction) : null,
      ...keys.slice(0, 8).map((key) => {
        const mine = rows.filter((r) => key in r.hyper);
        return mine.filter((r) => bestOf(r) !== null).length > 1 ? marginalOf(mine, key, bestOf, role) : null;
      })].filter(Boolean));
  };
  let latest = index.runs;
  whenNear(place, () => picture(latest));
  const made = el("section", { class: "settings", "aria-labelledby": "settings-name" }, el("h2", { id: "settings-name" }, "What the settings do"), judged,
    role ? el("p", { class: "hint" }, `Best ${role} over each setting that varies.`) : null, place, legend);
  return [(rows) => {
    latest = rows;
    picture(rows);
  }, made];
};
