// What the pad itself shows of an answer: the boxes around the digits of a number, and on a phone ten slim bars.

import { fillExamples } from "./examples.js";
import { noteFrame } from "./mind.js";
import { pad } from "./state.js";

const find = (selector) => document.querySelector(`#panel ${selector}`);

export function showReply() {
  pad.boxes.replaceChildren(...[find("svg.boxes")?.cloneNode(true)].filter(Boolean));
  pad.boxes.firstChild?.removeAttribute("hidden");
  showStrip();
  noteFrame(find(".answer"));
  fillExamples(find(".examples"));
}

// The strip has the columns of the panel as rows; they are empty where the panel has none.
export function showStrip() {
  const columns = [...document.querySelectorAll("#panel .bars li")];
  pad.strip.classList.toggle("blank", !columns.length);
  if (columns.length) pad.strip.replaceChildren(...columns.map((column) => column.cloneNode(true)));
}

// Other probabilities in the columns of the panel, as when the drawing is replayed; the two most probable rows follow.
export function showColumns(probabilities, winner, names) {
  document.querySelectorAll("#panel .bars li").forEach((column, digit) => {
    column.className = digit === winner ? "winner" : "other";
    const track = column.querySelector(".track");
    track.ariaValueNow = probabilities[digit];
    track.ariaValueText = percent(probabilities[digit]);
    track.firstChild.style.setProperty("--share", percent(probabilities[digit]));
  });
  const order = probabilities.map((_, digit) => digit).sort((one, other) => probabilities[other] - probabilities[one]);
  document.querySelectorAll("#panel .leaders li").forEach((row, place) => {
    const share = probabilities[order[place]];
    row.querySelector(".name").textContent = names[order[place]];
    row.querySelector(".track span").style.setProperty("--share", percent(share));
    row.querySelector(".share").textContent = share < 0.001 ? "–" : share >= 0.9995 ? ">99.9%" : percent(share);
  });
}

const percent = (share) => `${(share * 100).toFixed(1)}%`;
