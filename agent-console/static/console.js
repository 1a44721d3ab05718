// What the browser alone can do, the agent's language, and the start; everything else is in the WASM module.
import init from './baton_console.js';

// Each has a table, `words-….json`, but English, whose words are in the module.
const LANGUAGES = ['en', 'de', 'es', 'fr', 'pt', 'ar'];
const RIGHT_TO_LEFT = ['ar'];
const CHOICE = 'baton.language';

// Storage may be missing.
const chosen = () => {
  try { return localStorage.getItem(CHOICE) ?? ''; } catch { return ''; }
};
const wanted = [chosen(), ...navigator.languages].map((name) => name.slice(0, 2).toLowerCase());
const language = wanted.find((name) => LANGUAGES.includes(name)) ?? 'en';
// As the browser's own country writes it, where it speaks this language; with the digits that everything else here has.
const locale = `${navigator.languages.find((name) => name.toLowerCase().startsWith(language)) ?? language}-u-nu-latn`;
Object.assign(document.documentElement, { lang: language, dir: RIGHT_TO_LEFT.includes(language) ? 'rtl' : 'ltr' });

const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(locale);
const time = new Intl.DateTimeFormat(locale, { timeStyle: 'short' });
const date = new Intl.DateTimeFormat(locale, { dateStyle: 'short', timeStyle: 'short' });
// Within a week by its day, later by its date.
const soon = (zone) => new Intl.DateTimeFormat(locale, { weekday: 'long', hour: 'numeric', minute: '2-digit', timeZone: zone });
const later = (zone) => new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone: zone });
const days = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });

// Without its table the console speaks English.
const read = () => fetch(`words-${language}.json`).then((file) => (file.ok ? file.text() : ''), () => '');
const table = language === 'en' ? '' : await read();

let audio;

globalThis.batonConsole = {
  table: () => table,
  language: chosen,
  speak(name) {
    try { name ? localStorage.setItem(CHOICE, name) : localStorage.removeItem(CHOICE); } catch { return; }
    // What was written is kept for the page that comes.
    location.reload();
  },
  plural: (number) => plurals.select(number),
  number: (number) => numbers.format(number),
  // The time of day; the date too, where it is not today's.
  when(at) {
    const then = new Date(at);
    return (then.toDateString() === new Date().toDateString() ? time : date).format(then);
  },
  // A time to come, by the agent's clock; and by the clock of the place, with its name, where that shows another time.
  hour(at, zone) {
    const whole = (of) => (at - Date.now() < 6 * 86_400_000 ? soon(of) : later(of)).format(at);
    const here = whole();
    let there = here;
    // A zone that this browser does not know: the agent's own clock is enough.
    try { there = whole(zone); } catch { }
    const said = new Date(at).toDateString() === new Date().toDateString() ? time.format(at) : here;
    return here === there ? said : `${said} (${there} ${zone.split('/').pop().replaceAll('_', ' ')})`;
  },
  // A day as the reports name it.
  day: (name) => (/^\d{4}-\d\d-\d\d$/.test(name) ? days.format(new Date(name)) : name),
  // At the agent's click: browsers start no sound without one.
  wake() { audio ??= new AudioContext(); },
  // A short, soft tone.
  sound() {
    if (!audio) return;
    const [tone, volume, now] = [audio.createOscillator(), audio.createGain(), audio.currentTime];
    tone.frequency.value = 660;
    volume.gain.setValueAtTime(0.12, now);
    volume.gain.exponentialRampToValueAtTime(0.001, now + 0.18);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(now + 0.18);
  },
  askToNotify() { if (Notification.permission !== 'granted') Notification.requestPermission(); },
  // One of a kind: ten messages of one customer are one notification.
  notify(title, body, clicked) {
    if (Notification.permission !== 'granted') return;
    new Notification(title, { body, tag: title }).onclick = () => { focus(); clicked(); };
  },
};

init({ module_or_path: 'baton_console_bg.wasm' });
