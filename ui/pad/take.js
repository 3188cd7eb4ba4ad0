// Take it away: the drawing as a link, drawing and answer as a picture, the question as code.

import { linkTo } from "./link.js";
import { encode, render } from "./sheet.js";
import { isEmpty, pad } from "./state.js";

const SIDE = 480; // pixels of the picture's height

// `props.value` holds what depends on the page's settings; see ../snippets.py.
export function start(element, props) {
  const asked = JSON.parse(props.value);
  const find = (selector) => element.querySelector(selector);
  const dialog = find("dialog");
  const say = (sentence) => (find(".taken").textContent = sentence);
  find(".link").addEventListener("click", async () => say(await copyLink()));
  find(".picture").addEventListener("click", savePicture);
  find(".code").addEventListener("click", () => {
    const picture = encode().split(",")[1];
    find(".curl").value = curl(asked, picture);
    find(".python").value = python(asked, picture);
    find(".put-in").textContent = asked.note;
    dialog.showModal();
  });
  find(".close").addEventListener("click", () => dialog.close());
  document.addEventListener("inkwell:drawing", () => say(""));
}

async function copyLink() {
  if (isEmpty() || pad.drawing.photo) return "A link holds only what is drawn with the pen.";
  try {
    await navigator.clipboard.writeText(linkTo());
    return "Copied. The drawing is in the link itself; this server does not get it.";
  } catch {
    prompt("Copy this link", linkTo()); // without TLS a browser has no clipboard
    return "";
  }
}

function savePicture() {
  const link = document.createElement("a");
  link.download = `inkwell-${document.querySelector("#panel .answer").dataset.label.replace("?", "") || "drawing"}.png`;
  link.href = toPicture().toDataURL("image/png");
  link.click();
}

// The drawing, and below it what the page says of it.
function toPicture() {
  const drawing = render(SIDE);
  const picture = document.createElement("canvas");
  [picture.width, picture.height] = [Math.max(SIDE, drawing.width), SIDE + 64];
  const context = picture.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, picture.width, picture.height);
  context.drawImage(drawing, 0, 0);
  context.fillStyle = "#1c2333";
  context.font = "22px system-ui, sans-serif";
  context.fillText(document.querySelector("#panel .sentence").textContent, 16, SIDE + 40, picture.width - 32);
  return picture;
}

const curl = ({ url }, picture) => `curl -s --data-binary @- ${url} <<'END'
{"signature_name": "drawings", "instances": [{"b64": "${picture}"}]}
END`;

const python = ({ connect }, picture) => `import base64
from serving.client import connect

PICTURE = "${picture}"
with connect(${connect}) as client:
    [drawing] = client.read([base64.b64decode(PICTURE)])
print(drawing.label, drawing.probabilities.max())`;
