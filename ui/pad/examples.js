// Three examples on the empty page. A tap draws one stroke by stroke, as a hand would, and the page reads it meanwhile.

import { expectAnswer, tellLast, tellSoon } from "./asking.js";
import { put } from "./history.js";
import { save } from "./session.js";
import { ASPECT, show } from "./sheet.js";
import { pad, place, remember } from "./state.js";

const PEN = 0.075; // of the pad's height
const SPEED = 1.1; // pad's heights a second, about that of a hand
const LIFTED = 0.16; // seconds between two strokes
const THUMBNAIL = 56; // pixels high

// Lines in hundredths of the pad's height: x1 y1 x2 y2 …
const THREE = [[35, 26, 43, 20, 52, 19, 60, 23, 63, 31, 59, 40, 51, 45, 44, 47, 54, 48, 62, 54, 65, 63, 61, 73, 52, 79, 42, 78, 34, 73]];
const FIVE = [
  [41, 21, 40, 30, 38, 41, 37, 46, 46, 43, 55, 45, 63, 52, 65, 61, 62, 71, 54, 78, 44, 79, 35, 74],
  [41, 21, 50, 21, 59, 20, 67, 20],
];
const FOUR = [
  [40, 19, 37, 29, 33, 40, 30, 51, 41, 52, 53, 51, 68, 50],
  [60, 21, 59, 34, 58, 48, 57, 63, 56, 80],
];
const TWO = [[33, 35, 35, 27, 41, 21, 50, 19, 59, 22, 64, 30, 63, 40, 57, 51, 48, 62, 39, 71, 32, 78, 42, 77, 53, 77, 64, 78, 71, 78]];

const toPoints = (line, left) => line.flatMap((x, i) => (i % 2 ? [] : [place((x + left) / 100, line[i + 1] / 100)]));
const toStrokes = (lines, left = 0) => lines.map((line) => toPoints(line, left));

const EXAMPLES = [
  { name: "3", mode: "digit", strokes: toStrokes(THREE) },
  { name: "5", mode: "digit", strokes: toStrokes(FIVE) },
  { name: "42", mode: "number", strokes: [...toStrokes(FOUR, 35), ...toStrokes(TWO, 100)] },
];

export function fillExamples(group) {
  if (group && !group.children.length) group.append(...EXAMPLES.map(toButton));
}

function toButton(example) {
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-label", `Watch ${example.name} being drawn`);
  button.innerHTML = toSvg(example);
  button.addEventListener("click", () => replay(example));
  return button;
}

function toSvg({ mode, strokes }) {
  const lines = strokes.map((points) => `<polyline points="${points.join(" ")}"/>`).join("");
  return `<svg viewBox="0 0 ${ASPECT[mode]} 1" height="${THUMBNAIL}" width="${THUMBNAIL * ASPECT[mode]}" aria-hidden="true">${lines}</svg>`;
}

// From the second to the third of four coordinates, as a Catmull-Rom spline.
const between = ([a, b, c, d], t) => b + (t / 2) * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));

// The places of a pen on its way along a line, a sixtieth of a second apart.
function* along(points) {
  yield points[0];
  const ends = [points[0], ...points, points.at(-1)];
  for (let i = 0; i + 1 < points.length; i++) {
    const around = ends.slice(i, i + 4);
    const [[x, y], [nextX, nextY]] = around.slice(1);
    const steps = Math.max(1, Math.round((Math.hypot(nextX - x, nextY - y) / SPEED) * 60));
    for (let n = 1; n <= steps; n++) yield place(...[0, 1].map((axis) => between(around.map((point) => point[axis]), n / steps)));
  }
}

const isCalm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const frame = () => new Promise((done) => setTimeout(done, 1000 / 60));

async function replay({ mode, strokes }) {
  const keepsMode = mode === "digit" && pad.drawing.mode === "compare";
  const drawing = { strokes: [], photo: null, mode: keepsMode ? "compare" : mode };
  remember();
  if (isCalm()) return put({ ...drawing, strokes: strokes.map((points) => ({ pen: PEN, points: [...along(points)] })) });
  put(drawing);
  pad.canvas.focus({ preventScroll: true }); // the button goes with the empty page
  let begun = 0;
  const isAlone = () => pad.drawing === drawing && drawing.strokes.length === begun; // else somebody draws, or took another drawing
  for (const points of strokes) {
    if (!isAlone()) return;
    const stroke = { pen: PEN, points: [] };
    begun = drawing.strokes.push(stroke);
    for (const point of along(points)) {
      if (!isAlone()) return;
      stroke.points.push(point);
      expectAnswer();
      show();
      tellSoon();
      await frame();
    }
    await new Promise((done) => setTimeout(done, LIFTED * 1000));
  }
  if (!isAlone()) return;
  save();
  tellLast();
}
