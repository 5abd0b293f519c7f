// The keyboard: single keys outside of text fields, and arrows through cards.

import { byId, closer, element } from "./element.js";
import { openFilters } from "./filters.js";

const LIST = [
  ["/", "go to the box"], ["Enter", "search; on a card: more like this"],
  ["← → ↑ ↓", "from the box to the hits, from hit to hit; Home, End"],
  ["Space", "play a sound"], ["w", "why this hit"], ["m", "more like this"], ["x", "select a hit"],
  ["1 – 9", "switch a modality to find"], ["f", "filters"], ["Esc", "one step back"], ["?", "this list"],
];
const KEPT = "spaner-keys-off";
const off = () => localStorage.getItem(KEPT) === "1";

// `on` has: more(hit), why(hit), back().
export function listenToKeys(on) {
  byId("help").addEventListener("click", showKeys);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") return on.back();
    if (event.key === "ArrowDown" && ["text", "results"].includes(event.target.id)) {
      byId("found").querySelector("article[tabindex='0']")?.focus();
    }
    if (event.target.closest("textarea, select, input:not([type=checkbox])")) return;
    const card = event.target.closest("article");
    const done = (card && onCard(event, card, on)) || (!off() && anywhere(event));
    return done && event.preventDefault();
  });
  document.addEventListener("focusin", ({ target }) => {
    const card = target.closest?.("article");
    if (card) current(card);
  });
}

function anywhere({ key }) {
  if (key === "/") byId("text").focus();
  else if (key === "?") showKeys();
  else if (key === "f") openFilters();
  else if (/^[1-9]$/.test(key)) byId("targets").querySelectorAll("button")[key - 1]?.click();
  else return false;
  return true;
}

function onCard(event, card, on) {
  const { key, target } = event;
  const next = neighbour(card, key);
  if (next) {
    current(next);
    next.focus();
    return true;
  }
  if (key === "w") on.why(card.hit);
  else if (key === "m" || (key === "Enter" && target === card)) on.more(card.hit);
  else if (key === "x") card.querySelector("input").click();
  else if (key === " " && target === card) card.querySelector(".play:not([hidden])")?.click();
  else return false;
  return true;
}

// One tab stop for all cards, and those within the current one.
export function current(card) {
  for (const other of byId("found").querySelectorAll("article")) {
    const mine = other === card;
    other.tabIndex = mine ? 0 : -1;
    for (const inner of other.querySelectorAll("button, input")) inner.tabIndex = mine ? 0 : -1;
  }
}

function neighbour(card, key) {
  const all = [...byId("found").querySelectorAll("article")].filter((one) => one.checkVisibility());
  const place = all.indexOf(card);
  if (key === "ArrowRight") return all[place + 1];
  if (key === "ArrowLeft") return all[place - 1];
  if (key === "Home") return all[0];
  if (key === "End") return all.at(-1);
  const sign = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (!sign) return null;
  const box = (one) => one.getBoundingClientRect(), here = box(card);
  const below = (one) => sign * (box(one).top - here.top);
  const far = (one) => 4 * below(one) + Math.abs(box(one).left - here.left);
  return all.filter((one) => below(one) > 4).sort((one, other) => far(one) - far(other))[0];
}

export function showKeys() {
  const dialog = byId("keys");
  const toggle = element("input", {
    type: "checkbox", checked: !off(),
    onchange: (event) => localStorage.setItem(KEPT, event.target.checked ? "0" : "1"),
  });
  dialog.replaceChildren(
    element("header", {}, element("h2", { id: "keys-title" }, "Keys"), closer(dialog)),
    element("div", { class: "body" },
      element("dl", {}, LIST.map(([key, what]) => [
        element("dt", {}, element("kbd", {}, key)), element("dd", {}, what)])),
      element("label", {}, toggle, " Single keys work wherever no text is typed")));
  dialog.showModal();
}
