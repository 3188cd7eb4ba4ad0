// A button that asks for more about the drawing, see ../app.py. The result is shown only beside the answer that it is about, in the
// element that the button names in aria-controls.

import { panel } from "./asking.js";

export function start(element, props) {
  const desk = element.closest("#desk");
  const button = element.querySelector("button");
  let isWanted = false;
  let clicks = 0;

  // About the drawing as it is now, so not before that has its answer.
  function ask() {
    if (!isWanted || desk.dataset.answer === "old") return;
    isWanted = false;
    clicks += 1;
    props.value = String(clicks);
  }

  button.addEventListener("click", () => {
    isWanted = true;
    ask();
  });
  document.addEventListener("inkwell:drawing", () => (isWanted = false));
  const news = { attributes: true, attributeFilter: ["data-answer"], childList: true, subtree: true };
  new MutationObserver(() => {
    ask();
    const result = desk.querySelector(`#${button.getAttribute("aria-controls")} .extra`);
    result?.classList.toggle("stale", result.dataset.asked !== panel()?.dataset.asked);
  }).observe(desk, news);
}
