// What is drawn, Undo and the history survive a reload, a step back in the browser and a restart of the page's process: they are kept
// in this tab's sessionStorage, and nowhere else.

import { put, showHistory } from "./history.js";
import { ASPECT } from "./sheet.js";
import { isEmpty, pad, PHOTO_QUALITY } from "./state.js";

const SAVED_AS = "inkwell";

const photoUrls = new WeakMap(); // of a photo's canvas: encoding it once is enough

function photoUrl(photo) {
  if (!photoUrls.has(photo)) photoUrls.set(photo, photo.toDataURL("image/jpeg", PHOTO_QUALITY));
  return photoUrls.get(photo);
}

// The state as JSON; a photo that several drawings share is written once.
function toJson({ earlier, later, kept }) {
  const photos = [];
  const plain = (one) => {
    if (one.photo && !photos.includes(one.photo)) photos.push(one.photo);
    return { ...one, photo: one.photo ? photos.indexOf(one.photo) : null };
  };
  const state = {
    drawing: plain(pad.drawing),
    pen: pad.width.value,
    earlier: earlier.map(plain),
    later: later.map(plain),
    kept: kept.map((entry) => ({ ...entry, drawing: plain(entry.drawing) })),
  };
  return JSON.stringify({ ...state, photos: photos.map(photoUrl) });
}

export function save() {
  for (const part of [pad, { earlier: [], later: [], kept: [] }]) {
    try {
      sessionStorage.setItem(SAVED_AS, toJson(part));
      return;
    } catch {
      // Too much for the browser, as with many photos: without the history then. Where storage is switched off, nothing is kept.
    }
  }
}

// What another version of the page, or a hand, put there is not taken: half of it on the pad would break the page for good.
const isPicture = (url) => /^data:image\/(png|jpeg);/.test(url);
const isStroke = ({ pen, points }) => Number.isFinite(pen) && points.every((point) => point.length === 2 && point.every(Number.isFinite));
const isFrame = ({ points, label, probabilities, names }) =>
  [points, ...probabilities].every(Number.isFinite) && [label, ...names].every((text) => typeof text === "string") && names.length === probabilities.length;

function isWhole({ drawing, earlier, later, kept, photos }) {
  const isDrawing = ({ strokes, photo, mode, frames = [] }) =>
    Object.hasOwn(ASPECT, mode) && (photo === null || photo in photos) && strokes.every(isStroke) && frames.every(isFrame);
  const drawings = [drawing, ...earlier, ...later, ...kept.map((entry) => entry.drawing)];
  return drawings.every(isDrawing) && [...photos, ...kept.map(({ picture }) => picture)].every(isPicture);
}

async function toCanvas(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const photo = document.createElement("canvas");
  [photo.width, photo.height] = [image.width, image.height];
  photo.getContext("2d").drawImage(image, 0, 0);
  photoUrls.set(photo, url);
  return photo;
}

export async function restore() {
  try {
    const state = JSON.parse(sessionStorage.getItem(SAVED_AS));
    if (!state) return;
    if (!isWhole(state)) throw new TypeError("not what this page saved");
    const photos = await Promise.all(state.photos.map(toCanvas));
    if (!isEmpty()) return; // somebody was faster
    const whole = (one) => ({ ...one, photo: one.photo === null ? null : photos[one.photo] });
    pad.width.value = state.pen;
    pad.earlier = state.earlier.map(whole);
    pad.later = state.later.map(whole);
    pad.kept = state.kept.map((entry) => ({ ...entry, drawing: whole(entry.drawing) }));
    put(whole(state.drawing));
    showHistory();
  } catch {
    sessionStorage.removeItem(SAVED_AS); // it was not written by this version of the page
  }
}
