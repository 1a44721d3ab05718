// Shadow mode: the widget in an element of the site's page, without a frame. The widget's own scripts run here as they are,
// each made a function by `xtask web`: what they would take from a frame's window they take from the world that is made
// below. Everything in it ends with it, so that nothing is left on the page (M4), and begins anew with the next one.
import widget from './shadow-widget.js';

const gateway = new URL(import.meta.url).origin;

// What is fixed in a frame's window is fixed in this element.
const HOST = ':host { contain: layout paint style !important; }';

// Keys and what is pasted or dropped here are not the page's: it would take them for its own shortcuts.
const OURS = ['keydown', 'keyup', 'keypress', 'beforeinput', 'input', 'change', 'submit', 'paste', 'copy', 'cut', 'dragover', 'drop'];

// Read as a document by the browser, which no policy forbids: text is made HTML nowhere.
const read = (address) => new Promise((done, fail) => {
  const request = new XMLHttpRequest();
  request.onload = () => (request.responseXML ? done(request.responseXML) : fail(new Error(`${address}: ${request.status}`)));
  request.onerror = () => fail(new Error(`${address} does not answer this page`));
  request.open('GET', address);
  request.responseType = 'document';
  request.send();
});

// The scripts' window. `hear` is told what the widget says, as a frame's messages would be.
const world = (frame, root, html, served, hear) => {
  const ears = new AbortController();
  const { signal } = ears;
  const timers = new Set();
  const bus = new EventTarget();
  // What is to be closed at the end.
  const open = new Set();
  const once = (act) => (...values) => signal.aborted || act(...values);

  const setTimeout = (call, millis, ...values) => {
    const id = window.setTimeout(() => {
      timers.delete(id);
      call(...values);
    }, millis);
    timers.add(id);
    if (signal.aborted) clearTimeout(id);
    return id;
  };
  const clearTimeout = (id) => {
    timers.delete(id);
    window.clearTimeout(id);
  };

  // Where an event of a frame's window or document comes from here.
  const hears = (target) => (type, call, how) =>
    target(type).addEventListener(type, call, { capture: how === true || !!how?.capture, signal });
  const ofWindow = (type) => {
    if (type === 'message' || type === 'pagehide') return bus;
    return ['online', 'storage', 'pageshow'].includes(type) ? window : root;
  };
  const addEventListener = hears(ofWindow);
  const removeEventListener = (type, call, how) => ofWindow(type).removeEventListener(type, call, how);
  const dispatchEvent = (event) => bus.dispatchEvent(event);
  window.addEventListener('pagehide', () => dispatchEvent(new Event('pagehide')), { signal });
  for (const type of OURS) root.addEventListener(type, (event) => event.stopPropagation(), { signal });

  const document_ = {
    documentElement: html,
    body: html.lastChild,
    get hidden() { return document.hidden; },
    get visibilityState() { return document.visibilityState; },
    get adoptedStyleSheets() { return root.adoptedStyleSheets; },
    set adoptedStyleSheets(sheets) { root.adoptedStyleSheets = sheets; },
    get activeElement() { return root.activeElement; },
    hasFocus: () => document.hasFocus() && frame.matches(':focus-within'),
    // The page came with the settings in its head.
    getElementById: (id) => root.getElementById(id) ?? served.getElementById(id),
    querySelector: (selector) => root.querySelector(selector),
    querySelectorAll: (selector) => root.querySelectorAll(selector),
    createElement: (tag) => document.createElement(tag),
    addEventListener: hears((type) => (type === 'visibilitychange' ? document : html)),
  };

  // The site around us, as a frame would have it.
  const parent = {
    postMessage: (data) => queueMicrotask(once(() => hear({ data, origin: gateway, source: frame.contentWindow }))),
  };
  const message = (data) => Object.assign(new Event('message'), { data, origin: location.origin, source: parent });
  const said = once((data) => dispatchEvent(message(data)));
  frame.contentWindow = {
    postMessage: (message) => {
      const data = structuredClone(message);
      queueMicrotask(() => said(data));
    },
  };

  // A connection that the site's policy forbids is told apart from one that fails: the browser says why a moment before
  // or after it says that.
  class WebSocket extends window.WebSocket {
    constructor(...how) {
      super(...how);
      open.add(this);
      const blocked = ({ blockedURI }) => blockedURI.startsWith(new URL(this.url).origin) && this.dispatchEvent(new Event('blocked'));
      document.addEventListener('securitypolicyviolation', blocked, { signal });
      const closed = () => {
        open.delete(this);
        document.removeEventListener('securitypolicyviolation', blocked);
      };
      super.addEventListener('close', () => setTimeout(closed));
    }
    addEventListener(type, call) {
      super.addEventListener(type, type === 'close' ? (event) => setTimeout(call, 0, event) : call, { signal });
    }
  }
  class BroadcastChannel extends window.BroadcastChannel {
    constructor(name) {
      super(name);
      open.add(this);
    }
  }
  class AudioContext extends window.AudioContext {
    constructor() {
      super();
      open.add(this);
    }
  }
  class URL extends window.URL {
    static createObjectURL(blob) {
      const url = super.createObjectURL(blob);
      open.add({ close: () => super.revokeObjectURL(url) });
      return url;
    }
  }
  const fetch = (address, how) => window.fetch(new window.URL(address, gateway), { ...how, signal });
  const locks = navigator.locks && {
    // The one that holds a lock lets it go at the end, and whoever waits for it does not wait any longer.
    request: (name, how, call) => navigator.locks.request(name, how.steal ? how : { ...how, signal }, call),
  };
  const navigator_ = {
    locks,
    get languages() { return navigator.languages; },
    get userActivation() { return navigator.userActivation; },
  };
  const requestIdleCallback = window.requestIdleCallback && ((call) => window.requestIdleCallback(once(call)));
  const location_ = { origin: gateway };
  const self = {
    document: document_, location: location_, parent, crypto, history, addEventListener, setTimeout, clearTimeout, requestIdleCallback,
    // Browsers that block it throw where it is asked for.
    get localStorage() { return window.localStorage; },
    get sessionStorage() { return window.sessionStorage; },
  };

  frame.remove = () => {
    dispatchEvent(new Event('pagehide'));
    ears.abort();
    timers.forEach(clearTimeout);
    open.forEach((one) => one.close());
    open.clear();
    HTMLElement.prototype.remove.call(frame);
  };
  return {
    self, document: document_, location: location_, parent, navigator: navigator_,
    addEventListener, removeEventListener, dispatchEvent, setTimeout, clearTimeout, fetch,
    WebSocket, BroadcastChannel, AudioContext, URL,
  };
};

export default async (frame, hear) => {
  const style = fetch(new URL('widget.css', import.meta.url)).then((answer) => answer.text());
  const [served, rules] = await Promise.all([read(gateway + '/widget/'), style]);
  // Taken away meanwhile.
  if (!frame.isConnected) return;
  frame.removeAttribute('title');
  const root = frame.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(HOST + rules);
  root.adoptedStyleSheets = [sheet];
  const html = document.createElement('html');
  html.append(document.importNode(served.body, true));
  // The site's page has its own main part and its own first heading.
  const inside = html.querySelector('template');
  const part = document.createElement('section');
  part.ariaLabel = 'Chat';
  part.append(...inside.content.firstElementChild.children);
  part.querySelector('h1').remove();
  inside.replaceWith(part);
  root.append(html);
  const around = world(frame, root, html, served, hear);
  const known = {};
  const need = (path) => (known[path] ||= make(path));
  // Words are the same for everybody; whatever else there is, is made for this world.
  const make = async (path) => {
    if (/(words|later)-/.test(path)) return import(path);
    return (await import(path.replace('./', './shadow-'))).default(around, need);
  };
  known['./widget.js'] = widget(around, need);
  await (await known['./widget.js']).done;
};
