import load, { start, begin, lost } from './baton_miniapp.js';

// One window of the site holds the chat; the one that is looked at takes it over.
const take = () => {
  if (!navigator.locks) return begin();
  navigator.locks.request('baton', { steal: true }, () => (begin(), new Promise(() => {}))).catch(lost);
};

// Opened as a page of its own, without a site around it.
const alone = () => {
  const claim = /(?:^#|&)baton=([^&]*)/.exec(location.hash)?.[1];
  if (claim) history.replaceState(null, '', location.pathname + location.search);
  const page = { url: location.origin + location.pathname, title: document.title };
  return { settings: Object.fromEntries(new URLSearchParams(location.search)), page, claim };
};

const page = parent === self ? alone() : undefined;
const [config] = await Promise.all([fetch('/v1/widget-config').then((answer) => answer.json()), load()]);
start(self, config, take, page);
// The chat is usable; this can come afterwards.
for (const part of ['files', 'extras']) import(`./${part}.js`).then((module) => module.default());
