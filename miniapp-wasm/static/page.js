// What a script does in fewer bytes than the module would, and the frames that the later parts read.
const kept = [];
let heard = (bytes) => kept.push(bytes);

// The bytes are the module's own, which it uses again.
export const hear = (bytes) => heard(bytes.slice());

// From now on this part hears the frames, those of before first.
export const listen = (act) => {
  heard = act;
  kept.splice(0).forEach(act);
};

// A text whose links can be followed, and nothing in it is HTML. The sentence's own marks are not the link's.
export const fill = (element, text) => {
  let at = 0;
  for (const { 0: href, index } of text.matchAll(/(?:https?:\/\/|mailto:)[^\s<>"]*[^\s<>".,;:!?)']/g)) {
    const link = document.createElement('a');
    Object.assign(link, { href, textContent: href, target: '_blank', rel: 'noopener noreferrer' });
    element.append(text.slice(at, index), link);
    at = index + href.length;
  }
  element.append(text.slice(at));
};

// Hours and minutes as they are written where the customer is.
export const time = (at) => new Date(at).toLocaleTimeString(document.documentElement.lang, { timeStyle: 'short' });

// Bytes as they are written there.
export const size = (bytes) => {
  const [unit, one] = bytes < 1024 ? ['byte', 1] : bytes < 1 << 20 ? ['kilobyte', 1024] : ['megabyte', 1 << 20];
  return (bytes / one).toLocaleString(document.documentElement.lang, { style: 'unit', unit, maximumFractionDigits: 1 });
};

// A company's colour, made safe: black or white stands on it, whichever contrasts more (4.5 to 1 at least: WCAG 1.4.3).
export const accent = (colour) => {
  if (!/^#[\da-f]{6}$/i.test(colour)) return;
  const light = (at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2;
  const { style } = document.documentElement;
  style.setProperty('--accent', colour);
  style.setProperty('--on-accent', 0.2126 * light(1) + 0.7152 * light(3) + 0.0722 * light(5) > 0.179 ? '#000' : '#fff');
};
