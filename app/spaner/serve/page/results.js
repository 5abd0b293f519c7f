// Shows an answer: the verdict, then the hits, or why there are none.

import { button, byId, element, line } from "./element.js";
import { elsewhere } from "./elsewhere.js";
import { cardList } from "./hits.js";
import { current } from "./keys.js";
import { state } from "./states.js";
import { showViews } from "./views.js";
import { judge } from "./verdict.js";

const NEAREST = 3;
const MOST = 200;

export const STEP = 20, LANE = 5; // hits at first, of all or of each

export function say(text) {
  byId("said").textContent = text;
}

export function show(...content) {
  byId("found").replaceChildren(...content.filter(Boolean));
}

// `on` has what cards need, the query, and further(k) for more hits.
export function showAnswer(answer, asked, on) {
  const verdict = judge(answer);
  const shown = ["hits", "uncalibrated"].includes(verdict.kind);
  say(shown ? verdict.title : [verdict.title, ...verdict.lines].join(" "));
  const notes = shown ? [...verdict.lines, ...answer.notices] : [];
  if (shown) {
    show(...notes.map(note), ...listsOf(answer.hits, asked, on), further(answer, asked, on),
      elsewhere(on.query, asked, answer.hits));
  } else {
    const told = state(verdict.kind, verdict.title, verdict.lines);
    show(told, verdict.kind === "untold" ? cardList(answer.hits, on, "Nearest rows") : nearest(answer.hits, on));
  }
  showViews(asked.each, shown && asked.to.length > 1);
  byId("said").classList.toggle("hidden", !shown);
  const first = byId("found").querySelector("article");
  if (first) current(first);
}

// what the command line says, with the name that its flag has here
const note = (text) => element("p", { class: "note" },
  line(text.replace("--each lists every modality by itself", "“By modality” lists each by itself")));

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
  const next = Math.min(asked.k + (asked.each ? LANE : STEP), Math.floor(MOST / lists));
  if (answer.hits.length < asked.k || next <= asked.k) return null;
  return button("Show more", () => on.further(next), { class: "further" });
}
