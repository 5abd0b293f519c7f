// Takes what people give: typed, dropped, pasted or chosen.

import { byId } from "./element.js";

export const ROW = "application/x-spaner-row";
const PAUSE_MS = 350;

// `on` has: typed(text, sure), files([File]), row({id, modality, input}).
export function listen(on) {
  const text = byId("text"), file = byId("file");
  let pause;
  const typed = (sure) => {
    clearTimeout(pause);
    on.typed(text.value, sure);
  };
  text.addEventListener("input", (event) => {
    clearTimeout(pause);
    if (!event.isComposing) pause = setTimeout(() => typed(false), PAUSE_MS);
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    typed(true);
  });
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    typed(true);
  });
  byId("pick").addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    if (file.files.length) on.files([...file.files]);
    file.value = ""; // so that the same one can be chosen again
  });
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    const plain = event.clipboardData.getData("text/plain");
    if (files.length) on.files(files);
    else if (plain && !event.target.closest("textarea, input")) set(plain);
    else return;
    event.preventDefault();
  });
  const set = (given) => {
    text.value = given.trim();
    text.focus();
    typed(true);
  };
  dropping(on, set);
}

// The whole page takes what is dropped, so that a miss does not open the file in its place.
function dropping(on, set) {
  const box = byId("box");
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    box.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) box.classList.remove("over");
  });
  document.addEventListener("dragend", () => box.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    const { files } = event.dataTransfer;
    const row = event.dataTransfer.getData(ROW), plain = event.dataTransfer.getData("text/plain");
    if (files.length) on.files([...files]);
    else if (row) on.row(JSON.parse(row));
    else if (plain) set(plain);
  });
}
