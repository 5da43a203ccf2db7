// Theme, filter and links into folded parts. Everything on the page can be read without it.
"use strict";
{
  const theme = document.getElementById("theme");
  const themes = ["", "light", "dark"];
  const called = { "": "auto", light: "light", dark: "dark" };
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const body = document.body;
    const next = themes[(themes.indexOf(body.dataset.theme ?? "") + 1) % themes.length];
    if (next) body.dataset.theme = next;
    else delete body.dataset.theme;
    theme.textContent = `Theme: ${called[next]}`;
  });

  const filter = document.getElementById("filter");
  if (filter) {
    const rows = [...document.querySelectorAll("table.runs tbody tr")];
    const buttons = [...filter.querySelectorAll("button")];
    const search = filter.querySelector("input");
    const count = filter.querySelector("output");
    let state = "";
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        const keep = (!state || row.dataset.state === state) && words.every((word) => text.includes(word));
        row.hidden = !keep;
        shown += keep;
      }
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.state === state));
      count.textContent = shown === rows.length ? "" : `${shown} of ${rows.length} runs`;
    };
    for (const button of buttons) {
      button.addEventListener("click", () => {
        state = button.dataset.state;
        apply();
      });
    }
    search.addEventListener("input", apply);
    filter.hidden = false;
  }

  // A link to a folded part opens it.
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    for (let part = target; part; part = part.parentElement) {
      if (part.tagName === "DETAILS") part.open = true;
    }
    target?.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();

  // Paper cannot be unfolded.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details.card:not([open])")];
    for (const part of folded) part.open = true;
  });
  addEventListener("afterprint", () => {
    for (const part of folded) part.open = false;
  });
}
