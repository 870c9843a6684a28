// Keys and copying for transcripts. A page says all it has to say, and every place is reached by a link, without this file.
'use strict';
(() => {
  const places = () => [...document.querySelectorAll('[data-hit]')];

  // The place at or next to where the reader is: the one last gone to, or else what is on the screen.
  function current() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    return (target && target.querySelector('[data-hit]')) || null;
  }

  function go(forward) {
    const here = current();
    const way = here && here.querySelector(forward ? '[data-next]' : '[data-previous]');
    if (way) return way.click();
    if (here) return undefined;
    const all = places();
    const ahead = (place) => place.getBoundingClientRect().top > 0;
    const to = forward ? all.find(ahead) || all[0] : all.reverse().find((place) => !ahead(place)) || all[0];
    const holder = to && to.closest('[id]');
    if (holder) { location.hash = holder.id; return undefined; }
    const first = document.querySelector('.hits-bar [data-next]');
    return first && first.click();
  }

  function search() {
    const box = document.getElementById('words');
    if (box) { box.focus(); return; }
    const link = document.querySelector('[data-search]');
    if (link) link.click();
  }

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, textarea, select, [contenteditable]')) return;
    const acts = { n: () => go(true), p: () => go(false), '/': search };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  });

  async function copy(button) {
    const text = document.getElementById(button.dataset.copy).textContent;
    const words = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      // Not allowed, or no clipboard here: the text is selected, to be copied by hand.
      getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
      button.textContent = 'Selected: copy it';
    }
    setTimeout(() => { button.textContent = words; }, 2000);
  }

  document.addEventListener('DOMContentLoaded', () => {
    for (const button of document.querySelectorAll('[data-copy]')) {
      button.hidden = false;
      button.addEventListener('click', () => copy(button));
    }
    for (const keys of document.querySelectorAll('.keys')) keys.hidden = false;
  });
})();
