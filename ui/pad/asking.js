// Questions and their answers: what is drawn is sent, and an answer older than the drawing is dimmed.

import { noteQuestion } from "./mind.js";
import { showReply } from "./reply.js";
import { encode } from "./sheet.js";
import { pad } from "./state.js";

export const PAUSE = 150; // ms between two questions while a stroke is being drawn
const SETTLE = 50; // ms before the last one; Gradio lets questions overtake each other that come closer together

export const progress = { at: null }; // when the page began to wait, or got its last answer; null while nothing is unanswered

export const panel = () => document.querySelector("#panel .answer");

export function tell() {
  pad.waiting = null;
  pad.asked += 1;
  expectAnswer();
  noteQuestion();
  pad.props.value = JSON.stringify({ mode: pad.drawing.mode, picture: encode(), number: pad.asked });
}

export function tellSoon() {
  pad.waiting ??= setTimeout(tell, PAUSE);
}

export function tellLast() {
  clearTimeout(pad.waiting);
  pad.waiting = setTimeout(tell, SETTLE);
}

// The drawing is newer than the answer.
export function expectAnswer() {
  progress.at ??= Date.now();
  pad.desk.dataset.answer = "old";
  pad.until = null;
  pad.desk.removeAttribute("data-replay");
}

// Called whenever the panel changes. An answer that names no question is a refusal of what was sent.
export function noteAnswer() {
  showReply();
  if (progress.at === null || !panel()) return false;
  const { asked, state } = panel().dataset;
  progress.at = Date.now();
  const isNewest = Number(asked) >= pad.asked || (asked === "0" && state === "trouble");
  if (isNewest && !pad.waiting) {
    // `waiting`: the drawing has changed since it was last sent
    progress.at = null;
    delete pad.desk.dataset.answer;
  }
  return true;
}

// What the page last said of the drawing, perhaps before its last stroke was done.
export function answer() {
  return panel() && Number(panel().dataset.asked) >= pad.since ? panel().dataset.label : "";
}
