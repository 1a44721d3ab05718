import load, { start, begin, lost } from './baton_miniapp.js';
import { speak } from './words.js';

// One window of the site holds the chat; the one that is looked at takes it over.
const take = () => {
  if (!navigator.locks) return begin();
  navigator.locks.request('baton', { steal: true }, () => (begin(), new Promise(() => {}))).catch((error) => {
    // Where storage is blocked there are no locks either, and no other window that would know of this chat.
    if (error.name == 'AbortError') lost();
    else begin();
  });
};

// Opened as a page of its own, without a site around it.
const alone = () => {
  const claim = /(?:^#|&)baton=([^&]*)/.exec(location.hash)?.[1];
  if (claim) history.replaceState(null, '', location.pathname + location.search);
  const page = { url: location.origin + location.pathname, title: document.title };
  return { settings: Object.fromEntries(new URLSearchParams(location.search)), page, claim };
};

// The site may choose the language. What it says of itself is held back until the words are there.
const introduce = (event) => {
  const { data, origin, source } = event;
  if (source !== parent || data?.baton !== 1 || data.type !== 'init' || !data.settings?.language) return;
  event.stopImmediatePropagation();
  removeEventListener('message', introduce, true);
  const again = () => dispatchEvent(new MessageEvent('message', { data, origin, source }));
  speak([data.settings.language, ...navigator.languages]).then(again, again);
};
addEventListener('message', introduce, true);

const page = parent === self ? alone() : undefined;
const wanted = [page?.settings.language, ...navigator.languages].filter(Boolean);
// The page has its settings in it, so that they fit its policy.
const config = JSON.parse(document.getElementById('settings').textContent);
await Promise.all([load(), speak(wanted)]);
start(self, config, take, page);
// The chat is usable; this can come afterwards.
for (const part of ['files', 'extras', 'visitor']) {
  import(`./${part}.js`).then((module) => module.default(config, page));
}
