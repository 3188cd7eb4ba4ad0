// Photos: chosen, pasted, dropped.

async function take(blob) {
  if (!blob) return;
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    note.textContent = "This is not a picture that your browser can show. Choose a photo or a drawing, as PNG or JPEG.";
    return;
  }
  const shrink = Math.min(1, PHOTO_SIDE / Math.max(bitmap.width, bitmap.height));
  const photo = document.createElement("canvas");
  photo.width = Math.max(1, Math.round(bitmap.width * shrink));
  photo.height = Math.max(1, Math.round(bitmap.height * shrink));
  const context = photo.getContext("2d");
  context.fillStyle = "white"; // JPEG has no transparency
  context.fillRect(0, 0, photo.width, photo.height);
  context.drawImage(bitmap, 0, 0, photo.width, photo.height);
  bitmap.close();
  note.textContent = "";
  remember();
  keep();
  put({ strokes: [], photo, mode: drawing.mode });
}

const pictureIn = (files) => [...(files ?? [])].find(({ type }) => type.startsWith("image/"));

function onPaste(event) {
  const picture = pictureIn(event.clipboardData?.files);
  if (picture) {
    event.preventDefault();
    take(picture);
  }
}

function onDrop(event) {
  event.preventDefault();
  take(event.dataTransfer.files[0]);
}
