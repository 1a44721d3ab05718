// Baton's loader: one frame on the page, and a strict conversation with it.
(() => {
  const script = document.currentScript;
  const stub = window.Baton;
  if (!script || stub?.loaded) return;
  const gateway = new URL(script.src).origin;
  const settings = { ...window.batonSettings, ...script.dataset };
  const small = matchMedia('(max-width: 480px)');
  const listeners = {};
  let frame, ready, open, waiting = [], last = '';

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

  // Without query and fragment: they may hold what is none of the gateway's business.
  const page = () => ({ url: location.origin + location.pathname, title: document.title });

  const report = () => setTimeout(() => {
    const now = page();
    if (last !== (last = now.url + now.title)) post({ type: 'page', page: now });
  });

  const shape = () => {
    frame.style.cssText = 'position:fixed;right:0;bottom:0;border:0;background:none;color-scheme:light;z-index:2147483000;' +
      (!open ? 'width:92px;height:92px'
        : small.matches ? 'width:100%;height:100%'
          : 'width:416px;height:632px;max-width:100%;max-height:100%');
    if (ready) post({ type: 'shape', full: small.matches });
  };

  const navigate = (url) => {
    const to = new URL(url);
    const here = /^(localhost|127\.0\.0\.1|\[::1\]|.+\.localhost)$/.test(to.hostname);
    const secure = to.protocol === 'https:' || (to.protocol === 'http:' && here);
    if (secure && !to.username && !to.password) location.assign(to);
  };

  const onMessage = (event) => {
    const data = event.data;
    if (event.source !== frame?.contentWindow || event.origin !== gateway || data?.baton !== 1) return;
    if (data.type === 'ready') {
      ready = true;
      const calls = waiting;
      waiting = [];
      last = page().url + document.title;
      post({ type: 'init', settings: { ...settings }, page: page(), claim });
      calls.forEach(post);
    } else if (data.type === 'size') {
      open = data.open;
      shape();
    } else if (data.type === 'navigate') navigate(data.url);
    else if (data.type === 'back') history.back();
    else if (data.type === 'gone') remove();
    else if (data.type === 'event') listeners[data.name]?.forEach((call) => call(data.detail));
  };

  const onHash = () => {
    const claim = takeClaim();
    if (claim) post({ type: 'claim', claim });
    report();
  };

  const originals = ['pushState', 'replaceState'].map((name) => {
    const original = history[name];
    const wrapped = function (...args) {
      original.apply(this, args);
      report();
    };
    history[name] = wrapped;
    return () => { if (history[name] === wrapped) history[name] = original; };
  });

  const create = () => {
    if (frame) return;
    frame = document.createElement('iframe');
    frame.title = 'Chat';
    frame.src = gateway + '/widget/';
    shape();
    document.documentElement.append(frame);
  };

  const remove = () => {
    frame?.remove();
    frame = ready = undefined;
    removeEventListener('message', onMessage);
    removeEventListener('hashchange', onHash);
    removeEventListener('popstate', report);
    small.removeEventListener('change', onSmall);
    originals.forEach((restore) => restore());
    delete window.Baton;
  };

  const onSmall = () => frame && shape();

  const Baton = (what, ...args) => {
    if (what === 'on') (listeners[args[0]] ||= []).push(args[1]);
    else if (what === 'shutdown' && !frame) remove();
    else {
      create();
      post({ type: 'do', what });
      if (what === 'shutdown') setTimeout(remove, 1000);
    }
  };
  Baton.loaded = true;
  window.Baton = Baton;

  const claim = takeClaim();
  addEventListener('message', onMessage);
  addEventListener('hashchange', onHash);
  addEventListener('popstate', report);
  small.addEventListener('change', onSmall);
  stub?.q?.forEach((call) => Baton(...call));
  if (claim) create();
  else (window.requestIdleCallback || setTimeout)(() => window.Baton === Baton && create());
})();
