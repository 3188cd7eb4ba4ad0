// The small images of the panel, shown larger by a click on them.

export function start(element) {
  const dialog = element.querySelector("dialog.larger");
  document.addEventListener("click", ({ target }) => {
    const figure = target.closest?.("#panel figure.seen");
    if (figure && target.closest("button")) show(dialog, figure);
  });
  dialog.addEventListener("click", ({ target }) => (target === dialog || target.closest("button")) && dialog.close());
}

function show(dialog, figure) {
  const image = figure.querySelector("img");
  const [large] = dialog.getElementsByTagName("img");
  [large.src, large.alt] = [image.src, image.alt];
  const isHeat = figure.matches(".seen + .seen");
  dialog.querySelector("p").textContent = `${image.alt}. ${isHeat ? document.querySelector("#panel .why").textContent : ""}`;
  dialog.showModal();
}
