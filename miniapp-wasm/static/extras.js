// What nobody waits for, loaded once the chat is usable: emoji, the sound of a message, the conversation as a file, drafts,
// and a keyboard that stays where the customer sees it.
import { say } from './words.js';
import { refocus } from './visitor.js';

const find = (id) => document.getElementById(id);

const make = (tag, members, ...inside) => {
  const element = Object.assign(document.createElement(tag), members);
  element.append(...inside);
  return element;
};

// Whatever turns the sound off is kept, and nothing else; storage may be missing.
const QUIET = 'baton-quiet';
let quiet = false;
const keep = (act) => {
  try { return act(localStorage, sessionStorage); } catch { return undefined; }
};

let audio;
// Two short tones, made here: there is no file to load. Browsers keep still until the page has been touched.
const ring = () => {
  audio ||= new AudioContext();
  [[660, 0], [880, 0.12]].forEach(([pitch, after]) => {
    const from = audio.currentTime + after;
    const tone = new OscillatorNode(audio, { frequency: pitch });
    const volume = new GainNode(audio, { gain: 0 });
    volume.gain.setValueAtTime(0, from);
    volume.gain.linearRampToValueAtTime(0.08, from + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, from + 0.25);
    tone.connect(volume).connect(audio.destination);
    tone.start(from);
    tone.stop(from + 0.3);
  });
};

const sound = () => {
  quiet = keep((storage) => storage.getItem(QUIET)) === '1';
  const button = make('button', { type: 'button', textContent: say(59) });
  button.dataset.test = 'sound';
  const show = () => button.setAttribute('aria-pressed', !quiet);
  button.onclick = () => {
    quiet = !quiet;
    keep((storage) => (quiet ? storage.setItem(QUIET, '1') : storage.removeItem(QUIET)));
    show();
    if (!quiet) ring();
  };
  show();
  // The first lines are those that were there before, or the customer's own question.
  let first = true;
  const news = (records) => {
    const added = records.flatMap((record) => [...record.addedNodes]);
    const heard = added.some((line) => line.classList?.contains('agent'));
    const looking = document.hasFocus() && document.body.hasAttribute('data-open');
    // Of several windows the one that holds the chat rings.
    if (document.body.hasAttribute('data-elsewhere')) return;
    if (heard && !first && !quiet && !looking && navigator.userActivation?.hasBeenActive) ring();
    first = false;
  };
  new MutationObserver(news).observe(find('lines'), { childList: true });
  return button;
};

const words = (line) => {
  const bubble = line.querySelector('.bubble');
  if (!bubble) return line.textContent;
  const who = line.querySelector('b')?.textContent ?? say(61);
  const file = bubble.querySelector('button');
  return `${bubble.title} ${who}: ${file ? `[${file.textContent}]` : bubble.textContent}`;
};

const transcript = () => {
  const button = make('button', { type: 'button', textContent: say(60) });
  button.dataset.test = 'save';
  button.onclick = () => {
    const day = new Date().toLocaleDateString('sv');
    const lines = [...find('lines').children].map(words).filter(Boolean);
    const text = [find('brand').textContent, day, '', ...lines, ''].join('\r\n');
    const href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
    make('a', { href, download: `chat-${day}.txt` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60000);
  };
  return button;
};

const EMOJI = {
  '🙂': 'smile', '😀': 'grin', '😂': 'tears of joy', '😉': 'wink', '😍': 'in love', '🤔': 'thinking',
  '😕': 'confused', '😢': 'crying', '😡': 'angry', '😮': 'surprised', '😴': 'asleep', '🙏': 'thank you',
  '👍': 'thumbs up', '👎': 'thumbs down', '👋': 'wave', '👏': 'applause', '💪': 'strong', '🤝': 'handshake',
  '❤️': 'heart', '🎉': 'party', '🔥': 'fire', '⭐': 'star', '✅': 'done', '❌': 'wrong',
};

const SHAPE = `
#emoji { position: absolute; inset-inline: 12px; bottom: 100%; display: grid; grid-template-columns: repeat(8, 1fr);
  padding: 6px; border-radius: 10px; background: var(--back); box-shadow: 0 0 0 1px var(--line), 0 8px 24px rgb(0 0 0 / .25); }
#emoji button { min-height: 36px; border-radius: 8px; font-size: 20px; }
#emoji button:hover { background: var(--soft); }
#composer { position: relative; }
#menu button { white-space: nowrap; }
#menu [aria-pressed=true]::after { content: " ✓" / ""; }
.edge { position: absolute; }
body:not([data-over]) .edge { display: none; }
#window:focus-visible { outline-offset: -3px; }`;

// How far an arrow leads among them: eight stand in a row.
const ROW = 8;
const steps = () => {
  const on = document.documentElement.dir === 'rtl' ? -1 : 1;
  return { ArrowRight: on, ArrowLeft: -on, ArrowDown: ROW, ArrowUp: -ROW };
};

const emoji = () => {
  const button = make('button', { type: 'button', id: 'faces', className: 'icon', textContent: '☺' });
  button.setAttribute('aria-label', say(62));
  button.dataset.test = 'emoji';
  const box = make('div', { id: 'emoji', hidden: true });
  box.setAttribute('role', 'group');
  box.setAttribute('aria-label', say(62));
  const open = (shown) => {
    box.hidden = !shown;
    button.setAttribute('aria-expanded', shown);
    if (shown) box.firstChild.focus();
  };
  for (const [face, name] of Object.entries(EMOJI)) {
    const one = make('button', { type: 'button', textContent: face, title: name });
    one.setAttribute('aria-label', name);
    one.onclick = () => {
      const field = find('text');
      field.setRangeText(face, field.selectionStart, field.selectionEnd, 'end');
      field.dispatchEvent(new Event('input', { bubbles: true }));
      open(false);
      field.focus();
    };
    box.append(one);
  }
  open(false);
  button.onclick = () => open(box.hidden);
  box.addEventListener('keydown', (event) => {
    // On from the button, as if there had been nothing between.
    if (event.key === 'Tab') {
      open(false);
      return button.focus();
    }
    const step = steps()[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...box.children];
    all.at((all.indexOf(event.target) + step) % all.length).focus();
  });
  // Before the widget hears it, which would close the window.
  addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || box.hidden) return;
    event.stopPropagation();
    open(false);
    button.focus();
  }, true);
  addEventListener('pointerdown', ({ target }) => box.contains(target) || button.contains(target) || open(false));
  find('text').before(button);
  find('composer').append(box);
};

// What is half written stands there again on the site's next page, in this tab alone. The module forgets it with the chat.
const DRAFT = 'baton-draft';
const draft = () => {
  const field = () => find({ form: 'question', chat: 'text' }[document.body.dataset.view]);
  const was = keep((_, tab) => tab.getItem(DRAFT));
  const at = field();
  if (was && at && !at.value) {
    at.value = was;
    if (at.id === 'text') at.style.height = `${at.scrollHeight + 2}px`;
  }
  const note = () => {
    const text = field()?.value;
    keep((_, tab) => (text ? tab.setItem(DRAFT, text) : tab.removeItem(DRAFT)));
  };
  for (const id of ['question', 'text']) find(id).addEventListener('input', note);
  // Sent, it is no draft any more.
  const sees = new MutationObserver(note);
  sees.observe(find('lines'), { childList: true });
  sees.observe(document.body, { attributeFilter: ['data-view'] });
};

// Whoever read the newest line still does when the window becomes smaller, as by a telephone's keyboard, or larger.
const stay = () => {
  const log = find('log');
  let atEnd = true, height = 0;
  const left = (of) => log.scrollHeight - log.scrollTop - of < 40;
  log.addEventListener('scroll', () => (atEnd = left(log.clientHeight)));
  new ResizeObserver(() => {
    if (atEnd || left(height)) log.scrollTop = log.scrollHeight;
    height = log.clientHeight;
  }).observe(log);
};

// Where the window covers the page it is a dialog, and Tab leads round in it: behind it nothing would be in sight (WCAG
// 2.4.11). Whoever comes to a page on which it stands open begins in it.
const INSIDE = 'a[href], button, input, select, textarea, summary, [tabindex="0"]:not(.edge)';
const round = () => {
  const shown = find('window');
  const edge = (last) => {
    const one = make('span', { className: 'edge', tabIndex: 0 });
    one.onfocus = ({ relatedTarget: from }) => {
      const within = from !== shown && shown.contains(from);
      const all = [...shown.querySelectorAll(INSIDE)];
      (within === last ? all : all.reverse()).some((it) => {
        it.focus();
        return document.activeElement === it;
      });
    };
    return one;
  };
  shown.prepend(edge(false));
  shown.append(edge(true));
  shown.tabIndex = -1;
  const look = () => {
    const over = document.body.hasAttribute('data-over');
    shown.role = over ? 'dialog' : null;
    shown.ariaModal = over ? 'true' : null;
    if (over && document.body.hasAttribute('data-open') && !shown.contains(document.activeElement)) shown.focus();
  };
  new MutationObserver(look).observe(document.body, { attributeFilter: ['data-over', 'data-open'] });
  look();
};

export default ({ preview }) => {
  if (preview) import('./preview.js').then((part) => part.default());
  stay();
  round();
  draft();
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHAPE);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  find('menu').prepend(transcript(), sound());
  // It covers what the focus goes on to.
  find('more-box').addEventListener('focusout', ({ currentTarget, relatedTarget }) => {
    if (relatedTarget && !currentTarget.contains(relatedTarget) && !find('menu').hidden) find('more').click();
  });
  const sees = new MutationObserver(refocus);
  sees.observe(document.body, { attributeFilter: ['data-view', 'data-waits'] });
  sees.observe(find('menu'), { attributeFilter: ['hidden'] });
  emoji();
};
