// What the browser holds of maps and pictures; what was longest unused leaves first.

export const maps = new Map(); // address -> { ready: Promise, value once loaded, bytes }; last used last
export const BYTES_KEPT = 256 * 2 ** 20;
const PAUSES_MS = [500, 2000]; // before another try: a connection may fail for a moment
let bytesHeld = 0;

export function picture(address) {
  return remembered(address, async () => {
    const image = new Image();
    image.src = address;
    await image.decode();
    return image;
  });
}

export function heatmap(address) {
  return remembered(address, async () => {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(answer.statusText);
    return new Int16Array(await answer.arrayBuffer());
  });
}

function remembered(address, make) {
  const entry = maps.get(address) || { ready: null, value: null, bytes: 0 };
  maps.delete(address); // re-insert: the Map's order is the order of last use
  maps.set(address, entry);
  entry.ready ||= patiently(make).then(
    (value) => hold(entry, value),
    (error) => {
      maps.delete(address); // so that the next who asks tries again
      throw error;
    },
  );
  return entry;
}

async function patiently(make) {
  for (const pause of PAUSES_MS) {
    try {
      return await make();
    } catch {
      await new Promise((done) => setTimeout(done, pause));
    }
  }
  return make();
}

function hold(entry, value) {
  entry.value = value;
  entry.bytes = value.byteLength || 4 * value.naturalWidth * value.naturalHeight;
  bytesHeld += entry.bytes;
  for (const [address, other] of maps) {
    if (bytesHeld <= BYTES_KEPT) break;
    if (other === entry || !other.value) continue; // just come, or still on its way
    maps.delete(address);
    bytesHeld -= other.bytes;
  }
  return value;
}
