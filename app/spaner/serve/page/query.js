// Holds what is asked: parts that are one query together, each a text, a file or a row.
//
// A part is {kind: "file", file, name, data, modality, preview, candidates, problem} or
// {kind: "row", id, modality}; the text of the box is one more part while it is not empty.

import { ask } from "./api.js";

export const MOST_PARTS = 16;

export class Query {
  parts = [];
  text = "";
  textModality = null; // which plugin reads what is typed

  get all() {
    const text = this.text.trim();
    return text ? [...this.parts, { kind: "text", text, modality: this.textModality }] : this.parts;
  }

  get empty() {
    return !this.all.length;
  }

  get sources() {
    return [...new Set(this.all.map((part) => part.modality).filter(Boolean))];
  }

  get reading() {
    return this.parts.some((part) => !part.modality && !part.problem && part.candidates.length < 2);
  }

  // a file is being read, is asked about, or cannot be read
  get waits() {
    return this.parts.some((part) => !part.modality || part.problem);
  }

  get sent() {
    return this.all.map(sentPart);
  }

  // the words that may be lit up in what is found
  get words() {
    return this.text.trim().split(/\s+/u).filter(Boolean);
  }

  replace(parts) {
    this.parts = parts.slice(0, MOST_PARTS);
    this.text = "";
  }

  remove(part) {
    this.parts = this.parts.filter((other) => other !== part);
  }
}

// an undefined key is not sent
const sentPart = ({ id, text, data, name, modality }) => ({ id, text, data, name, modality });

export const rowPart = ({ id, modality }) => ({ kind: "row", id, modality });

export const filePart = (file, mostBytes) => ({
  kind: "file", file, mostBytes, name: file.name || "pasted", modality: null, candidates: [],
});

// Ask the plugins what a file is, or show it as what it is said to be.
export async function readFile(part, modality = null) {
  part.problem = null;
  try {
    if (part.file.size > part.mostBytes) {
      throw new Error(`${part.name} is too large: expected at most ${Math.floor(part.mostBytes / 2 ** 20)} MB`);
    }
    part.data ??= await base64(part.file);
    const preview = await ask("/preview", { data: part.data, name: part.name, modality });
    part.modality = preview.modality;
    part.preview = preview.modality ? preview : null;
    part.candidates = preview.candidates;
  } catch (error) {
    part.modality = modality;
    part.preview = null;
    part.problem = error;
  }
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",")[1] ?? "");
    reader.onerror = () => reject(new Error(`${file.name} cannot be read: choose it again`));
    reader.readAsDataURL(file);
  });
}
