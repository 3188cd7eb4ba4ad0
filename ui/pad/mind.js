// How the ten probabilities changed while the drawing was made: a small chart, with a handle that shows the ink and the bars of that time.

import { showColumns, showStrip } from "./reply.js";
import { pointsIn, show } from "./sheet.js";
import { pad } from "./state.js";

const [WIDTH, HEIGHT, MARGIN] = [320, 84, 6]; // as in ../mind.html
const STEPS = 40; // of the handle
const NAMED = 0.3; // a digit that was ever this probable has its name in the chart

const asked = new Map(); // question -> the points that were drawn when it was asked

export function noteQuestion() {
  asked.set(pad.asked, pointsIn(pad.drawing));
}

// An answer is a frame: the points it was about, its label, its probabilities, and the names of what they are of.
export function noteFrame(panel) {
  const number = Number(panel?.dataset.asked);
  const points = asked.get(number);
  if (panel?.dataset.kind !== "digit" || !points || number < pad.since) return;
  for (const one of [...asked.keys()]) if (one <= number) asked.delete(one);
  const probabilities = [...panel.querySelectorAll(".bars .track")].map((track) => Number(track.ariaValueNow));
  const names = [...panel.querySelectorAll(".bars .name")].map(({ textContent }) => textContent);
  const before = frames().filter((frame) => frame.points < points);
  pad.drawing.frames = [...before, { points, label: panel.dataset.label, probabilities, names }];
  showMind();
}

const frames = () => (pad.drawing.frames ?? []).filter(({ points }) => points <= pointsIn(pad.drawing));

export function showMind() {
  const figure = document.querySelector("#mind .mind");
  if (!figure) return;
  const known = frames();
  figure.classList.toggle("told", known.length > 1);
  figure.querySelector("input").value = STEPS;
  figure.querySelector("svg").innerHTML = known.length > 1 ? toLines(known) : "";
  figure.querySelector(".moment").textContent = "";
}

function toLines(known) {
  const total = known.at(-1).points;
  const x = ({ points }) => MARGIN + ((WIDTH - 2 * MARGIN) * points) / total;
  const y = (share) => MARGIN + (HEIGHT - 2 * MARGIN) * (1 - share);
  const winner = largest(known.at(-1).probabilities);
  const { names } = known.at(-1);
  const lines = names.map((label, digit) => {
    const path = known.map((frame) => `${x(frame).toFixed(1)},${y(frame.probabilities[digit]).toFixed(1)}`);
    const peak = known.reduce((best, frame) => (frame.probabilities[digit] > best.probabilities[digit] ? frame : best));
    const at = `x="${(x(peak) - 3).toFixed(1)}" y="${Math.max(14, y(peak.probabilities[digit]) + 12).toFixed(1)}"`;
    const name = peak.probabilities[digit] >= NAMED ? `<text ${at} text-anchor="end">${escape(label)}</text>` : "";
    return `<g class="${digit === winner ? "winner" : "other"}"><polyline points="${path.join(" ")}"/>${name}</g>`;
  });
  return `${lines.join("")}<line x1="${WIDTH - MARGIN}" x2="${WIDTH - MARGIN}" y1="0" y2="${HEIGHT}"/>`;
}

const escape = (text) => text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
const largest = (shares) => shares.indexOf(Math.max(...shares));

function goTo(figure, step) {
  const known = frames();
  if (known.length < 2) return;
  const until = Math.max(1, Math.round((known.at(-1).points * step) / STEPS));
  const frame = known.findLast(({ points }) => points <= until) ?? known[0];
  pad.until = step < STEPS ? until : null;
  pad.desk.toggleAttribute("data-replay", step < STEPS);
  show();
  showFrame(frame);
  const share = Math.max(...frame.probabilities);
  const sentence = `At this point: ${frame.label === "?" ? "not like a digit, most like" : ""} ${frame.names[largest(frame.probabilities)]}, ${(share * 100).toFixed(1)}%.`;
  figure.querySelector(".moment").textContent = sentence;
  figure.querySelector("input").setAttribute("aria-valuetext", sentence);
  const at = MARGIN + ((WIDTH - 2 * MARGIN) * step) / STEPS;
  ["x1", "x2"].forEach((name) => figure.querySelector("line").setAttribute(name, at));
}

function showFrame({ label, probabilities, names }) {
  const digit = document.querySelector("#panel .digit");
  if (!digit) return;
  digit.textContent = label;
  showColumns(probabilities, largest(probabilities), names);
  showStrip();
}

export function start(element) {
  const figure = element.querySelector(".mind");
  figure.querySelector("input").addEventListener("input", ({ target }) => goTo(figure, Number(target.value)));
  document.addEventListener("inkwell:drawing", showMind);
}
