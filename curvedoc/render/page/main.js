// Which page is shown: the overview, or the run that the address names. Theme and printer.

const index = parse("data-index");
const main = byId("runs");
const known = new Map(index.runs.map((row, i) => [row.id, i]));

const themes = ["", "light", "dark"];
const theme = byId("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const next = themes[(themes.indexOf(document.body.dataset.theme ?? "") + 1) % themes.length];
  if (next) document.body.dataset.theme = next;
  else delete document.body.dataset.theme;
  theme.textContent = `Theme: ${next || "auto"}`;
});

const home = index.runs.length > 1 ? overview(index) : null;
const files = [["refused: they cannot be read", index.refused, true], ["skipped: no log", index.skipped, false]].filter(([, list]) => list.length)
  .map(([title, list, open]) => el("details", { class: "fold files", open }, el("summary", null, `${plural(list.length, "file")} ${title}`),
    el("dl", { class: "pairs" }, list.slice(0, 500).map((f) => [el("dt", null, name(f.file)), el("dd", null, f.why)]))));
const place = el("div", { class: "one" });
main.append(...[home, ...(home ? [] : [place]), el("div", { class: "files-list" }, files), home ? place : null].filter(Boolean));
if (!index.runs.length) place.append(el("p", { class: "empty" }, "No run was found."));

const { title } = document;
let current = null;
let scrolled = 0;
const navigation = (i) => {
  if (!home) return null;
  const link = (to, text) => (index.runs[to] ? el("a", { href: `#${index.runs[to].id}` }, text, " ", name(index.runs[to].name)) : el("span"));
  return el("nav", { class: "ways", "aria-label": "Runs" }, el("a", { href: "#overview" }, "← all runs"), el("span", null, `${i + 1} of ${index.runs.length}`),
    link(i - 1, "previous:"), link(i + 1, "next:"));
};
const show = (i) => {
  if (current === i) return;
  if (current === null) scrolled = scrollY;
  current = i;
  for (const node of waiting.keys()) if (place.contains(node)) waiting.delete(node);
  const article = i === null ? null : runOf(index, i);
  place.replaceChildren(...(article ? [navigation(i), article].filter(Boolean) : []));
  if (home) {
    home.hidden = i !== null;
    home.nextElementSibling.hidden = i !== null;
  }
  document.title = i === null ? title : `${index.runs[i].name}: ${index.runs[i].state} - curvedoc`;
};
const route = (fresh) => {
  let hash = "";
  try {
    hash = decodeURIComponent(location.hash.slice(1));
  } catch {
    hash = ""; // an address that nobody wrote
  }
  const i = known.get(hash.split("/")[0]);
  if (i === undefined) {
    show(home || !index.runs.length ? null : 0);
    if (home && !fresh) {
      scrollTo(0, scrolled);
      byId("overview-name").focus({ preventScroll: true });
    }
    return;
  }
  show(i);
  const target = byId(hash);
  for (const old of document.querySelectorAll(".aimed")) old.classList.remove("aimed");
  if (!target || target.classList.contains("run")) {
    if (!fresh || home) scrollTo(0, 0);
    if (!fresh) byId(`${index.runs[i].id}-name`).focus({ preventScroll: true });
    return;
  }
  for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  target.classList.add("aimed");
  target.scrollIntoView();
};
addEventListener("hashchange", () => route(false));
route(true);

// Paper cannot be unfolded or scrolled: everything that waits is drawn, and after an overview come its runs.
const MOST_PRINTED = 40;
let printed = [];
let folded = [];
addEventListener("beforeprint", () => {
  if (current === null && home) {
    printed = index.runs.slice(0, MOST_PRINTED).map((row, i) => runOf(index, i));
    place.append(...printed);
  }
  folded = [...document.querySelectorAll("details.card:not([open])")];
  for (const part of folded) part.open = true;
  for (const node of [...waiting.keys()]) arrive(node);
});
addEventListener("afterprint", () => {
  for (const part of printed) part.remove();
  for (const part of folded) part.open = false;
  printed = [];
  folded = [];
});
