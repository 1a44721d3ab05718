// Several windows of one site: the one that holds the chat says what its top line says and whether somebody types, and
// the others show it. What was said stands in the storage, which they share.
import { say } from './words.js';

export default () => {
  const find = (id) => document.getElementById(id);
  const looksOn = () => document.body.hasAttribute('data-elsewhere');
  let channel;
  // Where storage is blocked there is no other window that would know of this chat.
  try { channel = new BroadcastChannel('baton'); } catch { return; }
  const tell = () => {
    if (!looksOn() && document.body.dataset.view === 'chat') channel.postMessage([find('state').textContent, find('typing').hidden]);
  };
  channel.onmessage = ({ data }) => {
    if (!data) tell();
    else if (looksOn()) [find('state').textContent, find('typing').hidden] = data;
  };
  const sees = new MutationObserver(tell);
  sees.observe(find('state'), { childList: true });
  sees.observe(find('typing'), { attributes: true });
  // Whoever has just begun to look on asks.
  const look = () => {
    if (!looksOn()) return;
    find('state').textContent ||= say(24);
    channel.postMessage(0);
  };
  new MutationObserver(look).observe(document.body, { attributeFilter: ['data-elsewhere'] });
  look();
};
