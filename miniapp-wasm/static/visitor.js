// What goes beside the chat's socket: the site's token, a message that is left, the transcript by e-mail. Loaded once the
// chat is usable.
import { place } from './baton_miniapp.js';

const find = (id) => document.getElementById(id);
const make = (tag, members, ...inside) => {
  const { test, ...rest } = members;
  const element = Object.assign(document.createElement(tag), rest);
  element.dataset.test = test;
  element.append(...inside);
  return element;
};

const ask = async (path, body, secret) => {
  const headers = { 'content-type': 'application/json', ...(secret && { authorization: `Bearer ${secret}` }) };
  try {
    const answer = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    return { ok: answer.ok, ...(text && JSON.parse(text)) };
  } catch {
    return { error: 'the gateway did not answer' };
  }
};

// The chat, while it is this gateway's own: another company gets none of this.
const own = () => {
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

const SHAPE = `
#away { border-top: 1px solid var(--line); padding-top: 12px; font-size: 14px; }
#away p { margin: 0 0 8px; }
#leave { padding: 8px 14px; border: 1px solid var(--line); border-radius: 10px; font-weight: 600; }
#told { padding: 8px 16px; font-size: 14px; background: var(--soft); border-bottom: 1px solid var(--line); }`;

// Where nobody is on duty.
const away = (context) => {
  const left = make('p', { test: 'left', role: 'status', hidden: true });
  const leave = make('button', { test: 'leave', type: 'button', id: 'leave', textContent: 'Leave a message' });
  leave.onclick = async () => {
    const email = find('email');
    email.required = true;
    const fits = find('form').reportValidity();
    email.required = false;
    if (!fits) return;
    const value = (name) => find(name).value.trim();
    const { area, page } = context;
    const message = { area: area || value('area'), name: value('name'), email: value('email'), text: value('question'), page };
    const answer = await ask('/v1/messages', message);
    left.textContent = answer.ok ? 'Thank you. We will write to you.' : answer.error;
    left.hidden = false;
    if (answer.ok) find('question').value = '';
  };
  const text = 'Nobody is on duty at the moment. Leave a message with your e-mail address, and we answer by e-mail.';
  return make('div', { test: 'away', id: 'away' }, make('p', { test: 'away-text', textContent: text }), leave, left);
};

const transcript = () => {
  const told = make('p', { test: 'told', id: 'told', role: 'status', hidden: true });
  find('form').before(told);
  const button = make('button', { test: 'post', type: 'button', textContent: 'Send conversation by e-mail' });
  button.onclick = async () => {
    const at = own();
    const answer = at ? await ask('/v1/transcripts/' + at.chat, {}, at.secret) : {};
    told.textContent = answer.ok ? 'The conversation is on its way to you.' : 'It cannot be sent now.';
    told.hidden = false;
    setTimeout(() => told.hidden = true, 8000);
  };
  return button;
};

export default (config, hosted) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHAPE);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const context = { area: hosted?.settings.area, page: hosted?.page };
  const box = away(context);
  find('form').append(box);
  const show = () => {
    const name = context.area || find('area').value;
    box.hidden = (config.areas.find((area) => area.name == name) || config.areas[0])?.staffed;
  };
  find('area').addEventListener('change', show);
  if (config.mail) find('menu').prepend(transcript());
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
