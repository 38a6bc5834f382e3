// Short links put into the text of an SMS where the cursor stands; a link made on the way goes there at once.

const text = document.querySelector("[data-sms-text]");

function insert(address) {
  // A link ends at a blank: without one, the words behind it would belong to it.
  const before = text.value.slice(0, text.selectionStart);
  const after = text.value.slice(text.selectionEnd);
  const head = before && !/\s$/.test(before) ? " " : "";
  const tail = after && !/^\s/.test(after) ? " " : "";
  text.setRangeText(head + address + tail, text.selectionStart, text.selectionEnd, "end");
  text.dispatchEvent(new Event("input", { bubbles: true }));
  text.focus();
}

if (text) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert]");
    if (button) insert(button.dataset.insert);
  });
  document.body.addEventListener("link-made", (event) => {
    const dialog = document.getElementById("new-template");
    dialog.close();
    dialog.querySelector('[data-part="form"]').replaceChildren();
    insert(event.detail.url);
  });
}
