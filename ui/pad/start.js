// The drawing pad: what is listened to. ui/app.py calls `start` once, with Gradio's component.

import { tellLast } from "./asking.js";
import { watchConnection } from "./connection.js";
import { start as enlarge } from "./enlarge.js";
import { choose, correct, forgetAll, goBack, goForward, wipe } from "./history.js";
import { aim, liftOrLower, onKey, onPadKey } from "./keys.js";
import { onDrop, onPaste, take } from "./photos.js";
import { openLink } from "./link.js";
import { begin, end, extend } from "./pointers.js";
import { showReply } from "./reply.js";
import { restore, save } from "./session.js";
import { show } from "./sheet.js";
import { attach, pad } from "./state.js";

export function start(element, props) {
  attach(element, props);
  listenToCanvas();
  listenToTools();
  listenToPage();
  enlarge(element);
  show();
  showReply();
  restore().then(openLink);
  watchConnection();
}

function listenToCanvas() {
  const { canvas } = pad;
  // Without this a quick stroke is also a fling of the page, and the browser swallows the next tap, on Clear.
  canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  canvas.addEventListener("pointerdown", begin);
  canvas.addEventListener("pointermove", extend);
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("keydown", onPadKey);
  canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && aim());
  canvas.addEventListener("blur", () => {
    if (pad.pointer === "keys" && pad.stroke) liftOrLower();
    pad.cursor = null;
    show();
  });
  new ResizeObserver(show).observe(canvas);
}

function listenToTools() {
  const { clear, file, modes, photoButton, redo, undo } = pad;
  undo.addEventListener("click", goBack);
  redo.addEventListener("click", goForward);
  clear.addEventListener("click", wipe);
  photoButton.addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    take(file.files[0]);
    file.value = "";
  });
  modes.forEach((radio) => radio.addEventListener("change", () => choose(radio.value)));
}

function listenToPage() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("paste", onPaste);
  pad.sheet.addEventListener("dragover", (event) => event.preventDefault());
  pad.sheet.addEventListener("drop", onDrop);
  document.addEventListener("click", ({ target }) => target.closest?.("#history .forget") && forgetAll());
  document.addEventListener("inkwell:corrected", ({ detail }) => correct(detail));
  window.addEventListener("hashchange", openLink);
  window.addEventListener("pagehide", save);
  document.addEventListener("visibilitychange", () => document.hidden && save());
  window.addEventListener("pageshow", ({ persisted }) => persisted && tellLast());
}
