// Drawing with mouse, pen and finger.

import { expectAnswer, tellLast, tellSoon } from "./asking.js";
import { announce } from "./history.js";
import { save } from "./session.js";
import { show } from "./sheet.js";
import { pad, place, remember } from "./state.js";

const STILL = 0.03; // of the pad's height: a touch that moved less is a resting palm or the first of two fingers

export function begin(event) {
  if (event.button !== 0 || (pad.stroke && !takesOver(event))) return;
  event.preventDefault();
  if (pad.stroke) discard();
  pad.cursor = null;
  pad.canvas.setPointerCapture(event.pointerId);
  start(event.pointerId, event.pointerType);
  extend(event);
}

// One stroke at a time: the first pointer draws, unless it was a palm.
const takesOver = ({ pointerType }) => pad.pointerType === "touch" && (pointerType === "pen" || (pointerType === "touch" && isStill()));

function isStill() {
  const spread = (axis) => {
    const places = pad.stroke.points.map((point) => point[axis]);
    return Math.max(...places) - Math.min(...places);
  };
  return Math.hypot(spread(0), spread(1)) < STILL;
}

// The stroke was not meant: neither the drawing nor Undo has it.
function discard() {
  pad.drawing.strokes.pop();
  pad.earlier.pop();
  pad.stroke = null;
  show();
}

export function start(by, type) {
  remember();
  pad.note.textContent = "";
  pad.pointer = by;
  pad.pointerType = type;
  pad.stroke = { pen: pad.width.value / 100, points: [] };
  pad.drawing.strokes.push(pad.stroke);
  delete pad.drawing.corrected;
  announce();
  expectAnswer();
}

export function extend(event) {
  if (!pad.stroke || event.pointerId !== pad.pointer) return;
  const box = pad.canvas.getBoundingClientRect();
  const places = event.type === "pointermove" ? event.getCoalescedEvents() : [];
  for (const { clientX, clientY } of places.length ? places : [event])
    pad.stroke.points.push(place((clientX - box.left) / box.height, (clientY - box.top) / box.height));
  show();
  tellSoon();
}

export function end(event) {
  if (!pad.stroke || event.pointerId !== pad.pointer) return;
  // The browser cancels a touch that it takes for a palm.
  if (event.type === "pointercancel" && pad.pointerType === "touch" && isStill()) discard();
  pad.stroke = null;
  save();
  tellLast();
}
