// A single-page app: routes by the history, and a login whose token the site's own server signs.
window.Baton ||= (...call) => (Baton.q ||= []).push(call);

const views = { '/app/': 'Shop', '/app/stoves': 'Stoves', '/app/account': 'Account' };

const show = () => {
  document.title = views[location.pathname] || 'Nothing here';
  const view = document.getElementById('view');
  view.replaceChildren(document.createElement('h1'));
  view.firstChild.textContent = document.title;
};

document.addEventListener('click', async (event) => {
  const link = event.target.closest('a');
  if (link) {
    event.preventDefault();
    history.pushState(null, '', link.href);
    show();
  }
  const { who } = event.target.dataset;
  if (who) Baton('identify', await (await fetch('/app/token?who=' + who)).text());
  if (event.target.id == 'out') Baton('shutdown');
});
addEventListener('popstate', show);
show();
