// One key a decision in a meeting: a key presses the button that shows it.
document.addEventListener("keydown", (event) => {
  // A key that is held down repeats itself, on the next person's page too.
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return; // somebody is writing
  const button = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!button || button.disabled) return;
  event.preventDefault();
  button.click();
});
document.getElementById("person-now")?.focus();
