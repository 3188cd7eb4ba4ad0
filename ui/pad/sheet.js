// How the drawing is shown on the pad, and made into the picture that is sent.

import { isEmpty, pad, PHOTO_QUALITY } from "./state.js";

const SENT_HEIGHT = 280; // pixels; ten times the 28 that the model sees
export const ASPECT = { digit: 1, number: 2.4, compare: 1 }; // width over height of an empty pad
const HINT = { digit: "Draw a digit here", number: "Write a number here", compare: "Draw a digit here" };

export const aspect = () => (pad.drawing.photo ? pad.drawing.photo.width / pad.drawing.photo.height : ASPECT[pad.drawing.mode]);

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

export const pointsIn = ({ strokes }) => strokes.reduce((sum, { points }) => sum + points.length, 0);

// The strokes up to so many points.
function begun(strokes, left) {
  return strokes.map(({ pen, points }) => {
    const shown = points.slice(0, Math.max(0, left));
    left -= points.length;
    return { pen, points: shown };
  });
}

function paint(target, points = Infinity) {
  const context = target.getContext("2d");
  if (pad.drawing.photo) context.drawImage(pad.drawing.photo, 0, 0, target.width, target.height);
  context.setTransform(target.height, 0, 0, target.height, 0, 0);
  context.lineCap = context.lineJoin = "round";
  begun(pad.drawing.strokes, points).filter(({ points }) => points.length).forEach((one) => trace(context, one));
}

export function show() {
  const { canvas, sheet } = pad;
  sheet.style.setProperty("--aspect", aspect());
  sheet.classList.toggle("has-photo", pad.drawing.photo !== null);
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * window.devicePixelRatio)); // also wipes it
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * window.devicePixelRatio));
  paint(canvas, pad.until ?? Infinity);
  if (pad.cursor) showCursor();
  pad.hint.textContent = HINT[pad.drawing.mode];
  pad.hint.hidden = !isEmpty();
  pad.clear.disabled = isEmpty();
  pad.undo.disabled = !pad.earlier.length;
  pad.redo.disabled = !pad.later.length;
}

function showCursor() {
  const context = pad.canvas.getContext("2d");
  context.lineWidth = 0.01;
  context.beginPath();
  context.arc(...pad.cursor, pad.width.value / 200 + 0.01, 0, 2 * Math.PI);
  context.stroke();
}

export function render(height) {
  const picture = document.createElement("canvas");
  picture.height = height;
  picture.width = Math.max(1, Math.round(height * aspect()));
  const context = picture.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, picture.width, picture.height);
  paint(picture);
  return picture;
}

export function encode() {
  if (isEmpty()) return "";
  if (pad.drawing.photo) return render(pad.drawing.photo.height).toDataURL("image/jpeg", PHOTO_QUALITY);
  return render(SENT_HEIGHT).toDataURL("image/png");
}
