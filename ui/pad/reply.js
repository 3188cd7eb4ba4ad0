// What the pad itself shows of an answer: the boxes around the digits of a number, and on a phone ten slim bars.

import { fillExamples } from "./examples.js";
import { pad } from "./state.js";

const find = (selector) => document.querySelector(`#panel ${selector}`);

export function showReply() {
  pad.boxes.replaceChildren(...[find("svg.boxes")?.cloneNode(true)].filter(Boolean));
  pad.boxes.firstChild?.removeAttribute("hidden");
  showStrip();
  fillExamples(find(".examples"));
}

// The strip has the columns of the panel as rows; they are empty where the panel has none.
function showStrip() {
  const columns = [...document.querySelectorAll("#panel .bars li")];
  pad.strip.classList.toggle("blank", !columns.length);
  if (columns.length) pad.strip.replaceChildren(...columns.map((column) => column.cloneNode(true)));
}
