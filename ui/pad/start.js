// What is listened to. Last, since it needs all the others.

// Without this a quick stroke is also a fling of the page, and the browser swallows the next tap, on Clear.
canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
canvas.addEventListener("pointerdown", begin);
canvas.addEventListener("pointermove", extend);
canvas.addEventListener("pointerup", end);
canvas.addEventListener("pointercancel", end);
canvas.addEventListener("keydown", onPadKey);
canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && aim());
canvas.addEventListener("blur", () => {
  if (pointer === "keys" && stroke) liftOrLower();
  cursor = null;
  show();
});
document.addEventListener("keydown", onKey);
document.addEventListener("paste", onPaste);
sheet.addEventListener("dragover", (event) => event.preventDefault());
sheet.addEventListener("drop", onDrop);
undo.addEventListener("click", goBack);
clear.addEventListener("click", wipe);
photoButton.addEventListener("click", () => file.click());
file.addEventListener("change", () => {
  take(file.files[0]);
  file.value = "";
});
modes.forEach((radio) => radio.addEventListener("change", () => choose(radio.value)));
new ResizeObserver(show).observe(canvas);
window.addEventListener("pagehide", save);
document.addEventListener("visibilitychange", () => document.hidden && save());
window.addEventListener("pageshow", ({ persisted }) => persisted && tellLast());
show();
restore();
watchConnection();
