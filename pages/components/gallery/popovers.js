// Streamlit puts what a popover holds at the end of the page, behind everything else that the Tab
// key reaches. Here the key leads from the popover's button into it, and from its end on to what
// follows the button.

const BUTTON = '[data-testid="stPopover"] button[aria-expanded="true"]';
const BODY = '[data-testid="stPopoverBody"]';
const CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex]";
let listening = false;

export function followTab() {
  if (listening) return; // one module for the whole page, however many galleries there are
  listening = true;
  document.addEventListener("keydown", (event) => {
    const button = document.querySelector(BUTTON);
    const controls = [...document.querySelectorAll(`${BODY} :is(${CONTROLS})`)].filter(canBeReached);
    if (event.key !== "Tab" || !button || !controls.length) return;
    const there = document.activeElement;
    if (there === button && !event.shiftKey) {
      event.preventDefault();
      controls[0].focus();
    } else if (there === controls[0] && event.shiftKey) {
      event.preventDefault();
      button.focus();
    } else if (there === controls.at(-1) && !event.shiftKey) button.focus(); // and on from there
  });
}

function canBeReached(control) {
  return control.tabIndex >= 0 && !control.disabled && control.checkVisibility();
}
