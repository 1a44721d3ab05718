import load, { start, begin, lost } from './baton_miniapp.js';
import { more, speak } from './words.js';

// One window of the site holds the chat, the one that was used last; the others show what it shows. When it is closed,
// one of those that wait takes its place.
let turn = 0, waits, release;
const request = (options) => {
  let mine;
  const hold = () => {
    mine = ++turn;
    if (!options.steal) waits = false;
    begin();
    return new Promise((done) => (release = done));
  };
  navigator.locks.request('baton', options, hold).catch((error) => {
    // Where storage is blocked there are no locks either, and no other window that would know of this chat.
    if (error.name != 'AbortError') return begin();
    if (mine != turn) return;
    lost();
    wait();
  });
};
const wait = () => waits || (waits = true, request({}));
const take = () => {
  if (!navigator.locks) begin();
  else if (document.hidden) wait();
  else request({ steal: true });
};
addEventListener('pagehide', () => release?.());
addEventListener('pageshow', ({ persisted }) => persisted && take());

// Opened as a page of its own, without a site around it.
const alone = () => {
  const claim = /(?:^#|&)baton=([^&]*)/.exec(location.hash)?.[1];
  if (claim) history.replaceState(null, '', location.pathname + location.search);
  const page = { url: location.origin + location.pathname, title: document.title };
  return { settings: Object.fromEntries(new URLSearchParams(location.search)), page, claim };
};

// The site introduces itself, with what was called before we were there: all of it in one go, so that a window that is to
// be open is painted open. It may choose the language, and is heard when the words are there.
const introduce = (event) => {
  const { data, origin, source } = event;
  if (source !== parent || data?.baton !== 1 || data.type !== 'init') return;
  event.stopImmediatePropagation();
  removeEventListener('message', introduce, true);
  // Not every browser makes a message event with another site's window in it.
  const hear = (said) => dispatchEvent(Object.assign(new Event('message'), { data: { baton: 1, ...said }, origin, source }));
  const again = () => [data, ...data.calls].forEach(hear);
  const language = data.settings?.language;
  if (language) speak([language, ...navigator.languages]).then(again, again);
  else again();
};
addEventListener('message', introduce, true);

// How we lie on the page: in a corner, in a place of our own, or over all of it.
const lie = ({ data, source }) => {
  if (source !== parent || data?.baton !== 1 || data.type !== 'shape') return;
  document.body.toggleAttribute('data-full', data.full);
  document.body.toggleAttribute('data-over', data.full > 1);
};
addEventListener('message', lie, true);

const main = async () => {
  // Browsers look through the forms of a page that has just been read, as for what they could fill in. Nobody waits for that.
  const inside = document.querySelector('template');
  inside?.replaceWith(inside.content);
  const page = parent === self ? alone() : undefined;
  const wanted = [page?.settings.language, ...navigator.languages].filter(Boolean);
  // The page has its settings in it, so that they fit its policy.
  const config = JSON.parse(document.getElementById('settings').textContent);
  await Promise.all([load(), speak(wanted)]);
  for (const { name, title } of config.areas) document.getElementById('area').append(new Option(title, name));
  if (config.fields[0]) (await import('./fields.js')).default(config.fields);
  start(self, config, take, page);
  // The chat is usable; this can come afterwards, a piece at a time, when the browser has nothing else to do.
  const idle = () => new Promise((done) => (self.requestIdleCallback ?? setTimeout)(done));
  await idle();
  await more();
  for (const part of ['files', 'visitor', 'waiting', 'extras', 'tabs', 'survey']) {
    await idle();
    await import(`./${part}.js`).then((module) => module.default(config, page));
  }
};
// Not awaited here: what is loaded later takes things from this script, and would wait for it in turn.
export const done = main();
