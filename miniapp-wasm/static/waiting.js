// What there is for those who wait (H1, H2): announcements and offers, questions and answers, other pages, what another
// company has sent along about the customer, and a message to be left instead. Reads and writes the frames that only
// this needs, in the bytes of the binary subprotocol; a golden test of the protocol's keeps those as they are.
import { post } from './baton_miniapp.js';
import { listen } from './page.js';
import { dress, say } from './words.js';
import { find, leave, make, once, own, wear } from './visitor.js';

// Milliseconds without a first welcome after which something is wrong with the way to the gateway.
const PATIENCE = 15000;
// Milliseconds after which it is looked again whether a form is still being filled in.
const LATER = 2000;
// What may be a telephone number; the gateway looks again.
const NUMBER = '[\\p{Nd} +.\\(\\)\\/\\-]{5,40}';
const HEAD = 4, WELCOME = 1, PHASE = 8, HOLDING = 23, NOTICES = 80, BROWSED = 7, CHOOSE_AREA = 15, CORRECT = 23;

// Values from the front of a frame's body. Whatever does not fit ends in an exception, and the frame is left out.
const reader = (bytes) => {
  let at = HEAD;
  const byte = () => {
    if (at >= bytes.length) throw new RangeError('the frame is too short');
    return bytes[at++];
  };
  const number = () => {
    const first = byte();
    if (first < 251) return first;
    let value = 0;
    for (let place = 0, length = 1 << (first - 250); place < length; place++) value += byte() * 256 ** place;
    return value;
  };
  const text = () => {
    const length = number();
    if (at + length > bytes.length) throw new RangeError('the frame is too short');
    return new TextDecoder().decode(bytes.subarray(at, (at += length)));
  };
  const maybe = (read) => (byte() ? read() : undefined);
  const list = (read) => {
    const all = [];
    for (let left = number(); left; left--) all.push(read());
    return all;
  };
  return { byte, number, text, maybe, list };
};

const holding = ({ text, byte, maybe, list }) => ({
  announcements: list(() => ({ title: text(), text: text(), offer: byte(), url: maybe(text) })),
  faqs: list(() => ({ question: text(), answer: text() })),
  links: list(() => ({ title: text(), url: text() })),
  known: maybe(() => ({ name: text(), email: text(), subject: text() })),
});

// Texts to be read, and offers by their number.
const MESSAGE = 1, CALL_BACK = 2;
const notices = ({ number, text, list }) => list(() => number() || text());

// A frame of texts alone.
export const frame = (kind, ...texts) => {
  const parts = texts.map((text) => new TextEncoder().encode(text));
  const long = (length) => (length < 251 ? [length] : [251, length & 255, length >> 8]);
  return Uint8Array.from([1, kind, 0, 0, ...parts.flatMap((part) => [...long(part.length), ...part])]);
};

const SHAPE = `
#holding { display: none; flex: 0 1 auto; max-height: 62%; overflow-y: auto; overscroll-behavior: contain;
  padding: 4px 14px 10px; border-bottom: 1px solid var(--line); font-size: 14px; }
[data-waits] #holding:not(:empty), .aside:not([data-view=form]) #holding { display: block; }
[data-waits] #log { min-height: 96px; }
#holding > * { margin-top: 10px; }
#holding h3 { margin: 0 0 6px; font-size: 13px; font-weight: 600; color: var(--quiet); }
#holding p, #holding summary, .news b { overflow-wrap: anywhere; white-space: pre-line; unicode-bidi: plaintext; }
#holding a { display: inline-block; padding: 4px 0; color: inherit; font-weight: 600; }
.news { padding: 9px 12px; border-radius: 10px; background: var(--soft); }
.news b { display: block; }
.news small { float: inline-end; margin-inline-start: 8px; padding: 0 8px; border: 1px solid currentColor; border-radius: 9px; font-size: 12px; }
#holding details { border-bottom: 1px solid var(--line); }
#holding summary { padding: 8px 0; font-weight: 600; cursor: pointer; }
#holding details p { padding: 0 0 10px; }
#holding input[type=search] { margin-bottom: 4px; }
#holding form { display: grid; gap: 8px; }
#holding ul { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: 8px; }
#holding li a { display: block; padding: 6px 12px; border: 1px solid var(--field); border-radius: 16px; text-decoration: none; }
#holding li a:hover { background: var(--soft); }`;

// Opens beside the chat, which goes on; the server learns where the customer has gone (H2, M5).
const link = (url, title, data) => {
  const element = make('a', { target: '_blank', rel: 'noopener noreferrer', textContent: title, data });
  if (/^https?:\/\//.test(url)) element.href = url;
  element.onclick = () => post(frame(BROWSED, url, title));
  return element;
};

const news = ({ title, text, offer, url }) =>
  make('div', { className: 'news', data: { test: 'announcement' } },
    ...(offer ? [make('small', { data: { say: 72 } })] : []),
    ...(title ? [make('b', { textContent: title })] : []),
    make('p', { textContent: text }),
    ...(url ? [link(url, say(76), { say: 76 })] : []));

const questions = (faqs) => {
  const rows = faqs.map(({ question, answer }) =>
    make('details', { data: { test: 'faq' } }, make('summary', { textContent: question }), make('p', { textContent: answer })));
  const nothing = make('p', { role: 'status', hidden: true, data: { say: 75 } });
  const search = make('input', { type: 'search', data: { hint: 74, label: 74, test: 'faq-search' } });
  search.oninput = () => {
    const words = search.value.toLowerCase().split(/\s+/);
    for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    nothing.hidden = rows.some((row) => !row.hidden);
  };
  return make('div', {}, make('h3', { data: { say: 73 } }), ...(rows.length > 3 ? [search] : []), ...rows, nothing);
};

const field = (word, value, members) =>
  make('label', {}, make('span', { data: { say: word } }), make(members.rows ? 'textarea' : 'input', { value, maxLength: 200, ...members }));

// A form of its own: what is entered goes through `act`, which says what to say.
const form = (test, head, fields, button, act) => {
  const told = make('p', { role: 'status', data: { test: test + '-told' } });
  const send = make('button', { className: 'second', data: { test: test + '-send', say: button } });
  const inside = make('form', {}, ...head, ...fields, send, told);
  inside.onsubmit = once(async (event) => {
    event.stopPropagation();
    told.textContent = say(await act(fields.map((one) => one.lastChild.value.trim())));
  });
  return inside;
};

const known = ({ name, email, subject }) => {
  const fields = [
    field(43, name, { data: { test: 'known-name' } }),
    field(44, email, { type: 'email', data: { test: 'known-email' } }),
    field(42, subject, { data: { test: 'known-subject' } }),
  ];
  const correct = (texts) => {
    post(frame(CORRECT, ...texts));
    return 81;
  };
  const details = make('details', { data: { test: 'known' } }, make('summary', { data: { say: 78 } }));
  details.append(form('known', [make('p', { data: { say: 79 } })], fields, 80, correct));
  return details;
};

// What it is about (H1): whoever has chosen the wrong line need not begin again.
const subjects = (areas) => {
  const choice = make('select', { data: { test: 'subjects' } }, new Option(''), ...areas.map(({ name, title }) => new Option(title, name)));
  choice.onchange = () => choice.value && post(frame(CHOOSE_AREA, choice.value));
  return make('label', {}, make('span', { data: { say: 42 } }), choice);
};

// Instead of waiting: a message, or a number to be called.
const instead = (offer) => {
  const called = offer === CALL_BACK;
  const test = called ? 'call-back' : 'instead';
  const address = called
    ? field(95, '', { type: 'tel', autocomplete: 'tel', required: true, maxLength: 40, pattern: NUMBER, data: { test: 'call-back-phone' } })
    : field(44, find('email').value, { type: 'email', required: true, data: { test: 'instead-email' } });
  const asked = document.querySelector('.own .bubble')?.textContent ?? '';
  const fields = [address, field(93, asked, { rows: 3, required: !called, maxLength: 4000, data: { test: test + '-text' } })];
  const go = async ([to, text]) => {
    const [name, email] = ['name', 'email'].map((id) => find(id).value.trim());
    const { ok, says: told } = await leave({ name, text, ...(called ? { email, phone: to } : { email: to }) });
    const says = ok && called ? 97 : told;
    if (ok) {
      document.querySelector('[data-do=end]').click();
      find('holding').replaceChildren(make('p', { role: 'status', textContent: say(says), data: { test: 'left' } }));
      document.body.classList.add('aside');
      find('over').focus();
    }
    return says;
  };
  const details = make('details', { data: { test } }, make('summary', { data: { say: called ? 94 : 82 } }));
  details.append(form(test, [], fields, called ? 96 : 63, go));
  return details;
};

export default ({ areas }) => {
  wear(SHAPE);
  const box = make('section', { id: 'holding', data: { test: 'holding', label: 71 } });
  find('log').before(box);
  let content, said = [], mine;
  // Whoever read the newest line still does.
  const toEnd = () => (find('log').scrollTop = find('log').scrollHeight);
  box.addEventListener('toggle', toEnd, true);
  const show = () => {
    // Whoever fills in a form goes on with it, and what became of it stays.
    if (document.body.classList.contains('aside')) return;
    if (box.querySelector('form :focus')) return void setTimeout(show, LATER);
    const { announcements = [], faqs = [], links = [], known: of } = content ?? {};
    const within = box.contains(document.activeElement);
    const pages = links.map(({ title, url }) => make('li', {}, link(url, title, { test: 'page-link' })));
    box.replaceChildren(
      ...said.filter((one) => one.length).map((text) => news({ text })),
      ...announcements.map(news),
      ...said.filter(Number.isInteger).map(instead),
      ...(of ? [known(of)] : []),
      ...(mine && areas[1] ? [subjects(areas)] : []),
      ...(faqs.length ? [questions(faqs)] : []),
      ...(pages.length ? [make('div', {}, make('h3', { data: { say: 77 } }), make('ul', {}, ...pages))] : []));
    dress();
    toEnd();
    if (within && document.hasFocus()) find('text').focus();
  };
  // Escape empties the search first, and closes the window when there is nothing in it.
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && event.target.type === 'search' && event.target.value) event.stopPropagation();
  }, true);
  // Where no socket gets through, a message still does.
  let welcomed, patience;
  const unreached = () => {
    const elsewhere = make('a', { href: location.origin + '/chat/', target: '_blank', data: { say: 92 } });
    box.replaceChildren(make('p', { role: 'status', data: { say: 91, test: 'unreached' } }), elsewhere, instead(MESSAGE));
    document.body.classList.add('aside');
    dress();
  };
  const look = () => {
    const { view } = document.body.dataset;
    if (view === 'form') welcomed = false;
    if (!welcomed && view === 'chat') patience ||= setTimeout(unreached, PATIENCE);
    else patience = clearTimeout(patience);
  };
  new MutationObserver(look).observe(document.body, { attributeFilter: ['data-view'] });
  look();
  listen((bytes) => {
    try {
      const kind = bytes[1] + bytes[2] * 256;
      if (kind === WELCOME) {
        [content, said, welcomed, mine] = [undefined, [], true, false];
        // The chat is known when this frame has been read.
        setTimeout(() => {
          mine = own();
          show();
        });
        patience = clearTimeout(patience);
        document.body.classList.remove('aside');
      }
      else if (kind === PHASE) content = undefined;
      else if (kind === HOLDING) content = holding(reader(bytes));
      else if (kind === NOTICES) said = notices(reader(bytes));
      else return;
      show();
    } catch {
      // A later version of the frame: what is not understood is not shown.
    }
  });
};
