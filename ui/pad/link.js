// A drawing as the fragment of a link, which a browser never sends to a server: #d=MODE.PEN,x,y,dx,dy,….PEN,x,y,…
// Numbers are whole: ten-thousandths of the pad's height, in base 36.

import { keep, put } from "./history.js";
import { ASPECT } from "./sheet.js";
import { DIGITS, pad, place, remember } from "./state.js";

const UNIT = 10 ** DIGITS;
const MARK = "#d=";
const MOST = 200_000; // characters; far more than a hand draws
const SMALLEST_PEN = 0.01;
const LARGEST_PEN = 0.3;

const write = (share) => Math.round(share * UNIT).toString(36);

export function toFragment({ mode, strokes }) {
  const lines = strokes.map(({ pen, points }) => {
    const steps = points.map(([x, y], i) => (i ? [x - points[i - 1][0], y - points[i - 1][1]] : [x, y]));
    return [pen, ...steps.flat()].map(write).join(",");
  });
  return MARK + [mode, ...lines].join(".");
}

// What somebody else made up is not taken: null.
export function fromFragment(fragment) {
  if (!fragment.startsWith(MARK) || fragment.length > MOST) return null;
  const [mode, ...lines] = fragment.slice(MARK.length).split(".");
  const strokes = lines.map(toStroke);
  return Object.hasOwn(ASPECT, mode) && strokes.length && strokes.every(Boolean) ? { mode, strokes, photo: null } : null;
}

function toStroke(line) {
  const numbers = line.split(",").map((text) => (/^-?[0-9a-z]{1,6}$/.test(text) ? parseInt(text, 36) : NaN));
  const pen = numbers.shift() / UNIT;
  if (numbers.length < 2 || numbers.length % 2 || !(pen >= SMALLEST_PEN && pen <= LARGEST_PEN) || numbers.some(Number.isNaN)) return null;
  const points = [];
  let [x, y] = [0, 0];
  for (let i = 0; i < numbers.length; i += 2) {
    [x, y] = [x + numbers[i], y + numbers[i + 1]];
    points.push(place(x / UNIT, y / UNIT));
  }
  return { pen, points };
}

// Puts the drawing of this page's address on the pad; what lay there goes into the history.
export function openLink() {
  const drawing = fromFragment(location.hash);
  if (!drawing) return;
  history.replaceState(history.state, "", location.pathname + location.search); // a reload must not bring it back
  remember();
  keep();
  put(drawing);
}

export const linkTo = () => location.origin + location.pathname + toFragment(pad.drawing);
