// The widget's own words in the customer's language, from small files. A line of such a file is a word, whose number is
// the line's; `$1` and `$2` are filled in, and a line with plural forms has them as `one=…|other=…`, chosen by the
// browser's own rules for the second of them. The words of `later-….js`, for what is loaded later, count on from there.
const LANGUAGES = ['en', 'de', 'fr', 'es', 'it', 'pt', 'nl', 'pl', 'tr', 'ar', 'zh', 'ja'];
const files = ['words'];
let words = [];
let plurals;

export const say = (word, one = '', two = '') => {
  const line = words[word] ?? '';
  const forms = line.split('|').map((form) => form.split('='));
  const wanted = forms.length > 1 && plurals.select(+two.split('–').pop());
  const [text] = (forms.find(([kind]) => kind === wanted) ?? forms.at(-1)).slice(-1);
  return text.replace(/\$[12]/g, (which) => (which === '$1' ? one : two));
};

// What says it already stays as it is: the browser would lay it out anew.
const each = (name, member) =>
  document.querySelectorAll(`[data-${name}]`).forEach((element) => {
    const text = say(element.dataset[name]);
    if (element[member] !== text) element[member] = text;
  });

// Puts the words into the page, by the numbers that stand in it.
export const dress = () => {
  each('say', 'textContent');
  each('label', 'ariaLabel');
  each('hint', 'placeholder');
};

const read = async (language) => {
  const all = await Promise.all(files.map((file) => import(`./${file}-${language}.js`)));
  words = all.flatMap((file) => file.default.trim().split('\n'));
  plurals = new Intl.PluralRules(language);
  const root = document.documentElement;
  dress();
  if (root.lang === language) return;
  root.lang = language;
  root.dir = language === 'ar' ? 'rtl' : 'ltr';
  // For the style sheet, which shows what became of a message.
  for (const word of [55, 56, 57, 58]) root.style.setProperty(`--say-${word}`, JSON.stringify(say(word)));
};

// The first of these languages that there is, else English.
export const speak = (wanted) => {
  const short = wanted.map((name) => `${name}`.slice(0, 2).toLowerCase());
  return read(short.find((name) => LANGUAGES.includes(name)) ?? 'en');
};

// The words for what is loaded later as well.
export const more = () => {
  files[1] = 'later';
  return read(document.documentElement.lang);
};
