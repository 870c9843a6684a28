// Keeps the figures fresh: every so often puts the newest page's parts in place of the old, and leaves the reader where they
// are: focus, scrolling and what they have opened stay. A page says all it has to say without this file, as of when it
// was loaded.
'use strict';
(() => {
  // The server says how often; an answer that takes long is asked for less often still: one part in this many of its time.
  const SHARE = 20;
  const GONE_MS = 3000;
  let paused = false;
  let waiting = false;
  let freshAt = Date.now();
  let timer = 0;

  const every = () => 1000 * (Number(document.querySelector('[data-every]')?.dataset.every) || 5);

  // Where an element stands within its part, so that it is found again when the part is new.
  function wayTo(part, element) {
    const way = [];
    for (let at = element; at !== part; at = at.parentElement) {
      if (!at) return null;
      way.unshift([...at.parentElement.children].indexOf(at));
    }
    return way;
  }

  const follow = (part, way) => way.reduce((at, index) => at && at.children[index], part);

  function replace(old, part) {
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const address = focused && focused.getAttribute('href');
    const way = focused && wayTo(old, focused);
    const scrolled = [...old.querySelectorAll('.scroll')].map((box) => [wayTo(old, box), box.scrollLeft, box.scrollTop]);
    const opened = [...old.querySelectorAll('details[open]')].map((details) => wayTo(old, details));
    old.replaceChildren(...part.childNodes);
    for (const at of opened) { const details = follow(old, at); if (details) details.open = true; }
    for (const [at, left, top] of scrolled) {
      const box = follow(old, at);
      if (box) { box.scrollLeft = left; box.scrollTop = top; }
    }
    if (!focused) return;
    // The same figure may stand elsewhere now: its link is what it is known by.
    const same = [...old.querySelectorAll('a[href]')].find((link) => link.getAttribute('href') === address);
    const again = same || follow(old, way);
    if (again) again.focus({ preventScroll: true });
  }

  // Nothing is taken from under somebody who marks text.
  function isMarking(part) {
    const selection = getSelection();
    return selection && !selection.isCollapsed && part.contains(selection.anchorNode);
  }

  function tell(words) {
    const stale = document.getElementById('stale');
    if (stale && stale.textContent !== words) stale.textContent = words;
  }

  async function refresh() {
    if (paused || waiting || document.visibilityState !== 'visible') return;
    waiting = true;
    const begun = Date.now();
    try {
      const answer = await fetch(location.href, { redirect: 'manual', cache: 'no-store' });
      // A redirect leads to the sign-in page: go there.
      if (answer.type === 'opaqueredirect') return void location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
      for (const old of document.querySelectorAll('[data-live]')) {
        const part = fresh.getElementById(old.id);
        if (part && part.innerHTML !== old.innerHTML && !isMarking(old)) replace(old, part);
      }
      freshAt = Date.now();
      tell('');
    } catch {
      // The server is away. What is shown stays, marked as old; the next round tries again.
      tell(`The server does not answer: these figures are of ${new Date(freshAt).toLocaleTimeString()}.`);
    } finally {
      waiting = false;
      next(Math.max(every(), SHARE * (Date.now() - begun)));
    }
  }

  function next(ms) {
    clearTimeout(timer);
    timer = setTimeout(refresh, ms);
  }

  document.addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('pause');
    if (!button) return;
    button.hidden = false;
    button.addEventListener('click', () => {
      paused = !paused;
      button.setAttribute('aria-pressed', String(paused));
      button.textContent = paused ? 'Resume updates' : 'Pause updates';
      if (paused) tell(`Paused: these figures are of ${new Date(freshAt).toLocaleTimeString()}.`);
      else refresh();
    });
    document.addEventListener('visibilitychange', () => {
      // Nobody looks: nothing is asked. Whoever comes back sees at once what is new.
      if (document.visibilityState !== 'visible') clearTimeout(timer);
      else if (Date.now() - freshAt > GONE_MS) refresh();
      else next(every());
    });
    next(every());
  });
})();
