// Plays sounds, one at a time.

import { bytes } from "./api.js";
import { placeOf } from "./previews.js";

const player = new Audio();
let playing = null;

export async function play(button, source) {
  const same = playing === button;
  stop();
  if (same) return;
  playing = button;
  button.setAttribute("aria-pressed", "true");
  try {
    const sound = source instanceof Blob ? source : await bytes(`/sounds/${placeOf(source)}`);
    if (playing !== button) return;
    player.src = URL.createObjectURL(sound);
    await player.play();
  } catch (error) {
    if (playing !== button || error.name === "AbortError") return;
    stop();
    button.title = error.status ? error.message : "This browser cannot play it.";
    button.disabled = true;
  }
}

export function stop() {
  player.pause();
  if (player.src) URL.revokeObjectURL(player.src);
  playing?.setAttribute("aria-pressed", "false");
  playing = null;
}

player.addEventListener("ended", stop);
