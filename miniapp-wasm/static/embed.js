// Baton's loader: one frame on the page, or in shadow mode an element, and a strict conversation with it.
(() => {
  const script = document.currentScript;
  const stub = window.Baton;
  // A second script of ours changes nothing.
  if (!script || stub?.loaded) return;
  const gateway = new URL(script.src).origin;
  const hosted = gateway + '/chat/';
  const small = matchMedia('(max-width: 480px)');
  const warn = (...what) => console.warn('Baton:', ...what);
  const known = ['area', 'name', 'email', 'subject', 'mail', 'language', 'mode'];
  const settings = {}, listeners = {};
  const ears = new AbortController();
  let waiting = [], frame, box, ready, open, link, alarm, last, unread, ended, token, other, bye, gone;

  // Texts under names that we know; whatever else a page has there is said and left out.
  const take = (from, whose) => {
    for (const name in Object(from)) {
      const value = from[name];
      if (known.includes(name) && typeof value == 'string' && value.length <= 200) settings[name] = value;
      else warn(`${whose} "${name}" is left out: settings are ${known}, texts up to 200 letters`);
    }
  };

  // A transfer's claim leaves the address bar before anybody can copy it; other parts of the fragment stay.
  const takeClaim = () => {
    const parts = location.hash.slice(1).split('&');
    const at = parts.findIndex((part) => part.startsWith('baton='));
    if (at < 0) return;
    const [claim] = parts.splice(at, 1);
    const rest = parts.join('&');
    history.replaceState(history.state, '', location.pathname + location.search + (rest && '#' + rest));
    return claim.slice(6);
  };

  const post = (message) => {
    if (ready) frame.contentWindow.postMessage({ baton: 1, ...message }, gateway);
    else waiting.push(message);
  };
  const act = (what) => post({ type: 'do', what });
  const introduce = () => post({ type: 'identify', token });

  // Without query and fragment: they may hold what is none of the gateway's business.
  const page = () => ({ url: location.origin + location.pathname, title: document.title });

  const report = () => setTimeout(() => {
    const now = page();
    if (!gone && last != (last = now.url + now.title)) post({ type: 'page', page: now });
  });

  // No rule of the page's is stronger, whatever it says of every element.
  const style = (it, rules) => it.style.cssText = ('all:initial;color-scheme:light;' +
    (box ? 'display:block;width:100%;height:100%' : 'position:fixed;right:0;bottom:0;z-index:2147483000;' + rules)).replace(/;|$/g, '!important;');

  const shape = () => {
    const full = box ? 1 : small.matches && 2;
    // Always of the size of the window, and cut down to the launcher, for clicks as well: so nothing ever jumps.
    style(frame, `max-width:100%;max-height:100%;width:${full ? '100%;height:100%' : '416px;height:clamp(632px,70%,800px)'};clip-path:${open ? 'none' : 'inset(calc(100% - 92px) 0 0 calc(100% - 92px))'}`);
    post({ type: 'shape', full });
    // Over the whole page it has the keyboard, which browsers do not let a frame take by itself.
    if (open && full > 1 && frame != document.activeElement) frame.focus();
  };

  // A way to us all the same.
  const help = () => {
    clearTimeout(alarm);
    warn(`no answer from ${gateway}: is it in this page's policy (frame-src; in shadow mode script-src, connect-src), and ${location.origin} in its "sites"?`);
    link = document.createElement('a');
    link.href = settings.mail ? 'mailto:' + settings.mail : hosted;
    link.target = '_blank';
    link.textContent = settings.mail || 'Chat';
    style(link, 'padding:8px;color:#00e;background:#fff;cursor:pointer;text-decoration:underline');
    frame.before(link);
    frame.remove();
    tell('unavailable');
  };

  const tell = (name, detail) => {
    if (name == 'unread') unread = detail;
    if (/^(started|ended|again)$/.test(name)) ended = name == 'ended';
    // What fails there fails there alone.
    listeners[name]?.forEach((call) => setTimeout(call, 0, detail));
    dispatchEvent(new CustomEvent('baton:' + name, { detail }));
    if (token && name == 'started') introduce();
    leave();
  };

  // A chat that is over leaves with its window, once everything in it has been seen (M4).
  const leave = () => {
    if (ended && !open && !unread && !other) {
      ended = 0;
      act('shutdown');
    }
  };

  // Encrypted, or on this machine; the address's own spelling, as browsers write it (threat 5).
  const navigate = (url) => {
    const { href } = new URL(url);
    if (/^(https:\/\/[^/@]+|http:\/\/([\w.-]+\.)?(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)\//.test(href)) location.assign(href);
  };

  const onMessage = (event) => {
    const data = event.data;
    if (event.source != frame?.contentWindow || event.origin != gateway || data?.baton != 1) return;
    const { type } = data;
    if (type == 'ready') {
      clearTimeout(alarm);
      alarm = bye && setTimeout(remove, bye);
      ready = 0;
      shape();
      if (box) act('open');
      ready = true;
      post({ type: 'init', settings, page: page(), claim, calls: waiting });
      waiting = [];
      claim = '';
      tell('ready');
    } else if (type == 'size') {
      open = data.open;
      shape();
      leave();
    } else if (type == 'navigate') navigate(data.url);
    else if (type == 'back') history.back();
    else if (type == 'gone') {
      drop();
      if (other) introduce(other = create());
      else remove();
    } else if (type == 'visitor') {
      // What asks for the token is loaded after the chat itself.
      post({ type: 'site', settings, page: page() });
      if (token) introduce();
    } else if (type == 'other') {
      // Another customer has logged on here: the chat that was is over, and theirs begins anew (M4).
      other = true;
      act('shutdown');
    }
    else if (type == 'warn') warn(data.text);
    else if (type == 'event') tell(data.name, data.detail);
  };

  const onHash = () => {
    const claim = takeClaim();
    if (claim) post({ type: 'claim', claim });
    report();
  };

  const originals = ['pushState', 'replaceState'].map((name) => {
    const original = history[name];
    const wrapped = history[name] = function (...args) {
      original.apply(this, args);
      report();
    };
    return () => { if (history[name] == wrapped) history[name] = original; };
  });

  const create = () => {
    if (frame) return;
    const shadow = settings.mode == 'shadow';
    const mine = frame = document.createElement(shadow ? 'div' : 'iframe');
    frame.title = 'Chat';
    frame.src = gateway + '/widget/';
    shape();
    (box || document.documentElement).append(frame);
    clearTimeout(alarm);
    alarm = setTimeout(help, 15000);
    // What stands in for a frame says and hears what a frame would.
    if (shadow) import(gateway + '/widget/shadow.js').then((it) => it.default(mine, onMessage)).catch(() => mine == frame && help());
  };

  // The page comes first: its load event waits for no frame of ours, nor we for ever for what it waits for.
  const soon = (late) => {
    if (late == 1 || document.readyState == 'complete') (window.requestIdleCallback || setTimeout)(() => gone || create());
    else if (!frame) {
      clearTimeout(alarm);
      addEventListener('load', soon, ears);
      alarm = setTimeout(soon, 5000, 1);
    }
  };

  const drop = () => {
    clearTimeout(alarm);
    frame?.remove();
    link?.remove();
    frame = ready = open = ended = unread = undefined;
  };

  const remove = () => {
    if (gone) return;
    drop();
    gone = true;
    ears.abort();
    originals.forEach((restore) => restore());
    if (window.Baton == Baton) delete window.Baton;
    tell('gone');
  };

  const Baton = (what, name, call) => {
    const calls = listeners[name] ||= new Set();
    if (what == 'on' && call) calls.add(call);
    else if (what == 'off') calls.delete(call);
    else if (what == 'update') {
      take(name, what);
      if (ready) post({ type: 'set', settings });
    } else if (what == 'identify') {
      token = name;
      create();
      introduce();
    } else if (!/^(open|close|toggle|shutdown)$/.test(what)) warn(`"${what}" is unknown`);
    else {
      create();
      act(what);
      if (what == 'shutdown') {
        // The frame has a gateway to tell, and is not waited for for long.
        clearTimeout(alarm);
        alarm = setTimeout(remove, link ? 0 : (bye = 5000));
      }
    }
  };
  Baton.loaded = true;
  window.Baton = Baton;

  take(window.batonSettings, 'batonSettings');
  take({ ...script.dataset }, 'data-');
  let claim = takeClaim();
  addEventListener('message', onMessage, ears);
  addEventListener('hashchange', onHash, ears);
  addEventListener('popstate', report, ears);
  // A page's own link to the chat page opens the window; it leads there where we are blocked.
  addEventListener('click', (event) => {
    if (ready && event.target.href == hosted && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      act('open');
    }
  }, ears);
  small.addEventListener('change', () => frame && shape(), ears);

  // <baton-chat area="sales"> has the chat in its own place on the page.
  customElements.get('baton-chat') || customElements.define('baton-chat', class extends HTMLElement {
    connectedCallback() {
      if (gone) return;
      drop();
      box = this;
      this.style.display ||= 'block';
      settings.area = this.getAttribute('area') || settings.area;
      soon();
    }
    disconnectedCallback() {
      if (box == this) drop(box = undefined);
    }
  });

  Array.from(stub?.q || []).forEach((call) => Baton(...call));
  if (claim) create();
  else soon();
})();
