// The ten digits to correct an answer with. A second click on the same digit takes the correction back.

export function start(element, props) {
  const buttons = Array.from({ length: 10 }, (_, digit) => toButton(String(digit)));
  let clicks = 0;

  function press(label) {
    buttons.forEach((button) => button.setAttribute("aria-pressed", button.textContent === label));
    document.querySelector("#kept").hidden = false;
  }

  function choose(digit) {
    clicks += 1;
    const isPressed = buttons[digit].getAttribute("aria-pressed") === "true";
    press(isPressed ? null : digit);
    document.dispatchEvent(new CustomEvent("inkwell:corrected", { detail: isPressed ? null : digit }));
    props.value = JSON.stringify({ label: isPressed ? null : digit, number: clicks });
  }

  buttons.forEach((button) => button.addEventListener("click", () => choose(button.textContent)));
  document.addEventListener("inkwell:drawing", ({ detail }) => {
    press(detail);
    document.querySelector("#kept").hidden = true; // its thanks belong to the drawing before
  });
  element.querySelector(".digits").append(...buttons);
}

function toButton(digit) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = digit;
  button.setAttribute("aria-label", `Keep this drawing as a ${digit}`);
  button.setAttribute("aria-pressed", "false");
  return button;
}
