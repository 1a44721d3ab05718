// What the browser alone can do, and the start; everything else is in the WASM module.
import init from './baton_console.js';

let audio;

globalThis.batonConsole = {
  // At the agent's click: browsers start no sound without one.
  wake() { audio ??= new AudioContext(); },
  // A short, soft tone.
  sound() {
    if (!audio) return;
    const [tone, volume, now] = [audio.createOscillator(), audio.createGain(), audio.currentTime];
    tone.frequency.value = 660;
    volume.gain.setValueAtTime(0.12, now);
    volume.gain.exponentialRampToValueAtTime(0.001, now + 0.18);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(now + 0.18);
  },
  askToNotify() { if (Notification.permission !== 'granted') Notification.requestPermission(); },
  // One of a kind: ten messages of one customer are one notification.
  notify(title, body, clicked) {
    if (Notification.permission !== 'granted') return;
    new Notification(title, { body, tag: title }).onclick = () => { focus(); clicked(); };
  },
};

init({ module_or_path: 'baton_console_bg.wasm' });
