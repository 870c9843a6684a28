// Keeps the figures fresh: every few seconds puts the newest page's parts in place of the old. A page says all it has to
// say without this file, as of when it was loaded.
'use strict';
(() => {
  const EVERY_MS = 5000;
  let paused = false;
  let waiting = false;

  async function refresh() {
    if (paused || waiting || document.visibilityState !== 'visible') return;
    waiting = true;
    const status = document.getElementById('status');
    try {
      const answer = await fetch(location.href, { redirect: 'manual', cache: 'no-store' });
      // A redirect leads to the sign-in page: go there.
      if (answer.type === 'opaqueredirect') return location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
      for (const old of document.querySelectorAll('[data-live]')) {
        const part = fresh.getElementById(old.id);
        if (part && part.innerHTML !== old.innerHTML) old.replaceChildren(...part.childNodes);
      }
      status.classList.remove('stale');
    } catch {
      // The server is away. What is shown stays, marked as old; the next round tries again.
      status.classList.add('stale');
    } finally {
      waiting = false;
    }
  }

  document.addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('pause');
    button.hidden = false;
    button.addEventListener('click', () => {
      paused = !paused;
      button.setAttribute('aria-pressed', String(paused));
      button.textContent = paused ? 'Resume updates' : 'Pause updates';
      if (!paused) refresh();
    });
    setInterval(refresh, EVERY_MS);
    document.addEventListener('visibilitychange', refresh);
  });
})();
