// Files that are dropped anywhere on the page, or pasted, go where they could have been dropped
// as well: into the sidebar's field for uploads.

const FIELD = '[data-testid="stSidebar"] [data-testid="stFileUploaderDropzoneInput"]';
let listening = false;

export function takeFiles() {
  if (listening) return; // one module for the whole page, however many galleries there are
  listening = true;
  document.addEventListener("paste", (event) => take(event, event.clipboardData));
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files") && field()) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!event.target.closest?.('[data-testid="stFileUploaderDropzone"]')) take(event, event.dataTransfer);
  });
}

function field() {
  return document.querySelector(FIELD);
}

function take(event, brought) {
  const input = field();
  if (!input || !brought?.files.length) return;
  event.preventDefault();
  const files = new DataTransfer();
  for (const file of brought.files) files.items.add(file);
  input.files = files.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}
