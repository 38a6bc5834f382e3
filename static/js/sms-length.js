// The length of an SMS and the parts that it is billed as: the same rules as marketing/content/sms_length.py.

const BASIC =
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION = "\f^{}\\[~]|€";
const GSM = new Set(BASIC + EXTENSION);
const PARAMETER = /\$\{sp_[0-9A-Za-z]{6}\}/g;
const UCS2_ALPHABET = { single: 70, part: 67, isDouble: (sign) => sign.length > 1 };
const GSM_ALPHABET = { single: 160, part: 153, isDouble: (sign) => EXTENSION.includes(sign) };

/** The signature as it stands in front of the text; nothing where it is the sender. */
export function signed(signature, form) {
  if (!signature || form === "sender") return "";
  return form === "square" ? `[${signature}] ` : `【${signature}】`;
}

/** {characters, parts, gsm, foreign}; `foreign` is what keeps a text from being billed by the GSM alphabet. */
export function measure(text, billing = "ucs2") {
  const signs = Array.from(text.replace(PARAMETER, "xxxxxx"));
  const foreign = billing === "gsm7" ? (signs.find((sign) => !GSM.has(sign)) ?? "") : "";
  const gsm = billing === "gsm7" && !foreign;
  const { single, part, isDouble } = gsm ? GSM_ALPHABET : UCS2_ALPHABET;
  let [characters, parts, room] = [0, 0, 0];
  for (const sign of signs) {
    const size = isDouble(sign) ? 2 : 1;
    characters += size;
    if (size > room) [parts, room] = [parts + 1, part];
    room -= size;
  }
  return { characters, parts: characters <= single ? 1 : parts, gsm, foreign };
}
