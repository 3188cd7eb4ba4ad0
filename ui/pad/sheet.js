// The drawing pad: what is drawn, how it is shown, and how the page is told. Gradio runs the scripts of this folder once, one after
// another as they are listed in ui/app.py, as the body of one function that is given `element` (this component) and `props` (its
// value; setting `props.value` tells the page).
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
let pointerType = null; // of the one that draws: "mouse", "pen", "touch" or "keys"
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
  expectAnswer();
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
