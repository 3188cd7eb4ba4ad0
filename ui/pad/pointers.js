// Drawing with mouse, pen and finger.

const STILL = 0.03; // of the pad's height: a touch that moved less is a resting palm or the first of two fingers

function begin(event) {
  if (event.button !== 0 || (stroke && !takesOver(event))) return;
  event.preventDefault();
  if (stroke) discard();
  cursor = null;
  canvas.setPointerCapture(event.pointerId);
  start(event.pointerId, event.pointerType);
  extend(event);
}

// One stroke at a time: the first pointer draws, unless it was a palm.
const takesOver = (event) => pointerType === "touch" && (event.pointerType === "pen" || (event.pointerType === "touch" && isStill()));

function isStill() {
  const spread = (axis) => {
    const places = stroke.points.map((point) => point[axis]);
    return Math.max(...places) - Math.min(...places);
  };
  return Math.hypot(spread(0), spread(1)) < STILL;
}

// The stroke was not meant: neither the drawing nor Undo has it.
function discard() {
  drawing.strokes.pop();
  earlier.pop();
  stroke = null;
  show();
}

function start(by, type) {
  remember();
  note.textContent = "";
  pointer = by;
  pointerType = type;
  stroke = { pen: width.value / 100, points: [] };
  drawing.strokes.push(stroke);
  expectAnswer();
}

function extend(event) {
  if (!stroke || event.pointerId !== pointer) return;
  const box = canvas.getBoundingClientRect();
  const places = event.type === "pointermove" ? event.getCoalescedEvents() : [];
  for (const place of places.length ? places : [event])
    stroke.points.push([(place.clientX - box.left) / box.height, (place.clientY - box.top) / box.height]);
  show();
  waiting ??= setTimeout(tell, PAUSE);
}

function end(event) {
  if (!stroke || event.pointerId !== pointer) return;
  // The browser cancels a touch that it takes for a palm.
  if (event.type === "pointercancel" && pointerType === "touch" && isStill()) discard();
  stroke = null;
  save();
  tellLast();
}
