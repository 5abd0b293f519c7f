// Says why a row was found.

import { ask } from "./api.js";
import { byId, closer, element } from "./element.js";
import { failureState } from "./states.js";
import { partPreview, rowPreview } from "./previews.js";
import { cosine, digits, likely } from "./words.js";

const SHOWN = 5;

export async function showWhy(hit, query, strength = null) {
  const dialog = byId("why");
  const body = element("div", { class: "body" }, element("p", { role: "status" }, "Covering parts of both sides …"));
  dialog.replaceChildren(
    element("header", {}, element("h2", { id: "why-title" }, `Why ${hit.id}`), closer(dialog)), body);
  if (!dialog.open) dialog.showModal();
  const parts = query.all;
  if (parts.length !== 1) {
    body.replaceChildren(element("p", {}, "A reason can be given for one query alone, and this one has several parts."));
    return;
  }
  const reading = new AbortController();
  dialog.addEventListener("close", () => reading.abort(), { once: true });
  try {
    const asked = { query: query.sent[0], hit: hit.id, modality: hit.modality, strength };
    const reason = await ask("/explain", asked, reading.signal);
    body.replaceChildren(...told(reason, hit, parts[0]));
  } catch (error) {
    if (error.name === "AbortError") return;
    body.replaceChildren(failureState(error, () => showWhy(hit, query, strength)));
  }
}

function told(reason, hit, part) {
  const { calibration } = reason, sure = calibration?.probability;
  return [
    element("p", {}, sure == null
      ? "No probability is known for it." : `It is ${likely(sure)} to fit (${digits(sure)}).`),
    element("h3", {}, "Anchors that both share"),
    anchors(reason),
    element("h3", {}, "What speaks for it"),
    element("div", { class: "sides" },
      side("The query", reason.query, partPreview(part)), side("The hit", reason.hit, rowPreview(hit))),
    element("h3", {}, "Numbers"),
    element("dl", {},
      fact("cosine", cosine(reason.cosine)),
      fact("pull strength", String(reason.strength)),
      fact("calibration", calibration
        ? `split ${calibration.split}: ${calibration.queries} queries, ${calibration.gallery} rows` : "none"),
      fact("vectors of the query", key(reason.query.key)),
      fact("vectors of the hit", key(reason.hit.key))),
    element("p", { class: "caveat" }, reason.caveat),
  ];
}

const fact = (name, value) => [element("dt", {}, name), element("dd", {}, value)];
const key = ({ modality, aligner, prompt }) => `${modality} ${aligner.slice(0, 8)}/${prompt.slice(0, 8)}`;

function anchors(reason) {
  if (reason.other === null) return element("p", {}, `None: ${reason.without_anchors}`);
  const rows = [...reason.anchors.map((one) => [one.concept, one.share]), ["other", reason.other]];
  return bars(rows.map(([name, share]) => [name, share, `${Math.round(share * 100)}%`]));
}

function bars(rows) {
  return element("ul", { class: "bars" }, rows.map(([name, value, said]) => {
    const bar = element("i", { "aria-hidden": "true", class: value < 0 ? "against" : null });
    bar.style.setProperty("--share", Math.min(Math.abs(value), 1));
    return element("li", {}, element("span", {}, name), element("b", {}, said), bar);
  }));
}

function side(title, told, preview) {
  const speaking = told.parts.filter((part) => part.fall > 0).slice(0, SHOWN);
  return element("section", {}, element("h4", {}, `${title}: ${told.modality}`), preview, speaking.length
    ? bars(speaking.map((part) => [part.label, part.fall, `+${part.fall.toFixed(3)}`]))
    : element("p", {}, told.without_parts ?? "No part speaks for it."));
}
