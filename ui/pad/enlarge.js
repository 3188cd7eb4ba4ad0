// A small image is shown larger by a click on it.

export function start(element) {
  const dialog = element.querySelector("dialog.larger");
  document.addEventListener("click", ({ target }) => {
    const figure = target.closest?.("#panel figure.seen");
    if (figure && target.closest("button")) showFigure(figure);
  });
  dialog.addEventListener("click", ({ target }) => (target === dialog || target.closest("button")) && dialog.close());
}

function showFigure(figure) {
  const { src, alt } = figure.querySelector("img");
  const isHeat = figure.matches(".seen + .seen");
  show(src, alt, isHeat ? document.querySelector("#panel .why").textContent : "");
}

// Of an image that is wider than high, `position` says which square is shown.
export function show(source, told, more, position = "") {
  const dialog = document.querySelector("#pad dialog.larger");
  const [large] = dialog.getElementsByTagName("img");
  [large.src, large.alt] = [source, told];
  large.style.objectPosition = position;
  dialog.querySelector("p").textContent = `${told}. ${more}`;
  dialog.showModal();
}
