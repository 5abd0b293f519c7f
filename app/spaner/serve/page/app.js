// Puts the page together: what is asked, the answer, and what happens in between.

import { addressOf, keptQuestion, remember } from "./address.js";
import { Failure, ask } from "./api.js";
import { showChips } from "./chips.js";
import { button, byId } from "./element.js";
import { conditions, setConditions, showFilters } from "./filters.js";
import { listen } from "./inputs.js";
import { listenToKeys } from "./keys.js";
import { Query, filePart, readFile, rowPart } from "./query.js";
import { LANE, STEP, say, show, showAnswer } from "./results.js";
import { showSamples } from "./samples.js";
import { clearSelection, isSelected, select } from "./selection.js";
import { failureState, skeleton, state } from "./states.js";
import { chosenTargets, showTargets, switchTargets, switchedTargets } from "./targets.js";
import { askToken } from "./token.js";
import { offerViews, showViews } from "./views.js";
import { showWhy } from "./why.js";
import { count } from "./words.js";

const NOTICED_MS = 150;

const query = new Query();
let space = null;
let asked = {};
let each = false;
let running = new AbortController();

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
  offerViews((own) => {
    each = own;
    changed();
  });
  addEventListener("popstate", restore);
  if (location.hash) return restore();
  query.text = byId("text").value; // what was typed meanwhile
  return changed();
}

function restore() {
  const kept = keptQuestion();
  query.parts = kept.parts;
  query.text = byId("text").value = kept.text;
  switchTargets(kept.switched);
  setConditions(kept.where);
  each = kept.each;
  refresh();
  if (kept.lost) show(state("none", "The file is not there any more.", ["Give it again: an address holds no files."]));
}

// What is asked has changed: keep it in the address, show it, and search.
function changed(typed) {
  remember(addressOf(query, { switched: switchedTargets(), each, where: conditions() }), typed);
  refresh();
}

function refresh() {
  showChips(query, {
    changed: () => changed(), modalities: space.modalities.map(({ name }) => name),
  });
  const sources = query.empty ? [query.textModality].filter(Boolean) : query.sources;
  showTargets(space, sources, () => changed());
  showFilters(space, () => changed());
  byId("samples").hidden = !query.empty;
  search();
}

async function search(k = each ? LANE : STEP) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  clearSelection();
  busy(query.reading);
  if (query.empty || query.waits) return nothing();
  const to = chosenTargets(space, query.sources);
  if (!to.length) return nothing(state("none", "Nothing is chosen to be found.", ["Switch on a modality above."]));
  asked = { query: query.sent, to, each, k, where: conditions() };
  busy(true);
  const late = setTimeout(() => show(skeleton(cancel)), NOTICED_MS);
  try {
    const answer = await ask("/search", asked, signal);
    clearTimeout(late);
    if (!signal.aborted) showAnswer(answer, asked, cards());
  } catch (failure) {
    clearTimeout(late);
    if (!signal.aborted) await failed(failure);
  }
  if (!signal.aborted) busy(false);
}

const busy = (now) => byId("results").setAttribute("aria-busy", String(now));

function nothing(...instead) {
  say("");
  showViews(each, false);
  show(...instead);
}

function cancel() {
  running.abort();
  busy(false);
  nothing(state("none", "Cancelled.", [], button("Search again", () => search())));
}

async function failed(failure) {
  if (!(failure instanceof Failure)) throw failure;
  if (failure.status === 401) {
    await askToken(failure.message);
    return search();
  }
  nothing(failureState(failure, () => search()));
}

const cards = () => ({
  query,
  why: (hit) => showWhy(hit, query),
  more: (hits) => searchBy(hits.map(rowPart)),
  selected: isSelected,
  select: (hit, yes) => select(hit, yes, cards().more),
  further: async (k) => {
    const before = byId("found").querySelectorAll("article").length;
    await search(k);
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
  const parts = files.map((file) => filePart(file, space.most_bytes));
  query.replace(parts);
  byId("text").value = "";
  changed();
  await Promise.all(parts.map((part) => readFile(part)));
  changed();
}

function back() {
  if (clearSelection()) return;
  if (document.activeElement?.closest("article")) byId("text").focus();
  else if (query.text || query.parts.length) searchBy([]);
  byId("text").focus();
}

listen({
  typed(text, sure) {
    if (!space || (text.trim() === query.text.trim() && !sure)) return;
    query.text = text;
    changed(!sure);
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
