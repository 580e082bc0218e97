// Pictures of a trial: fetched before they are needed, shown when all of them are there.

const RETRY_PICTURES_MS = 3000;
const fetched = new Map(); // address -> Image, so that the browser keeps what it has decoded

// Asks for pictures that a later trial shows.
export function fetchAhead(addresses, present) {
  const wanted = new Set([...addresses, ...present]);
  for (const address of fetched.keys()) if (!wanted.has(address)) fetched.delete(address);
  for (const address of addresses) {
    if (fetched.has(address)) continue;
    const image = new Image();
    image.src = address;
    fetched.set(address, image);
    image.decode().catch(() => fetched.delete(address)); // tried again when it is shown
  }
}

// A picture with its reserved place; `ready` ends when it can be painted at once.
export function place(address, description) {
  const box = document.createElement("span");
  box.className = "box";
  box.style.display = "block";
  const image = new Image();
  image.alt = description;
  image.draggable = false;
  box.append(image);
  return { box, ready: load(image, box, address) };
}

async function load(image, box, address) {
  for (;;) {
    image.src = address;
    try {
      await image.decode();
      box.querySelector(".lost")?.remove();
      return;
    } catch {
      if (!box.querySelector(".lost")) {
        const lost = document.createElement("span");
        lost.className = "lost";
        lost.textContent = "This picture has not arrived yet. It is asked for again.";
        box.append(lost);
      }
      await new Promise((resume) => setTimeout(resume, RETRY_PICTURES_MS));
      image.removeAttribute("src");
    }
  }
}
