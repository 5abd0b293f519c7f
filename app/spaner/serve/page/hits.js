// Shows hits as cards, in one list or a lane a modality.

import { element, quiet } from "./element.js";
import { ROW } from "./inputs.js";
import { rowPreview } from "./previews.js";
import { play } from "./sounds.js";
import { cosine, digits, likely } from "./words.js";

// `on` has: why(hit), more(rows), select(hit, yes), selected(hit), query.
export function cardList(hits, on, label) {
  return element("ol", { class: "cards", "aria-label": label }, hits.map((hit) => card(hit, on)));
}

function card(hit, on) {
  const listen = quiet("Play", (event) => play(event.currentTarget, hit),
    { class: "quiet play", "aria-pressed": "false", hidden: true });
  const preview = rowPreview(hit, on.query.words, (shown) => {
    listen.hidden = !shown.sound;
  });
  const choose = element("input", {
    type: "checkbox", "aria-label": `Select ${hit.id}`, checked: on.selected(hit),
    onchange: (event) => on.select(hit, event.target.checked),
  });
  const article = element("article", {
    "aria-label": spoken(hit), tabindex: "-1", draggable: "true",
    ondragstart: (event) => event.dataTransfer.setData(ROW, JSON.stringify(hit)),
  },
  preview,
  element("div", { class: "worth" }, worth(hit)),
  element("p", { class: "concept" }, hit.concept ?? "no concept",
    hit.exact ? element("span", { class: "badge" }, "exact name") : null),
  element("p", { class: "which" }, `${hit.rank} · ${hit.modality} · ${hit.id}`),
  element("div", { class: "actions" },
    listen,
    quiet("Why", () => on.why(hit), { "aria-label": `Why: ${hit.id}` }),
    quiet("More", () => on.more([hit]), { "aria-label": `More: ${hit.id}`, title: "More like this" })),
  choose);
  article.hit = hit;
  return element("li", {}, article);
}

function worth(hit) {
  if (hit.probability === null || hit.probability === undefined) {
    return [element("span", {}, `cosine ${cosine(hit.score)}`)];
  }
  const bar = element("i", { class: hit.match === false ? "bar faint" : "bar", "aria-hidden": "true" });
  bar.style.setProperty("--share", hit.probability);
  return [element("span", {}, inWords(hit)), element("b", {}, digits(hit.probability)), bar];
}

// below a pair's threshold even a high probability does not stand out from the best wrong rows
const inWords = (hit) => (hit.match === false ? "below threshold" : likely(hit.probability));

function spoken(hit) {
  const worth = hit.probability == null
    ? `cosine ${cosine(hit.score)}` : `${inWords(hit)}, ${digits(hit.probability)}`;
  return [`${hit.rank}: ${hit.modality}`, hit.concept, hit.exact ? "exact name" : null, worth, hit.id]
    .filter(Boolean).join(", ");
}
