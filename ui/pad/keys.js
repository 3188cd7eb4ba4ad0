// Drawing with the keyboard, and its shortcuts.

function aim() {
  cursor ??= [aspect() / 2, 0.5];
  show();
}

function move([x, y]) {
  const [atX, atY] = cursor;
  cursor = [Math.min(aspect(), Math.max(0, atX + x * KEY_STEP)), Math.min(1, Math.max(0, atY + y * KEY_STEP))];
  if (stroke && pointer === "keys") {
    stroke.points.push(cursor);
    waiting ??= setTimeout(tell, PAUSE);
  }
  show();
}

function liftOrLower() {
  if (stroke) {
    if (pointer !== "keys") return;
    stroke = null;
    tellLast();
    return;
  }
  start("keys", "keys");
  stroke.points.push(cursor);
  show();
  tellLast();
}

function onPadKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab") return;
  aim();
  if (event.key in ARROWS) move(ARROWS[event.key].map((step) => step * (event.shiftKey ? 3 : 1)));
  else if (event.key === " ") liftOrLower();
  else if (event.key === "Delete" || event.key === "Backspace") wipe();
  else if (event.key === "Escape") canvas.blur();
  else return;
  event.preventDefault();
}

function onKey(event) {
  const typing = event.target.closest?.("input:not([type=range], [type=radio]), textarea, [contenteditable]");
  if (!typing && (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z") {
    event.preventDefault();
    goBack();
  }
}
