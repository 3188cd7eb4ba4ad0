// Drawing with mouse, pen and finger.

function begin(event) {
  if (stroke || event.button !== 0) return; // one at a time; a resting palm may be the browser's first
  event.preventDefault();
  cursor = null;
  canvas.setPointerCapture(event.pointerId);
  start(event.pointerId);
  extend(event);
}

function start(by) {
  remember();
  note.textContent = "";
  pointer = by;
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
  stroke = null;
  save();
  tellLast();
}
