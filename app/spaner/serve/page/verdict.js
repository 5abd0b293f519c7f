// Says what an answer is worth before its hits are shown.

import { digits, inAHundred, likely, listed, count } from "./words.js";

// {kind, title, lines}: kind is "hits", "none", "no-match", "unfamiliar" or "uncalibrated".
export function judge(answer) {
  const { hits } = answer, [first] = hits;
  if (!first) return { kind: "none", title: "No row to find.", lines: ["No row meets what was asked for."] };
  if (first.unfamiliar) return unfamiliar(first);
  if (answer.no_match && !hits.some((hit) => hit.exact)) return noMatch(answer);
  const many = count(hits.length, "hit"), modalities = [...new Set(hits.map((hit) => hit.modality))];
  const where = modalities.length > 1 ? `in ${modalities.length} modalities` : `in ${modalities[0]}`;
  const best = bestOf(hits);
  if (best === null) {
    return {
      kind: "uncalibrated", title: `${many} ${where}`,
      lines: ["Scores are not calibrated, so they do not say how likely a hit is: `spaner calibrate`."],
    };
  }
  return { kind: "hits", title: `${many}, best ${digits(best)} (${likely(best)}), ${where}`, lines: [] };
}

function bestOf(hits) {
  const known = hits.map((hit) => hit.probability).filter((one) => typeof one === "number");
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

function noMatch(answer) {
  const { hits, pairs } = answer, best = bestOf(hits);
  const from = Object.entries(pairs).filter(([, pair]) => typeof pair.answer_from === "number");
  const lines = [];
  if (hits[0].unknown_kind) {
    lines.push("It cannot be told from queries of kinds that nothing here knows.");
  } else if (from.length) {
    const rates = [...new Set(from.map(([, pair]) => inAHundred(pair.accept_rate)))];
    const bounds = from.map(([name, pair]) =>
      digits(pair.answer_from) + (from.length > 1 ? ` for ${name}` : ""));
    lines.push(`${best === null ? "" : `Best ${digits(best)}; `}we answer from ${listed(bounds)}, `
      + `where ${listed(rates)} queries without a match would still get one.`);
  }
  return { kind: "no-match", title: "Nothing here is likely to fit.", lines };
}
