// The company's own questions in the form that begins a chat. The answers are said with the customer's first words, so
// that they are wherever those are: before the agent, in the transcript, and with whoever the chat is handed to.
import { dress } from './words.js';

const find = (id) => document.getElementById(id);
let asked = [];

// What was answered and is not among the customer's words yet, a line each.
export const answers = () => {
  const words = find('question').value.split('\n');
  const lines = asked.filter(([, field]) => field.value.trim()).map(([label, field]) => `${label}: ${field.value.trim()}`);
  return lines.filter((line) => !words.includes(line)).map((line) => line + '\n').join('');
};

// Another chat, another message: the same person with another question.
export const forget = () => asked.forEach(([, field]) => (field.value = ''));

const control = ({ required, options }, at) => {
  const field = document.createElement(options.length ? 'select' : 'input');
  if (options.length) for (const option of ['', ...options]) field.append(new Option(option));
  else field.maxLength = 200;
  Object.assign(field, { id: 'field-' + at, required });
  field.dataset.test = 'field';
  return field;
};

export default (fields) => {
  const question = find('question').parentNode;
  asked = fields.map((field, at) => {
    const box = document.createElement('label');
    const label = document.createElement('span');
    label.textContent = field.label;
    if (!field.required) {
      const optional = document.createElement('small');
      optional.dataset.say = 45;
      label.append(' ', optional);
    }
    box.append(label, control(field, at));
    question.before(box);
    return [field.label, box.lastChild];
  });
  dress();
  // Before the chat's own part hears of it, which listens to the document.
  addEventListener('submit', ({ target }) => {
    if (target.id === 'form') find('question').value = answers() + find('question').value;
  }, true);
  // What could not be delivered stands among the words again, with its answers.
  let { view } = document.body.dataset;
  new MutationObserver(() => {
    const before = view;
    ({ view } = document.body.dataset);
    if (view !== 'form' || before === view || find('question').value) return;
    forget();
    if (document.hasFocus() && find('name').value) asked[0][1].focus();
  }).observe(document.body, { attributeFilter: ['data-view'] });
};
