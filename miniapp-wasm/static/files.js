// Files: those that the customer chooses, pastes or drops go to the gateway that has the chat, and come from there.
// The bytes never pass through the WASM module, which knows the gateway and says the documents.
import { place, attached, refused } from './baton_miniapp.js';

const find = (id) => document.getElementById(id);
// What this page has had already, by its hash.
const known = new Map();

const ask = (path, init) => {
  const at = place();
  if (!at) throw new Error('no chat');
  const headers = { ...init?.headers, authorization: `Bearer ${at[1]}` };
  return fetch(at[0] + path, { ...init, headers });
};

// One after the other, so that they are said in the order in which they were chosen.
let last = Promise.resolve();
const send = (files) => {
  last = [...files].reduce((before, file) => before.then(() => one(file)), last);
};

const one = async (file) => {
  find('sending').hidden = false;
  try {
    const headers = { 'baton-name': encodeURIComponent(file.name) };
    const answer = await ask('', { method: 'POST', body: file, headers });
    const it = await answer.json();
    if (answer.ok) {
      known.set(it.sha256, file);
      attached(it.sha256, it.name, it.media_type, it.size);
    } else refused(it.code === 'bad_document');
  } catch {
    refused(false);
  }
  find('sending').hidden = true;
};

const address = async (hash) => {
  if (!known.has(hash)) {
    const answer = await ask(`/${hash}`);
    if (!answer.ok) throw new Error(answer.status);
    known.set(hash, await answer.blob());
  }
  return URL.createObjectURL(known.get(hash));
};

const save = async (link) => {
  try {
    const to = document.createElement('a');
    to.href = await address(link.dataset.file);
    to.download = link.textContent;
    to.click();
    setTimeout(() => URL.revokeObjectURL(to.href), 60000);
  } catch {
    link.disabled = true;
  }
};

const show = async (picture) => {
  const hash = picture.dataset.preview;
  delete picture.dataset.preview;
  try {
    picture.src = await address(hash);
    await picture.decode();
    const log = find('log');
    const end = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    picture.hidden = false;
    // Whoever read the newest line still does.
    if (end) log.scrollTop = log.scrollHeight;
  } catch {
    // Its name is there all the same.
  }
};

export default () => {
  const field = find('file');
  find('attach').onclick = () => field.click();
  field.onchange = () => {
    send(field.files);
    field.value = '';
  };
  document.addEventListener('click', ({ target }) => target.dataset?.file && save(target));
  document.addEventListener('paste', (event) => {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    send(event.clipboardData.files);
  });
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    send(event.dataTransfer.files);
  });
  const pictures = () => document.querySelectorAll('[data-preview]').forEach(show);
  new MutationObserver(pictures).observe(find('lines'), { childList: true });
};
