// Photos: chosen, pasted, dropped.

import { keep, put } from "./history.js";
import { pad, remember } from "./state.js";

const LONGEST_SIDE = 1600; // pixels; the model shrinks it further
const SVG_SIDE = 1000; // pixels of a drawing that says no size
const NO_PICTURE = "This is not a picture that your browser can show. Choose a photo or a drawing, as PNG or JPEG.";
const HEIC = "This is a photo in Apple's format HEIC, which your browser cannot show. Save it as JPEG, or take a screenshot of it.";

async function open(blob) {
  if (!blob.type.startsWith("image/svg")) return createImageBitmap(blob, { imageOrientation: "from-image" });
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  await image.decode();
  URL.revokeObjectURL(image.src);
  image.width ||= SVG_SIDE;
  image.height ||= SVG_SIDE;
  return image;
}

// An ISO media file says its brand in bytes 4 to 11: ftypheic, ftypheix, ftypmif1, …
const isHeic = async (blob) => /^ftyp(hei|hev|mif1|msf1)/.test(await blob.slice(4, 12).text());

export async function take(blob) {
  if (!blob) return;
  let photo;
  try {
    photo = toCanvas(await open(blob));
  } catch {
    pad.note.textContent = (await isHeic(blob)) ? HEIC : NO_PICTURE;
    return;
  }
  pad.note.textContent = "";
  remember();
  keep();
  put({ strokes: [], photo, mode: pad.drawing.mode });
}

function toCanvas(picture) {
  const shrink = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
  const photo = document.createElement("canvas");
  photo.width = Math.max(1, Math.round(picture.width * shrink));
  photo.height = Math.max(1, Math.round(picture.height * shrink));
  const context = photo.getContext("2d");
  context.fillStyle = "white"; // JPEG has no transparency
  context.fillRect(0, 0, photo.width, photo.height);
  context.drawImage(picture, 0, 0, photo.width, photo.height);
  picture.close?.();
  context.getImageData(0, 0, 1, 1); // throws where an SVG embeds something foreign: no browser lets a page read that
  return photo;
}

const pictureIn = (files) => [...(files ?? [])].find(({ type }) => type.startsWith("image/"));

export function onPaste(event) {
  const picture = pictureIn(event.clipboardData?.files);
  if (picture) {
    event.preventDefault();
    take(picture);
  }
}

export function onDrop(event) {
  event.preventDefault();
  take(event.dataTransfer.files[0]);
}
