// Inside the network: asked by a button; a click on a map shows it larger, and the arrow keys move from map to map.

import { start as offer } from "./demand.js";
import { show } from "./enlarge.js";

export function start(element, props) {
  offer(element, props);
  const layers = element.closest("#desk").querySelector("#layers");
  layers.addEventListener("click", ({ target }) => target.matches(".maps button") && enlarge(target));
  layers.addEventListener("keydown", (event) => {
    const next = event.target.matches(".maps button") && neighbour(event.target, event.key);
    if (!next) return;
    event.preventDefault(); // else the page scrolls
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

function neighbour(button, key) {
  const { previousElementSibling, nextElementSibling, parentElement } = button;
  const { firstElementChild, lastElementChild } = parentElement;
  return { ArrowLeft: previousElementSibling, ArrowRight: nextElementSibling, Home: firstElementChild, End: lastElementChild }[key];
}

function enlarge(button) {
  const { backgroundImage, backgroundPosition } = getComputedStyle(button);
  const told = `${button.ariaLabel}: ${button.parentElement.ariaLabel}`;
  show(backgroundImage.slice('url("'.length, -'")'.length), told, "", backgroundPosition);
}
