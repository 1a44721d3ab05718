// Where the company has it so, its agent sees what the customer has typed and not sent; and the customer reads that it is
// so. Loaded there alone. Another company that has the chat gets none of it.
import { post } from './baton_miniapp.js';
import { dress } from './words.js';
import { find, make, own } from './visitor.js';
import { frame } from './waiting.js';

const PREVIEW = 16;
// Milliseconds from one to the next at least, and letters of its end: a gateway leaves out what is more than that.
const PAUSE = 400, MOST = 1000;

export default () => {
  const field = find('text');
  const told = make('p', { hidden: true, data: { test: 'previewed', say: 98 } });
  told.style.cssText = 'padding: 2px 18px 8px; font-size: 13px; color: var(--quiet)';
  find('sending').after(told);
  dress();
  let shown = '', timer;
  const send = () => {
    timer = undefined;
    const text = field.value.slice(-MOST);
    if (text === shown || !own()) return;
    shown = text;
    post(frame(PREVIEW, text));
  };
  field.addEventListener('input', () => (timer ??= setTimeout(send, PAUSE)));
  const look = () => (told.hidden = document.body.dataset.view !== 'chat' || !own());
  const sees = new MutationObserver(() => setTimeout(look));
  sees.observe(document.body, { attributeFilter: ['data-view', 'data-elsewhere'] });
  sees.observe(find('state'), { childList: true });
  look();
};
