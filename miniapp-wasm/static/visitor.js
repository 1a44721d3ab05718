// What goes beside the chat's socket: the site's token, a message that is left, the transcript by e-mail. Loaded once the
// chat is usable.
import { place } from './baton_miniapp.js';
import { dress, say } from './words.js';

export const find = (id) => document.getElementById(id);
export const make = (tag, members, ...inside) => {
  const { data = {}, ...rest } = members;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, data);
  element.append(...inside);
  return element;
};
// The looks of a part: a style sheet of its own, which the page's policy permits.
export const wear = (shape) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(shape);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
};

// Pressed twice it is done once. A button that is switched off meanwhile would lose the focus.
export const once = (act) => {
  let busy;
  return async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    await act(event);
    busy = false;
  };
};

// The focus goes on where the customer does when what had it is not shown any more: on nothing that the next key would press.
export const refocus = () => {
  const at = document.activeElement;
  if (!at || !document.hasFocus() || !find('window').contains(at) || at.checkVisibility()) return;
  const { view } = document.body.dataset;
  const ofMenu = view === 'chat' && find('menu').contains(at);
  find(ofMenu ? 'more' : { form: 'question', chat: 'text', over: 'over' }[view]).focus();
};

export const ask = async (path, body, secret) => {
  const headers = { 'content-type': 'application/json', ...(secret && { authorization: `Bearer ${secret}` }) };
  try {
    const answer = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    return { ok: answer.ok, status: answer.status, ...(text && JSON.parse(text)) };
  } catch {
    return { error: 'the gateway did not answer' };
  }
};

// The chat, while it is this gateway's own: another company gets none of this.
export const own = () => {
  const at = place();
  return at?.[0].startsWith(location.origin + '/') && { chat: at[0].split('/').pop(), secret: at[1] };
};

const identify = async ({ origin, data }) => {
  const tell = (message) => parent.postMessage({ baton: 1, ...message }, origin);
  const at = own();
  const path = at ? '/v1/identify/' + at.chat : '/v1/identify';
  const answer = await ask(path, { token: String(data.token) }, at?.secret);
  if (answer.error) return tell({ type: 'warn', text: `identify: ${answer.error}. The chat stays anonymous.` });
  if (answer.other) return tell({ type: 'other' });
  for (const name of ['name', 'email']) {
    if (!answer[name]) continue;
    find(name).value = answer[name];
    find(name + '-box').hidden = true;
  }
  tell({ type: 'event', name: 'identified', detail: answer.subject });
};

// Where the customer is and what they want, as far as the site says it.
const context = {};

// Leaves a message, and says what became of it.
export const leave = async (message) => {
  const area = context.area || find('area').value;
  const answer = await ask('/v1/messages', { area, page: context.page, ...message });
  return { ok: answer.ok, says: answer.ok ? 64 : answer.status === 429 ? 67 : 66 };
};

const SHAPE = `
#away { border-top: 1px solid var(--line); padding-top: 12px; font-size: 14px; }
#away p { margin: 0 0 8px; }
.second { padding: 9px 14px; border: 1px solid var(--field); border-radius: 10px; font-weight: 600; }
.second:hover { background: var(--soft); }
#told { padding: 8px 16px; font-size: 14px; background: var(--soft); border-bottom: 1px solid var(--line); }`;

// Where nobody is on duty.
const away = (config) => {
  const left = make('p', { role: 'status', hidden: true, data: { test: 'left' } });
  const button = make('button', { type: 'button', className: 'second', data: { test: 'leave', say: 63 } });
  button.onclick = once(async () => {
    const email = find('email');
    email.required = true;
    const fits = find('form').reportValidity();
    email.required = false;
    if (!fits) return;
    const [name, address, text] = ['name', 'email', 'question'].map((id) => find(id).value.trim());
    const fields = config.fields[0] && (await import('./fields.js'));
    const { ok, says } = await leave({ name, email: address, text: (fields?.answers() ?? '') + text });
    left.textContent = say(says);
    left.hidden = false;
    if (!ok) return;
    find('question').value = '';
    fields?.forget();
  });
  return make('div', { id: 'away', data: { test: 'away' } }, make('p', { data: { test: 'away-text', say: 65 } }), button, left);
};

const transcript = () => {
  const told = make('p', { id: 'told', role: 'status', hidden: true, data: { test: 'told' } });
  find('form').before(told);
  const button = make('button', { type: 'button', data: { test: 'post', say: 68 } });
  button.onclick = async () => {
    const at = own();
    const answer = at ? await ask('/v1/transcripts/' + at.chat, {}, at.secret) : {};
    told.textContent = say(answer.ok ? 69 : 70);
    told.hidden = false;
    setTimeout(() => (told.hidden = true), 8000);
  };
  return button;
};

export default (config, hosted) => {
  wear(SHAPE);
  context.area = hosted?.settings.area;
  context.page = hosted?.page;
  const box = away(config);
  find('form').append(box);
  const show = () => {
    const name = context.area || find('area').value;
    box.hidden = (config.areas.find((area) => area.name == name) || config.areas[0])?.staffed;
  };
  find('area').addEventListener('change', show);
  if (config.mail) find('menu').prepend(transcript());
  dress();
  show();
  if (hosted) return;
  addEventListener('message', (event) => {
    const { data, source } = event;
    if (source !== parent || data?.baton !== 1) return;
    context.area = data.settings?.area ?? context.area;
    context.page = data.page ?? context.page;
    if (data.type == 'identify') identify(event);
    show();
  });
  // The site says again what it has said before this was here.
  parent.postMessage({ baton: 1, type: 'visitor' }, '*');
};
