// Undo, Clear, the ways to read, and the strip of the last drawings.

function goBack() {
  if (!earlier.length) return;
  put(earlier.pop());
}

function put(one) {
  drawing = one;
  since = asked + 1;
  stroke = null;
  modes.forEach((radio) => (radio.checked = radio.value === drawing.mode));
  show();
  save();
  expectAnswer();
  tellLast();
}

function wipe() {
  if (isEmpty()) return;
  remember();
  keep();
  put({ strokes: [], photo: null, mode: drawing.mode });
}

// What the page last said of the drawing, perhaps before its last stroke was done.
function answer() {
  const panel = document.querySelector("#panel .answer");
  return panel && Number(panel.dataset.asked) >= since ? panel.dataset.label : "";
}

// What lies on the pad goes into the history before something else takes its place, unless it is there already.
function keep() {
  const same = (one) => one.photo === drawing.photo && JSON.stringify(one.strokes) === JSON.stringify(drawing.strokes);
  if (isEmpty() || kept.some((entry) => same(entry.drawing))) return;
  kept.unshift({ drawing: copy(drawing), picture: render(THUMBNAIL).toDataURL("image/png"), label: answer() });
  kept = kept.slice(0, KEPT);
  showHistory();
}

function showHistory() {
  document.querySelector("#history .history")?.replaceChildren(
    ...kept.map((entry) => {
      const button = document.createElement("button");
      const image = document.createElement("img");
      const label = document.createElement("span");
      button.type = "button";
      button.setAttribute("aria-label", `Put back the drawing ${entry.label ? `read as ${entry.label}` : "that had no answer yet"}`);
      image.src = entry.picture;
      image.alt = "";
      label.textContent = entry.label || "·";
      button.append(image, label);
      button.addEventListener("click", () => {
        remember();
        keep();
        put(copy(entry.drawing));
      });
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
}

function choose(mode) {
  const fits = drawing.photo || drawing.strokes.every(({ points }) => points.every(([x]) => x <= ASPECT[mode]));
  remember();
  if (!fits) {
    keep();
    put({ strokes: [], photo: null, mode });
  } else put({ ...drawing, mode });
}
