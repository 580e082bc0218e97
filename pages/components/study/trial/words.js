// What a trial says: beside its buttons, and to those who hear the page.

export function showText(element, text) {
  element.textContent = text || "";
  element.hidden = !text;
}

export function say(state, sentence) {
  state.status.textContent = sentence;
}

export function announce(state, sentence) {
  state.live.textContent = sentence.trim();
}

// While an answer is being saved nothing can be changed.
export function setSaving(state, saving) {
  state.fieldset.disabled = saving;
  state.next.setAttribute("aria-disabled", saving);
}
