// Undo, Redo, Clear, the ways to read, and the strip of the last drawings.

import { answer, expectAnswer, tellLast } from "./asking.js";
import { save } from "./session.js";
import { ASPECT, render, show } from "./sheet.js";
import { copy, isEmpty, pad, remember } from "./state.js";

const KEPT = 12; // drawings in the history
const THUMBNAIL = 56; // pixels high

export function goBack() {
  if (!pad.earlier.length) return;
  pad.later.push(copy(pad.drawing));
  put(pad.earlier.pop());
}

export function goForward() {
  if (!pad.later.length) return;
  pad.earlier.push(copy(pad.drawing));
  put(pad.later.pop());
}

export function put(one) {
  pad.drawing = one;
  pad.since = pad.asked + 1;
  pad.stroke = null;
  pad.modes.forEach((radio) => (radio.checked = radio.value === one.mode));
  show();
  save();
  expectAnswer();
  tellLast();
  announce();
}

// Another drawing lies on the pad, or the same one changed: see ../correct.js.
export function announce() {
  document.dispatchEvent(new CustomEvent("inkwell:drawing", { detail: pad.drawing.corrected ?? null }));
}

export function wipe() {
  if (isEmpty()) return;
  remember();
  keep();
  put({ strokes: [], photo: null, mode: pad.drawing.mode });
}

const isSame = (one) => one.photo === pad.drawing.photo && JSON.stringify(one.strokes) === JSON.stringify(pad.drawing.strokes);

// What lies on the pad goes into the history before something else takes its place, unless it is there already.
export function keep() {
  if (isEmpty() || pad.kept.some((entry) => isSame(entry.drawing))) return;
  const entry = { drawing: copy(pad.drawing), picture: render(THUMBNAIL).toDataURL("image/png"), label: answer() };
  pad.kept = [entry, ...pad.kept].slice(0, KEPT);
  showHistory();
}

// The person says what the drawing is: a digit, or null to take that back.
export function correct(label) {
  pad.drawing.corrected = label;
  const entry = pad.kept.find(({ drawing }) => isSame(drawing));
  if (entry) entry.drawing.corrected = label;
  showHistory();
  save();
}

const isCorrected = ({ label, drawing }) => drawing.corrected && drawing.corrected !== label;

function name(entry) {
  const read = entry.label ? `read as ${entry.label}` : "that had no answer yet";
  return `Put back the drawing ${read}${isCorrected(entry) ? `, corrected to ${entry.drawing.corrected}` : ""}`;
}

function toButton(entry) {
  const button = document.createElement("button");
  const image = document.createElement("img");
  const label = document.createElement("span");
  button.type = "button";
  button.setAttribute("aria-label", name(entry));
  image.src = entry.picture;
  image.alt = "";
  label.textContent = (entry.label || "·") + (isCorrected(entry) ? `→${entry.drawing.corrected}` : "");
  button.append(image, label);
  button.addEventListener("click", () => {
    remember();
    keep();
    put(copy(entry.drawing));
  });
  return button;
}

export function forgetAll() {
  pad.kept = [];
  showHistory();
  save();
}

export function showHistory() {
  const items = pad.kept.map((entry) => {
    const item = document.createElement("li");
    item.append(toButton(entry));
    return item;
  });
  document.querySelector("#history .history")?.replaceChildren(...items);
}

export function choose(mode) {
  const { photo, strokes } = pad.drawing;
  const fits = photo || strokes.every(({ points }) => points.every(([x]) => x <= ASPECT[mode]));
  remember();
  if (fits) return put({ ...pad.drawing, mode });
  keep();
  put({ strokes: [], photo: null, mode });
}
