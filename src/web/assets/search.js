// One key: / leads to the words, as on other pages that search. The page works without it.
'use strict';
document.addEventListener('keydown', (event) => {
  const typing = event.target instanceof HTMLElement && event.target.matches('input, select, textarea');
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const words = document.getElementById('words');
  if (!words) return;
  event.preventDefault();
  words.focus();
  words.select();
});
