// Drawing with the keyboard, and its shortcuts.

import { tellLast, tellSoon } from "./asking.js";
import { goBack, goForward, wipe } from "./history.js";
import { start } from "./pointers.js";
import { save } from "./session.js";
import { aspect, show } from "./sheet.js";
import { pad, place } from "./state.js";

const STEP = 0.02; // of the pad's height, for one press of an arrow key
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function aim() {
  pad.cursor ??= [aspect() / 2, 0.5];
  show();
}

function move([x, y]) {
  const [atX, atY] = pad.cursor;
  pad.cursor = place(Math.min(aspect(), Math.max(0, atX + x * STEP)), Math.min(1, Math.max(0, atY + y * STEP)));
  if (pad.stroke && pad.pointer === "keys") {
    pad.stroke.points.push(pad.cursor);
    tellSoon();
  }
  show();
}

export function liftOrLower() {
  if (pad.stroke) {
    if (pad.pointer !== "keys") return;
    pad.stroke = null;
    save();
    tellLast();
    return;
  }
  start("keys", "keys");
  pad.stroke.points.push(pad.cursor);
  show();
  tellLast();
}

export function onPadKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab") return;
  aim();
  if (event.key in ARROWS) move(ARROWS[event.key].map((step) => step * (event.shiftKey ? 3 : 1)));
  else if (event.key === " ") liftOrLower();
  else if (event.key === "Delete" || event.key === "Backspace") wipe();
  else if (event.key === "Escape") pad.canvas.blur();
  else return;
  event.preventDefault();
}

export function onKey(event) {
  const typing = event.target.closest?.("input:not([type=range], [type=radio]), textarea, [contenteditable]");
  if (typing || !(event.ctrlKey || event.metaKey)) return;
  const key = event.key.toLowerCase();
  if (key === "y" || (key === "z" && event.shiftKey)) goForward();
  else if (key === "z") goBack();
  else return;
  event.preventDefault();
}
