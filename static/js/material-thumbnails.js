// Small pictures of materials that have none yet: drawn one after the other from what the page shows, and kept.

const SIDE = 480;
const MOST_BYTES = 200 * 1024;
const SEE_THROUGH = ["png", "gif"];

const blobOf = (canvas, type) => new Promise((done) => canvas.toBlob(done, type, 0.85));

/** A small picture of an element of `width` × `height` pixels. */
async function draw(element, width, height, seeThrough) {
  const scale = Math.min(1, SIDE / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const pen = canvas.getContext("2d");
  pen.drawImage(element, 0, 0, canvas.width, canvas.height);
  if (seeThrough) {
    const blob = await blobOf(canvas, "image/png");
    if (blob && blob.size <= MOST_BYTES) return blob;
  }
  // A JPG has no transparent pixels: they become white, not black.
  pen.globalCompositeOperation = "destination-over";
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  return blobOf(canvas, "image/jpeg");
}

async function ofPicture(image) {
  const copy = new Image();
  copy.src = image.src;
  await copy.decode();
  return draw(copy, copy.naturalWidth, copy.naturalHeight, SEE_THROUGH.includes(image.dataset.format));
}

async function ofVideo(place) {
  const video = Object.assign(document.createElement("video"), { muted: true, preload: "auto", playsInline: true });
  await new Promise((done, fail) => {
    video.addEventListener("loadeddata", done, { once: true });
    video.addEventListener("error", fail, { once: true });
    video.src = place.dataset.video;
  });
  const blob = await draw(video, video.videoWidth, video.videoHeight, false);
  video.removeAttribute("src");
  video.load();
  return blob;
}

async function keep(place) {
  const blob = await (place.dataset.video ? ofVideo(place) : ofPicture(place));
  if (!blob || blob.size > MOST_BYTES) return;
  const body = new FormData();
  body.append("file", blob, "small");
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
  const answer = await fetch(place.dataset.thumbnail, { method: "POST", body, headers: { "X-CSRFToken": token } });
  if (answer.ok && place.dataset.video) {
    const image = Object.assign(new Image(), { src: place.dataset.thumbnail, alt: "", className: "object-fit-contain" });
    place.replaceWith(image);
  }
}

let line = Promise.resolve();

function prepare() {
  for (const place of document.querySelectorAll("[data-thumbnail]:not([data-ready])")) {
    place.dataset.ready = "";
    // A video that the browser cannot play keeps its sign.
    line = line.then(() => keep(place).catch(() => {}));
  }
}

document.addEventListener("htmx:afterSettle", prepare);
prepare();
