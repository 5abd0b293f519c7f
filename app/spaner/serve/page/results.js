// Shows an answer: the verdict, then the hits, or why there are none.

import { byId, element } from "./element.js";
import { cardList } from "./hits.js";
import { current } from "./keys.js";
import { state } from "./states.js";
import { judge } from "./verdict.js";

const NEAREST = 3;
const MOST = 200;

export const STEP = 20;

export function say(text) {
  byId("said").textContent = text;
}

export function show(...content) {
  byId("found").replaceChildren(...content.filter(Boolean));
}

// `on` has what cards need, further() for more hits, and lanes: whether each modality has its own.
export function showAnswer(answer, asked, on) {
  const verdict = judge(answer);
  say(verdict.kind === "hits" ? verdict.title : [verdict.title, ...verdict.lines].join(" "));
  if (verdict.kind === "hits") show(...listsOf(answer.hits, asked, on), further(answer, asked, on));
  else if (verdict.kind === "uncalibrated") {
    show(state("note", verdict.title, verdict.lines), ...listsOf(answer.hits, asked, on), further(answer, asked, on));
  } else show(state(verdict.kind, verdict.title, verdict.lines), nearest(answer.hits, on));
  byId("said").classList.toggle("hidden", verdict.kind !== "hits");
  const first = byId("found").querySelector("article");
  if (first) current(first);
}

function nearest(hits, on) {
  if (!hits.length) return null;
  const few = hits.slice(0, NEAREST);
  return element("details", {},
    element("summary", {}, `Show the ${few.length} nearest all the same`), cardList(few, on, "Nearest rows"));
}

function listsOf(hits, asked, on) {
  if (!asked.each) return [cardList(hits, on, "Hits")];
  return asked.to.map((name) => {
    const own = hits.filter((hit) => hit.modality === name);
    const none = own.length && own.every((hit) => hit.match === false);
    return element("section", { class: "lane", "aria-label": name },
      element("h2", {}, name, none ? element("small", {}, " nothing likely to fit") : null),
      cardList(own, on, `Hits of ${name}`));
  });
}

function further(answer, asked, on) {
  const lists = asked.each ? asked.to.length : 1;
  const next = Math.min(asked.k + STEP, Math.floor(MOST / lists));
  if (answer.hits.length < asked.k || next <= asked.k) return null;
  return element("button", { type: "button", class: "further", onclick: () => on.further(next) }, "Show more");
}
