// Puts the page together: what is asked, the answer, and what happens in between.

import { Failure, ask } from "./api.js";
import { showChips } from "./chips.js";
import { byId, element } from "./element.js";
import { listen } from "./inputs.js";
import { listenToKeys } from "./keys.js";
import { Query, filePart, readFile, rowPart } from "./query.js";
import { STEP, say, show, showAnswer } from "./results.js";
import { showSamples } from "./samples.js";
import { failureState, skeleton, state } from "./states.js";
import { chosenTargets, showTargets } from "./targets.js";
import { askToken } from "./token.js";
import { showWhy } from "./why.js";
import { count } from "./words.js";

const NOTICED_MS = 150;

const query = new Query();
let space = null;
let asked = { k: STEP };
let running = new AbortController();
const selected = new Map();

const keyOf = ({ modality, id }) => `${modality}/${id}`;

async function start() {
  try {
    space = await ask("/space");
  } catch (failure) {
    if (failure.status !== 401) return show(failureState(failure, start));
    await askToken(failure.message);
    return start();
  }
  query.textModality = space.modalities.find((one) => one.takes_text)?.name ?? null;
  const rows = space.modalities.reduce((sum, one) => sum + one.rows, 0);
  byId("about").textContent = `${count(rows, "row")} of ${count(space.modalities.length, "modality", "modalities")}, `
    + count(space.concepts, "concept");
  showSamples(space, (row) => searchBy([rowPart(row)]));
  changed();
}

// What is asked has changed: show it, and search.
function changed() {
  showChips(query, {
    changed, modalities: space.modalities.map(({ name }) => name),
    plays: (_, name) => /\.(wav|flac|ogg|mp3)$/i.test(name),
  });
  const sources = query.empty ? [query.textModality].filter(Boolean) : query.sources;
  showTargets(space, sources, changed);
  byId("samples").hidden = !query.empty;
  asked = { k: STEP };
  search();
}

async function search() {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  selected.clear();
  if (query.empty) {
    say("");
    return show();
  }
  if (query.waits) return show();
  const to = chosenTargets(space, query.sources);
  if (!to.length) return show(state("none", "Nothing is chosen to be found.", ["Switch on a modality above."]));
  asked = { ...asked, query: query.sent, to };
  const late = setTimeout(() => show(skeleton(() => cancel())), NOTICED_MS);
  try {
    const answer = await ask("/search", asked, signal);
    clearTimeout(late);
    if (!signal.aborted) showAnswer(answer, asked, cards());
  } catch (failure) {
    clearTimeout(late);
    if (!signal.aborted) failed(failure);
  }
}

function cancel() {
  running.abort();
  say("Cancelled.");
  show(state("none", "Cancelled.", [], [element("button", { type: "button", onclick: search }, "Search again")]));
}

async function failed(failure) {
  if (!(failure instanceof Failure)) throw failure;
  if (failure.status === 401) {
    await askToken(failure.message);
    return search();
  }
  say("");
  show(failureState(failure, search));
}

const cards = () => ({
  words: query.words,
  why: (hit) => showWhy(hit, query.sent, null),
  more: (hits) => searchBy(hits.map(rowPart)),
  selected: (hit) => selected.has(keyOf(hit)),
  select: (hit, yes) => (yes ? selected.set(keyOf(hit), hit) : selected.delete(keyOf(hit))),
  further: async (k) => {
    const before = byId("found").querySelectorAll("article").length;
    asked.k = k;
    await search();
    byId("found").querySelectorAll("article")[before]?.focus();
  },
});

function searchBy(parts) {
  query.replace(parts);
  byId("text").value = "";
  changed();
  byId("results").focus({ preventScroll: true });
  scrollTo({ top: 0 });
}

async function searchByFiles(files) {
  const parts = files.map(filePart);
  query.replace(parts);
  byId("text").value = "";
  changed();
  await Promise.all(parts.map((part) => readFile(part)));
  changed();
}

function back() {
  if (document.activeElement?.closest("article")) byId("text").focus();
  else if (query.text || query.parts.length) searchBy([]);
  byId("text").focus();
}

listen({
  typed(text, sure) {
    if (!space || (text.trim() === query.text.trim() && !sure)) return;
    query.text = text;
    changed();
  },
  files: (files) => space && searchByFiles(files),
  row: (row) => searchBy([rowPart(row)]),
});
listenToKeys({
  why: (hit) => cards().why(hit),
  more: (hit) => cards().more([hit]),
  back,
});
start();
