// Small tools: elements without markup, numbers as people write them, data as the page carries it.

const SIGNS = { critical: "▲", warning: "◆", info: "●", healthy: "✓", "not assessed": "○" };
const STATES = Object.keys(SIGNS);

const byId = (id) => document.getElementById(id);
const parse = (id) => JSON.parse(byId(id).textContent);

// An element. Text becomes text nodes and nothing else: no string of a log is ever read as markup.
const fill = (node, props, children) => {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else if (key === "data") Object.assign(node.dataset, value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== "" && child !== false) node.append(child);
  return node;
};
const el = (tag, props, ...children) => fill(document.createElement(tag), props, children);
const draw = (tag, props, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
const name = (text) => el("bdi", null, String(text).split(/(?<=[/_])/).flatMap((part, i) => (i ? [el("wbr"), part] : [part]))); // may break at / and _

const chip = (state, count) =>
  el("span", { class: `chip s-${state.replace(" ", "-")}` },
    el("span", { "aria-hidden": "true" }, SIGNS[state]), ` ${state}${count > 1 ? ` ${count}` : ""}`);

const gauge = (confidence, says) => {
  const part = Math.min(Math.max(confidence, 0), 1);
  return el("span", { class: "sure" },
    draw("svg", { class: "gauge", width: 48, height: 6, "aria-hidden": "true" },
      draw("rect", { class: "rail", width: 48, height: 6, rx: 3 }),
      draw("rect", { class: "fill", width: (48 * part).toFixed(1), height: 6, rx: 3 })), ` ${says}`);
};

const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

// At most four figures, as in 0.0312, 1520, 3.1e-5.
const figure = (v, figures = 4) => {
  if (!Number.isFinite(v)) return Number.isNaN(v) ? "NaN" : v > 0 ? "infinity" : "-infinity";
  const size = Math.abs(v);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return v.toExponential(2).replace(/\.?0*e\+?/, "e");
  return String(Number(v.toPrecision(size >= 1000 ? 6 : figures)));
};

// A place on the axis: nobody needs the fraction of a late step.
const stepFigure = (v) => figure(Math.abs(v) >= 100 ? Math.round(v) : v);

// Step axes are written as the first step and the differences; see payload.py.
const steps = (coded) => {
  if (Array.isArray(coded)) return Float64Array.from(coded);
  const n = coded.gaps ? coded.gaps.length + 1 : coded.n;
  const made = new Float64Array(n);
  let at = coded.from;
  for (let i = 0; i < n; i += 1) {
    made[i] = at;
    at += coded.gaps ? coded.gaps[i] : coded.by;
  }
  return made;
};

// How many of the sorted numbers are below x.
const below = (sorted, x) => {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (sorted[mid] < x) low = mid + 1;
    else high = mid;
  }
  return low;
};

// Linear in between, and beyond the ends with the pace of the whole.
const between = (xs, ys, x) => {
  const n = xs.length;
  const pace = xs[n - 1] > xs[0] ? (ys[n - 1] - ys[0]) / (xs[n - 1] - xs[0]) : 0;
  if (x <= xs[0]) return ys[0] + (x - xs[0]) * pace;
  if (x >= xs[n - 1]) return ys[n - 1] + (x - xs[n - 1]) * pace;
  const i = Math.max(1, below(xs, x));
  const gap = xs[i] - xs[i - 1];
  return gap > 0 ? ys[i - 1] + ((ys[i] - ys[i - 1]) * (x - xs[i - 1])) / gap : ys[i];
};

const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
const spread = (values) => {
  const middle = mean(values);
  return values.length > 1 ? Math.sqrt(values.reduce((sum, v) => sum + (v - middle) ** 2, 0) / (values.length - 1)) : 0;
};

// Work that waits until an element comes near the screen, and a list of what still waits, for the printer.
const waiting = new Map();
const nearby = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) arrive(entry.target);
}, { rootMargin: "300px" });
const arrive = (node) => {
  const work = waiting.get(node);
  waiting.delete(node);
  nearby.unobserve(node);
  work?.();
};
const whenNear = (node, work) => {
  waiting.set(node, work);
  nearby.observe(node);
};

const say = (text) => {
  byId("said").textContent = text;
};
