// The drawing pad. Gradio runs this text once, as the body of a function that is given `element`
// (this component) and `props` (its value; setting `props.value` tells the page).
//
// Strokes are kept as lines in units of the pad, not as pixels: what is sent depends neither on the
// screen's resolution nor on the pad's size, and the screen shows sharp lines at any of them.

const SENT_SIDE = 280; // pixels; ten times the 28 that the model sees
const PEN = 0.075; // of the pad's side: 2 to 3 of 28 pixels once a digit is fitted to the model's image
const PAUSE = 150; // ms between two questions while a stroke is being drawn
const SETTLE = 50; // ms before the last one; Gradio lets questions overtake each other that come closer together

const canvas = element.querySelector("canvas");
const hint = element.querySelector(".hint");
const clear = element.querySelector(".clear");

let strokes = []; // each a list of [x, y], 0..1
let stroke = null; // the one being drawn
let pointer = null; // the finger, pen or mouse that draws it
let waiting = null;

function trace(context, points) {
  context.beginPath();
  if (points.length === 1) {
    context.arc(...points[0], PEN / 2, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  context.moveTo(...points[0]);
  for (let i = 0; i + 1 < points.length; i++) {
    const [x, y] = points[i];
    const [nextX, nextY] = points[i + 1];
    context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
  }
  context.lineTo(...points.at(-1));
  context.stroke();
}

function paint(target) {
  const context = target.getContext("2d");
  context.setTransform(target.width, 0, 0, target.height, 0, 0);
  context.lineWidth = PEN;
  context.lineCap = context.lineJoin = "round";
  strokes.forEach((points) => trace(context, points));
}

function show() {
  const side = Math.max(1, Math.round(canvas.clientWidth * window.devicePixelRatio));
  canvas.width = canvas.height = side; // also wipes it
  paint(canvas);
  hint.hidden = strokes.length > 0;
  clear.disabled = strokes.length === 0;
}

function asPng() {
  const sheet = document.createElement("canvas");
  sheet.width = sheet.height = SENT_SIDE;
  const context = sheet.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, SENT_SIDE, SENT_SIDE);
  paint(sheet);
  return sheet.toDataURL("image/png");
}

function tell() {
  waiting = null;
  props.value = strokes.length ? asPng() : "";
}

function tellLast() {
  clearTimeout(waiting);
  waiting = setTimeout(tell, SETTLE);
}

function begin(event) {
  if (stroke || event.button !== 0) return; // one at a time; a resting palm may be the browser's first
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  pointer = event.pointerId;
  stroke = [];
  strokes.push(stroke);
  extend(event);
}

function extend(event) {
  if (!stroke || event.pointerId !== pointer) return;
  const box = canvas.getBoundingClientRect();
  const places = event.type === "pointermove" ? event.getCoalescedEvents() : [];
  for (const place of places.length ? places : [event])
    stroke.push([(place.clientX - box.left) / box.width, (place.clientY - box.top) / box.height]);
  show();
  waiting ??= setTimeout(tell, PAUSE);
}

function end(event) {
  if (!stroke || event.pointerId !== pointer) return;
  stroke = null;
  tellLast();
}

function wipe() {
  strokes = [];
  stroke = null;
  show();
  tellLast();
}

// Without this a quick stroke is also a fling of the page, and the browser swallows the next tap, on Clear.
canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
canvas.addEventListener("pointerdown", begin);
canvas.addEventListener("pointermove", extend);
canvas.addEventListener("pointerup", end);
canvas.addEventListener("pointercancel", end);
clear.addEventListener("click", wipe);
new ResizeObserver(show).observe(canvas);
show();
