// How it was, asked once when a chat is over, by the company that had it last; sent beside the socket with the secret that
// the chat had.
import { place } from './baton_miniapp.js';
import { dress, say } from './words.js';
import { ask, find, make, once, refocus, wear } from './visitor.js';

const FACES = ['😞', '🙁', '😐', '🙂', '😀'];

const SHAPE = `
#survey { display: grid; gap: 10px; margin: 0 0 14px; padding: 0; border: 0; }
#survey legend { padding: 0 0 6px; font-weight: 600; }
#scores { display: flex; justify-content: center; gap: 6px; }
#scores label { flex: 1; display: grid; justify-items: center; gap: 2px; padding: 6px 2px; border-radius: 10px; font-size: 22px; cursor: pointer; }
#scores label span { font-size: 12px; font-weight: 400; }
#scores label:has(:checked) { background: var(--soft); box-shadow: inset 0 0 0 2px var(--text); }
#scores label:has(:focus-visible) { outline: 2px solid var(--text); outline-offset: 2px; }
#scores i { font-style: normal; }
#scores input { position: absolute; opacity: 0; width: 1px; }`;

// Where the chat's company takes the answer.
const where = () => {
  const at = place();
  return at && { url: at[0].replace('/documents/', '/surveys/'), secret: at[1] };
};

export default (config) => {
  wear(SHAPE);
  // Ours says so beforehand.
  const asks = async ({ url, secret }) => {
    if (url.startsWith(location.origin + '/')) return config.survey;
    try {
      return (await (await fetch(url, { headers: { authorization: `Bearer ${secret}` } })).json()).asks;
    } catch {
      return false;
    }
  };
  // The chat that is asked about: its secret is forgotten with it.
  let chat;
  const score = (face, place) => {
    const input = make('input', { type: 'radio', name: 'score', value: place + 1, required: true, data: { test: 'score' } });
    return make('label', {}, input, make('i', { textContent: face, ariaHidden: true }), make('span', { data: { say: 84 + place } }));
  };
  const more = make('textarea', { rows: 2, maxLength: 2000, data: { hint: 89, label: 89, test: 'survey-text' } });
  const send = make('button', { className: 'second', data: { say: 54, test: 'survey-send' } });
  const scores = make('div', { id: 'scores' }, ...FACES.map(score));
  const fields = make('fieldset', { id: 'survey' }, make('legend', { data: { say: 83 } }), scores, more, send);
  const told = make('p', { role: 'status', data: { test: 'survey-told' } });
  const form = make('form', { hidden: true, data: { test: 'survey' } }, fields, told);
  form.onsubmit = once(async () => {
    const data = new FormData(form);
    const { ok } = await ask(chat.url, { score: +data.get('score'), text: more.value.trim() }, chat.secret);
    fields.hidden = ok;
    told.textContent = say(ok ? 90 : 66);
    refocus();
  });
  find('why').after(form);
  dress();
  let asked;
  const look = async () => {
    if (document.body.dataset.view !== 'over') {
      [chat, asked, form.hidden] = [where(), false, true];
      return;
    }
    if (!chat || asked || !find('lines').querySelector('.agent')) return;
    const of = chat;
    asked = true;
    if (!(await asks(of)) || chat !== of) return;
    form.reset();
    told.textContent = '';
    [fields.hidden, form.hidden] = [false, false];
  };
  new MutationObserver(look).observe(document.body, { attributeFilter: ['data-view'] });
  new MutationObserver(look).observe(find('lines'), { childList: true });
  look();
};
