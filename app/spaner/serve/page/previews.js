// Shows rows and uploads, small; a row's preview is fetched when it comes into sight.

import { ask } from "./api.js";
import { element } from "./element.js";

const LONGEST = 200;
const asked = new Map();

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      target.dispatchEvent(new Event("insight"));
    }
  },
  { rootMargin: "200px" },
);

export const placeOf = (row) => `${encodeURIComponent(row.modality)}/${encodeURIComponent(row.id)}`;

function previewOf(row) {
  const place = placeOf(row);
  if (!asked.has(place)) {
    const answer = ask(`/previews/${place}`);
    answer.catch(() => asked.delete(place)); // another time it may be there
    asked.set(place, answer);
  }
  return asked.get(place);
}

// `marked` are words that are lit up in a text.
export function rowPreview(row, marked = [], shown = () => {}) {
  const frame = element("div", { class: "preview waiting" });
  frame.addEventListener("insight", async () => {
    try {
      const preview = await previewOf(row);
      frame.replaceChildren(...inside(preview, row.modality, marked));
      shown(preview);
    } catch (error) {
      frame.replaceChildren(element("p", { class: "lacking" }, error.message));
    }
    frame.classList.remove("waiting");
  });
  watcher.observe(frame);
  return frame;
}

// What a part of the query looks like.
export function partPreview(part) {
  if (part.kind === "row") return rowPreview(part);
  const preview = part.kind === "text" ? { text: part.text } : part.preview ?? {};
  return element("div", { class: "preview" }, inside(preview, part.modality, []));
}

function inside({ picture, text }, modality, marked) {
  const said = text ?? "";
  if (!picture) return [element("p", { class: "words" }, lit(shortened(said), marked))];
  const source = `data:image/webp;base64,${picture}`;
  const alt = said ? `${modality}: ${said.replaceAll("\n", "; ")}` : modality;
  return [
    element("img", { src: source, alt }),
    said ? element("p", { class: "measure", "aria-hidden": "true" }, said.split("\n")[0]) : null,
  ].filter(Boolean);
}

function shortened(text) {
  const letters = [...text];
  return letters.length > LONGEST ? `${letters.slice(0, LONGEST).join("")} …` : text;
}

function lit(text, words) {
  const wanted = words.filter((word) => word.length > 1);
  if (!wanted.length) return [text];
  const pattern = wanted.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  return text
    .split(new RegExp(`(${pattern})`, "iu"))
    .map((part, place) => (place % 2 ? element("mark", {}, part) : part));
}
