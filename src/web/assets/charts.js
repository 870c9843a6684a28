// Draws the dashboard's charts and keeps the page fresh. The page says what to draw, as JSON made on the server; this
// file adds the colours of the style sheet, and every few seconds puts the newest page's parts in place of the old.
'use strict';
(() => {
  const EVERY_MS = 5000;
  const SETTINGS = { displayModeBar: false, responsive: true };
  const drawn = new Map();

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    return {
      ink: of('--ink'), quiet: of('--quiet'), grid: of('--line'), card: of('--card'),
      series: [1, 2, 3, 4, 5, 6].map((number) => of(`--series-${number}`)),
    };
  }

  function themed(layout) {
    const colour = colours();
    const themedLayout = { ...layout };
    for (const key of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      themedLayout[key] = { gridcolor: colour.grid, linecolor: colour.grid, zerolinecolor: colour.grid, ...layout[key] };
    }
    return {
      ...themedLayout,
      colorway: colour.series,
      font: { color: colour.quiet, family: getComputedStyle(document.body).fontFamily, size: 13 },
      hoverlabel: { bgcolor: colour.card, bordercolor: colour.grid, font: { color: colour.ink } },
      paper_bgcolor: 'rgba(0,0,0,0)',
      plot_bgcolor: 'rgba(0,0,0,0)',
    };
  }

  function draw(again) {
    for (const place of document.querySelectorAll('.chart')) {
      const name = place.id.replace(/^chart-/, '');
      const source = document.querySelector(`script[data-chart="${CSS.escape(name)}"]`);
      if (!source) {
        if (drawn.delete(name)) Plotly.purge(place);
        continue;
      }
      if (!again && drawn.get(name) === source.textContent) continue;
      const plot = JSON.parse(source.textContent);
      Plotly.react(place, plot.data, themed(plot.layout), SETTINGS);
      drawn.set(name, source.textContent);
    }
  }

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
      draw(false);
    } catch {
      // The server is away. What is shown stays, marked as old; the next round tries again.
      status.classList.add('stale');
    } finally {
      waiting = false;
    }
  }

  document.addEventListener('DOMContentLoaded', () => {
    draw(false);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => draw(true));
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
