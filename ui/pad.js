// The drawing pad. Gradio runs this text once, as the body of a function that is given `element`
// (this component) and `props` (its value; setting `props.value` tells the page).
//
// Strokes are kept as lines in units of the pad's height, not as pixels: what is sent depends neither on
// the screen's resolution nor on the pad's size, and the screen shows sharp lines at any of them.

const SENT_HEIGHT = 280; // pixels; ten times the 28 that the model sees
const ASPECT = { digit: 1, number: 2.4, compare: 1 }; // width over height of an empty pad
const HINT = { digit: "Draw a digit here", number: "Write a number here", compare: "Draw a digit here" };
const PAUSE = 150; // ms between two questions while a stroke is being drawn
const SETTLE = 50; // ms before the last one; Gradio lets questions overtake each other that come closer together
const STEPS_BACK = 50; // of Undo
const KEPT = 12; // drawings in the history
const THUMBNAIL = 56; // pixels high
const PHOTO_SIDE = 1600; // pixels of a photo's longer side; the model shrinks it further
const PHOTO_QUALITY = 0.92;
const KEY_STEP = 0.02; // of the pad's height, for one press of an arrow key
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const find = (selector) => element.querySelector(selector);
const [sheet, canvas, hint, note] = [".sheet", "canvas", ".hint", ".note"].map(find);
const [undo, clear, photoButton, file, width] = [".undo", ".clear", ".photo", "input[type=file]", "input[type=range]"].map(find);
const modes = [...element.querySelectorAll("input[type=radio]")];

// What is drawn: each stroke a pen's width and a list of [x, y]; `photo` a canvas that lies under them, or null.
let drawing = { strokes: [], photo: null, mode: "digit" };
let stroke = null; // the one being drawn
let pointer = null; // the finger, pen or mouse that draws it; "keys" for the keyboard
let cursor = null; // where the keyboard's pen is
let earlier = []; // drawings that Undo goes back to
let kept = []; // drawings of the history, the last one first
let waiting = null;
let asked = 0; // questions so far
let since = 1; // the first of them that is about what lies on the pad

const isEmpty = () => !drawing.strokes.length && !drawing.photo;
const aspect = () => (drawing.photo ? drawing.photo.width / drawing.photo.height : ASPECT[drawing.mode]);
const copy = (one) => ({ ...one, strokes: one.strokes.map(({ pen, points }) => ({ pen, points: [...points] })) });

function trace(context, { pen, points }) {
  context.lineWidth = pen;
  context.beginPath();
  if (points.length === 1) {
    context.arc(...points[0], pen / 2, 0, 2 * Math.PI);
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
  if (drawing.photo) context.drawImage(drawing.photo, 0, 0, target.width, target.height);
  context.setTransform(target.height, 0, 0, target.height, 0, 0);
  context.lineCap = context.lineJoin = "round";
  drawing.strokes.forEach((one) => trace(context, one));
}

function show() {
  sheet.style.aspectRatio = aspect();
  sheet.classList.toggle("has-photo", drawing.photo !== null);
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * window.devicePixelRatio)); // also wipes it
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * window.devicePixelRatio));
  paint(canvas);
  if (cursor) showCursor();
  hint.textContent = HINT[drawing.mode];
  hint.hidden = !isEmpty();
  clear.disabled = isEmpty();
  undo.disabled = !earlier.length;
}

function showCursor() {
  const context = canvas.getContext("2d");
  context.lineWidth = 0.01;
  context.beginPath();
  context.arc(...cursor, width.value / 200 + 0.01, 0, 2 * Math.PI);
  context.stroke();
}

function render(height) {
  const picture = document.createElement("canvas");
  picture.height = height;
  picture.width = Math.max(1, Math.round(height * aspect()));
  const context = picture.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, picture.width, picture.height);
  paint(picture);
  return picture;
}

function encode() {
  if (isEmpty()) return "";
  if (drawing.photo) return render(drawing.photo.height).toDataURL("image/jpeg", PHOTO_QUALITY);
  return render(SENT_HEIGHT).toDataURL("image/png");
}

function tell() {
  waiting = null;
  asked += 1;
  props.value = JSON.stringify({ mode: drawing.mode, picture: encode(), number: asked });
}

function tellLast() {
  clearTimeout(waiting);
  waiting = setTimeout(tell, SETTLE);
}

function remember() {
  earlier.push(copy(drawing));
  earlier = earlier.slice(-STEPS_BACK);
}

// Pointers

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
  tellLast();
}

// Keys

function aim() {
  cursor ??= [aspect() / 2, 0.5];
  show();
}

function move([x, y]) {
  const [atX, atY] = cursor;
  cursor = [Math.min(aspect(), Math.max(0, atX + x * KEY_STEP)), Math.min(1, Math.max(0, atY + y * KEY_STEP))];
  if (stroke && pointer === "keys") {
    stroke.points.push(cursor);
    waiting ??= setTimeout(tell, PAUSE);
  }
  show();
}

function liftOrLower() {
  if (stroke) {
    if (pointer !== "keys") return;
    stroke = null;
    tellLast();
    return;
  }
  start("keys");
  stroke.points.push(cursor);
  show();
  tellLast();
}

function onPadKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab") return;
  aim();
  if (event.key in ARROWS) move(ARROWS[event.key].map((step) => step * (event.shiftKey ? 3 : 1)));
  else if (event.key === " ") liftOrLower();
  else if (event.key === "Delete" || event.key === "Backspace") wipe();
  else if (event.key === "Escape") canvas.blur();
  else return;
  event.preventDefault();
}

function onKey(event) {
  const typing = event.target.closest?.("input:not([type=range], [type=radio]), textarea, [contenteditable]");
  if (!typing && (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z") {
    event.preventDefault();
    goBack();
  }
}

// Undo, clear, history

function goBack() {
  if (!earlier.length) return;
  put(earlier.pop());
}

function put(one) {
  drawing = one;
  since = asked + 1;
  stroke = null;
  modes.forEach((radio) => (radio.checked = radio.value === drawing.mode));
  show();
  tellLast();
}

function wipe() {
  if (isEmpty()) return;
  remember();
  keep();
  put({ strokes: [], photo: null, mode: drawing.mode });
}

// What the page last said of the drawing, perhaps before its last stroke was done.
function answer() {
  const panel = document.querySelector("#panel .answer");
  return panel && Number(panel.dataset.asked) >= since ? panel.dataset.label : "";
}

function keep() {
  if (isEmpty()) return;
  kept.unshift({ drawing: copy(drawing), picture: render(THUMBNAIL).toDataURL("image/png"), label: answer() });
  kept = kept.slice(0, KEPT);
  showHistory();
}

function showHistory() {
  document.querySelector("#history .history")?.replaceChildren(
    ...kept.map((entry) => {
      const button = document.createElement("button");
      const image = document.createElement("img");
      const label = document.createElement("span");
      button.type = "button";
      button.setAttribute("aria-label", `Put back the drawing ${entry.label ? `read as ${entry.label}` : "that had no answer yet"}`);
      image.src = entry.picture;
      image.alt = "";
      label.textContent = entry.label || "·";
      button.append(image, label);
      button.addEventListener("click", () => {
        remember();
        keepOther(entry);
        put(copy(entry.drawing));
      });
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
}

// What lies on the pad goes into the history before another drawing takes its place, unless it is there already.
function keepOther(entry) {
  const same = (one) => JSON.stringify(one.strokes) === JSON.stringify(drawing.strokes) && one.photo === drawing.photo;
  if (entry && kept.some((other) => same(other.drawing))) return;
  keep();
}

function choose(mode) {
  const fits = drawing.photo || drawing.strokes.every(({ points }) => points.every(([x]) => x <= ASPECT[mode]));
  remember();
  if (!fits) {
    keep();
    put({ strokes: [], photo: null, mode });
  } else put({ ...drawing, mode });
}

// Photos

async function take(blob) {
  if (!blob) return;
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    note.textContent = "This is not a picture that your browser can show. Choose a photo or a drawing, as PNG or JPEG.";
    return;
  }
  const shrink = Math.min(1, PHOTO_SIDE / Math.max(bitmap.width, bitmap.height));
  const photo = document.createElement("canvas");
  photo.width = Math.max(1, Math.round(bitmap.width * shrink));
  photo.height = Math.max(1, Math.round(bitmap.height * shrink));
  const context = photo.getContext("2d");
  context.fillStyle = "white"; // JPEG has no transparency
  context.fillRect(0, 0, photo.width, photo.height);
  context.drawImage(bitmap, 0, 0, photo.width, photo.height);
  bitmap.close();
  note.textContent = "";
  remember();
  keep();
  put({ strokes: [], photo, mode: drawing.mode });
}

const pictureIn = (files) => [...(files ?? [])].find(({ type }) => type.startsWith("image/"));

function onPaste(event) {
  const picture = pictureIn(event.clipboardData?.files);
  if (picture) {
    event.preventDefault();
    take(picture);
  }
}

function onDrop(event) {
  event.preventDefault();
  take(event.dataTransfer.files[0]);
}

// Without this a quick stroke is also a fling of the page, and the browser swallows the next tap, on Clear.
canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
canvas.addEventListener("pointerdown", begin);
canvas.addEventListener("pointermove", extend);
canvas.addEventListener("pointerup", end);
canvas.addEventListener("pointercancel", end);
canvas.addEventListener("keydown", onPadKey);
canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && aim());
canvas.addEventListener("blur", () => {
  if (pointer === "keys" && stroke) liftOrLower();
  cursor = null;
  show();
});
document.addEventListener("keydown", onKey);
document.addEventListener("paste", onPaste);
sheet.addEventListener("dragover", (event) => event.preventDefault());
sheet.addEventListener("drop", onDrop);
undo.addEventListener("click", goBack);
clear.addEventListener("click", wipe);
photoButton.addEventListener("click", () => file.click());
file.addEventListener("change", () => {
  take(file.files[0]);
  file.value = "";
});
modes.forEach((radio) => radio.addEventListener("change", () => choose(radio.value)));
new ResizeObserver(show).observe(canvas);
show();
