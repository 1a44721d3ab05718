// How it was, asked once when a chat is over; sent beside the socket with the secret that the chat had.
import { dress, say } from './words.js';
import { ask, find, make, own, wear } from './visitor.js';

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

export default (config) => {
  if (!config.survey) return;
  wear(SHAPE);
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
  form.onsubmit = async (event) => {
    event.preventDefault();
    const data = new FormData(form);
    fields.disabled = true;
    const { ok } = await ask('/v1/surveys/' + chat.chat, { score: +data.get('score'), text: more.value.trim() }, chat.secret);
    fields.disabled = false;
    fields.hidden = ok;
    told.textContent = say(ok ? 90 : 66);
  };
  find('why').after(form);
  dress();
  const look = () => {
    const over = document.body.dataset.view === 'over';
    const served = find('lines').querySelector('.agent');
    chat = over ? chat : own() || undefined;
    if (over && form.hidden) {
      form.reset();
      told.textContent = '';
      fields.hidden = false;
    }
    form.hidden = !over || !chat || !served;
  };
  new MutationObserver(look).observe(document.body, { attributeFilter: ['data-view'] });
  new MutationObserver(look).observe(find('lines'), { childList: true });
  look();
};
