// What the modules of the pad share: its elements on the page, and what is drawn.
//
// Strokes are kept as lines in units of the pad's height, not as pixels: what is sent depends neither on
// the screen's resolution nor on the pad's size, and the screen shows sharp lines at any of them.

export const PHOTO_QUALITY = 0.92;
const STEPS_BACK = 50; // of Undo

export const pad = {
  // each stroke a pen's width and a list of [x, y]; `photo` a canvas that lies under them, or null; `corrected` the digit that the
  // person says it is; `frames` the answers so far, see mind.js
  drawing: { strokes: [], photo: null, mode: "digit" },
  stroke: null, // the one being drawn
  pointer: null, // the finger, pen or mouse that draws it; "keys" for the keyboard
  pointerType: null, // "mouse", "pen", "touch" or "keys"
  until: null, // points of the drawing that are shown while it is replayed; null for all
  cursor: null, // where the keyboard's pen is
  earlier: [], // drawings that Undo goes back to
  later: [], // drawings that Redo goes forward to
  kept: [], // drawings of the history, the last one first
  waiting: null, // the timer of the next question
  asked: 0, // questions so far
  since: 1, // the first of them that is about what lies on the pad
};

// `element` is Gradio's component; setting `props.value` sends the drawing.
export function attach(element, props) {
  const find = (selector) => element.querySelector(selector);
  Object.assign(pad, {
    element,
    props,
    sheet: find(".sheet"),
    canvas: find("canvas"),
    hint: find(".hint"),
    boxes: find(".over"),
    strip: find(".strip"),
    note: find(".note"),
    undo: find(".undo"),
    redo: find(".redo"),
    clear: find(".clear"),
    photoButton: find(".photo"),
    file: find("input[type=file]"),
    width: find("input[type=range]"),
    modes: [...element.querySelectorAll("input[type=radio]")],
    desk: element.closest("#desk"),
  });
}

export const isEmpty = () => !pad.drawing.strokes.length && !pad.drawing.photo;
export const copy = (one) => ({ ...one, strokes: one.strokes.map(({ pen, points }) => ({ pen, points: [...points] })) });

// Places are rounded when they are drawn, so that a drawing that was saved is the same one to the last bit: a ten-thousandth of the
// pad's height is not seen.
export const DIGITS = 4;
export const place = (x, y) => [Number(x.toFixed(DIGITS)), Number(y.toFixed(DIGITS))];

// Before the drawing changes: Undo goes back to it.
export function remember() {
  pad.earlier = [...pad.earlier, copy(pad.drawing)].slice(-STEPS_BACK);
  pad.later = [];
}
