// Makes elements. What it is given is text, never markup, so nothing that is found can be run.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

export const button = (name, act, attributes = {}) =>
  element("button", { type: "button", onclick: act, ...attributes }, name);

export const quiet = (name, act, attributes = {}) => button(name, act, { class: "quiet", ...attributes });

export const closer = (dialog) => quiet("Close", () => dialog.close());

export const byId = (id) => document.getElementById(id);

// A line in which `commands` stand between backticks, as the service writes them.
export const line = (text) =>
  text.split("`").map((part, place) => (place % 2 ? element("code", {}, part) : part));
