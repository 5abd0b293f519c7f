// The keyboard: single keys outside of text fields, and arrows through cards.

import { byId, element } from "./element.js";

const LIST = [
  ["/", "go to the box"], ["Enter", "search; on a card: more like this"],
  ["← → ↑ ↓", "from card to card; Home and End"],
  ["Space", "play a sound"], ["w", "why this hit"], ["m", "more like this"], ["x", "select a hit"],
  ["1 – 9", "switch a modality to find"], ["Esc", "one step back"], ["?", "this list"],
];
const KEPT = "spaner-keys-off";
const off = () => localStorage.getItem(KEPT) === "1";

// `on` has: more(hit), why(hit), back().
export function listenToKeys(on) {
  byId("help").addEventListener("click", showKeys);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      on.back();
      return;
    }
    if (event.target.closest("textarea, select, input:not([type=checkbox])")) return;
    const card = event.target.closest("article");
    const done = (card && onCard(event, card, on)) || (!off() && anywhere(event));
    if (done) event.preventDefault();
  });
  document.addEventListener("focusin", ({ target }) => {
    const card = target.closest?.("article");
    if (card) current(card);
  });
}

function anywhere({ key }) {
  if (key === "/") byId("text").focus();
  else if (key === "?") showKeys();
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
  if (key !== "ArrowDown" && key !== "ArrowUp") return null;
  const here = card.getBoundingClientRect(), down = key === "ArrowDown";
  const rows = all.filter((one) => {
    const { top } = one.getBoundingClientRect();
    return down ? top > here.top + 4 : top < here.top - 4;
  });
  const distance = (one) => {
    const { top, left } = one.getBoundingClientRect();
    return Math.abs(top - here.top) * 4 + Math.abs(left - here.left);
  };
  return rows.sort((one, other) => distance(one) - distance(other))[0];
}

export function showKeys() {
  const dialog = byId("keys");
  const toggle = element("input", {
    type: "checkbox", checked: !off(),
    onchange: (event) => localStorage.setItem(KEPT, event.target.checked ? "0" : "1"),
  });
  dialog.replaceChildren(
    element("header", {}, element("h2", { id: "keys-title" }, "Keys"),
      element("button", { type: "button", class: "quiet close", onclick: () => dialog.close() }, "Close")),
    element("div", { class: "body" },
      element("dl", {}, LIST.map(([key, what]) => [
        element("dt", {}, element("kbd", {}, key)), element("dd", {}, what)])),
      element("label", {}, toggle, " Single keys work wherever no text is typed")));
  dialog.showModal();
}
