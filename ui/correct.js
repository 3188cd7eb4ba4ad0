// The ten digits to put an answer right with. Gradio runs this text once, with `element` and `props`; see pad/sheet.js.

const digits = element.querySelector(".digits");
let clicks = 0;

for (let digit = 0; digit < 10; digit++) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = digit;
  button.setAttribute("aria-label", `Keep this drawing as a ${digit}`);
  button.addEventListener("click", () => {
    clicks += 1;
    props.value = JSON.stringify({ label: String(digit), number: clicks });
  });
  digits.append(button);
}
