// Says what an answer is worth before its hits are shown.

import { cosine, count, digits, inAHundred, likely } from "./words.js";

// {kind, title, lines}: kind is one of hits, uncalibrated, untold, no-match, unfamiliar, none.
export function judge(answer) {
  const { hits } = answer, [first] = hits;
  if (!first) return { kind: "none", title: "No row to find.", lines: ["No row meets what was asked for."] };
  if (first.unfamiliar) return unfamiliar(first);
  if (answer.no_match && !hits.some((hit) => hit.exact)) return noMatch(answer);
  const many = count(hits.length, "hit"), modalities = [...new Set(hits.map((hit) => hit.modality))];
  const where = modalities.length > 1 ? `in ${modalities.length} modalities` : `in ${modalities[0]}`;
  const best = bestOf(hits);
  if (best === null && hits.some((hit) => hit.match === false)) {
    return { kind: "hits", title: `${many} ${where}, none likely to fit`, lines: [] };
  }
  if (best === null) {
    const lines = ["No calibration says how likely these hits are; `spaner calibrate` makes one where rows suffice."];
    return { kind: "uncalibrated", title: `${many} ${where}, not calibrated`, lines };
  }
  return { kind: "hits", title: `${many}, best ${digits(best)} (${likely(best)}), ${where}`, lines: [] };
}

function bestOf(hits) {
  const passing = hits.filter((hit) => hit.match !== false);
  const known = passing.map((hit) => hit.probability).filter((one) => typeof one === "number");
  return known.length ? Math.max(...known) : null;
}

function unfamiliar(hit) {
  return {
    kind: "unfamiliar", title: "This is unlike everything that the space knows.",
    lines: [`Of 100 ordinary queries about ${Math.max(1, Math.round(hit.familiarity * 100))} would be as `
      + `strange (p = ${hit.familiarity.toFixed(3)}). So no hit gets a probability.`,
    "Is it what you meant to ask, and is it read as the right modality?"],
  };
}

function noMatch({ hits, pairs }) {
  const title = "Nothing here is likely to fit.";
  if (hits[0].unknown_kind) {
    return { kind: "no-match", title, lines: ["It cannot be told from queries of kinds that nothing here knows."] };
  }
  const best = hits.reduce((one, other) => ((other.probability ?? 0) > (one.probability ?? 0) ? other : one));
  const pair = pairs[best.modality];
  if (pair?.answer_from_cosine > 1) return untold(best.modality);
  return { kind: "no-match", title, lines: [bound(best, pair)].filter(Boolean) };
}

function untold(modality) {
  return {
    kind: "untold", title: "Whether anything here fits cannot be told.",
    lines: [`Among so many rows of ${modality} no score is high enough to stand out from the best wrong one. `
      + "The nearest may be right: look at them."],
  };
}

// Probabilities where they tell both apart, else cosines.
function bound(hit, pair) {
  if (typeof pair?.answer_from_cosine !== "number") return null;
  if (hit.score >= pair.answer_from_cosine) {
    return `The nearest rows of ${hit.modality} are of other kinds than the one that the query lies nearest to.`;
  }
  let [best, from] = [digits(hit.probability ?? 0), digits(pair.answer_from ?? 0)];
  if (hit.probability === null || best === from) {
    [best, from] = [`cosine ${cosine(hit.score)}`, cosine(pair.answer_from_cosine)];
  }
  return `Best ${best}, in ${hit.modality}; we answer from ${from} there, where ${inAHundred(pair.accept_rate)} `
    + "queries without a match would still get one.";
}
