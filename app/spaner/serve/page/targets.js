// Offers the modalities to find: those that the policy allows, and why the others are not.

import { button, byId, element } from "./element.js";

const WHAT = "answered: the share of n validation queries with a match that got an answer";

let switched = {}; // what people switched on or off; the rest follows the query

export const switchedTargets = () => switched;

export function switchTargets(given) {
  switched = given;
}

function hindrance(modality, sources, space) {
  if (modality.problem) return modality.problem;
  for (const source of sources) {
    const link = space.modalities.find(({ name }) => name === source)?.finds[modality.name];
    if (link && !link.allowed) return link.why;
  }
  return null;
}

export function chosenTargets(space, sources) {
  const open = space.modalities.filter((one) => !hindrance(one, sources, space));
  const names = open.map(({ name }) => name);
  // hits of those that nothing is known of would stand among the others without a probability
  const others = names.filter((name) => sources.length !== 1 || name !== sources[0]);
  const judged = others.filter((name) => typeof pairOf(space, sources, name)?.answered === "number");
  const known = others.filter((name) => pairOf(space, sources, name)?.queries);
  const usual = [judged, known, others, names].find((some) => some.length) ?? [];
  return names.filter((name) => switched[name] ?? usual.includes(name));
}

function pairOf(space, [source, ...more], target) {
  return more.length ? null : space.modalities.find(({ name }) => name === source)?.finds[target];
}

export function showTargets(space, sources, changed) {
  const chosen = new Set(chosenTargets(space, sources));
  const told = space.modalities.some(({ name }) => pairOf(space, sources, name)?.queries);
  const toggles = space.modalities.map((modality, place) => {
    const why = hindrance(modality, sources, space);
    const name = modality.name, id = `target-${place}`;
    const flip = () => {
      if (why) return;
      switched[name] = !chosen.has(name);
      changed();
    };
    const toggle = button([name, element("small", {}, ` ${modality.rows.toLocaleString("en")}`)], flip, {
      "aria-pressed": String(chosen.has(name)), "aria-disabled": why ? "true" : null,
      "aria-describedby": id, "aria-keyshortcuts": place < 9 ? place + 1 : null,
    });
    return element("li", { class: why ? "target closed" : "target" },
      toggle, element("p", { id }, why ?? expectation(modality, sources, space)));
  });
  const focused = document.activeElement?.closest("#targets li");
  const place = focused ? [...focused.parentElement.children].indexOf(focused) : -1;
  byId("targets").replaceChildren(
    element("h2", {}, "Find ", told ? element("small", {}, WHAT) : null), element("ul", {}, toggles));
  if (place >= 0) toggles[place].querySelector("button").focus();
}

// What to expect of a pair, by its calibration.
function expectation(modality, sources, space) {
  const pair = pairOf(space, sources, modality.name);
  if (!pair) return "";
  const named = `${sources[0]} → ${modality.name}: `;
  if (!pair.queries) return `${named}not calibrated`;
  if (typeof pair.answered !== "number") return `${named}too few validation rows`;
  return `${named}${Math.round(pair.answered * 100)}% answered, n = ${pair.queries.toLocaleString("en")}`;
}
