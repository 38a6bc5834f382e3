// Templates and signatures that the chosen platform does not take stand in their lists with the reason, but cannot be chosen.

const reasons = JSON.parse(document.getElementById("platform-reasons")?.textContent ?? "{}");
const provider = document.querySelector('select[name="provider"]');
const lists = [...document.querySelectorAll('select[name="signature"], select[name="template"], select[name^="template_"]')];

function show() {
  for (const list of lists) {
    const choice = list.tomselect;
    const said = reasons[list.name.split("_")[0]]?.[provider.value] ?? {};
    for (const [key, option] of Object.entries(choice.options)) {
      option.plain ??= option.text;
      const reason = said[key];
      // What was chosen before stays to be seen; the next page says what is in its way.
      choice.updateOption(key, { ...option, text: reason ? `${option.plain} – ${reason}` : option.plain, disabled: Boolean(reason) && list.value !== key });
    }
  }
}

if (provider) {
  provider.addEventListener("change", show);
  if (document.readyState === "complete") show();
  else window.addEventListener("load", show);
}
