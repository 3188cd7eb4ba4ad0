// What would change its mind? Asked by a button, see ../occlusion.py; the result is shown only beside the answer that it is about.

import { panel } from "./asking.js";

export function start(element, props) {
  const desk = element.closest("#desk");
  let isWanted = false;
  let clicks = 0;

  // About the drawing as it is now, so not before that has its answer.
  function ask() {
    if (!isWanted || desk.dataset.answer === "old") return;
    isWanted = false;
    clicks += 1;
    props.value = String(clicks);
  }

  element.querySelector("button").addEventListener("click", () => {
    isWanted = true;
    ask();
  });
  document.addEventListener("inkwell:drawing", () => (isWanted = false));
  const news = { attributes: true, attributeFilter: ["data-answer"], childList: true, subtree: true };
  new MutationObserver(() => {
    ask();
    const result = desk.querySelector("#occluded .parts");
    result?.classList.toggle("stale", result.dataset.asked !== panel()?.dataset.asked);
  }).observe(desk, news);
}
