// Start the NHS components and keep htmx swaps honest for people who cannot see them.
import { initAll } from "./nhsuk-frontend.min.js";

// The components look for these classes before they do anything.
document.body.classList.add("js-enabled", "nhsuk-frontend-supported");
initAll();

// A second press on a button whose form is under way would send it a second time.
const HELD = 2000; // milliseconds: a form that brings a file leaves its page in place
const sent = new WeakMap();
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  if (Date.now() - (sent.get(event.target) ?? -HELD) < HELD) event.preventDefault();
  else sent.set(event.target, Date.now());
});

const announcer = document.getElementById("announcements");

// A swap is announced by its own words: an element marked data-announce, or its
// first heading, which also takes the focus so that reading goes on from there.
document.body.addEventListener("htmx:load", (event) => {
  const swapped = event.detail.elt;
  if (swapped === document.body) return; // the page itself, not a swap
  const spoken = swapped.matches("[data-announce]")
    ? swapped
    : swapped.querySelector("[data-announce]");
  const heading = swapped.querySelector("h1, h2, h3");
  const words = spoken?.dataset.announce ?? heading?.textContent;
  if (announcer && words) announcer.textContent = words.trim();
  if (heading && !spoken) {
    heading.setAttribute("tabindex", "-1");
    heading.focus({ preventScroll: true });
  }
});

document.body.addEventListener("htmx:responseError", () => {
  if (announcer) announcer.textContent = "That did not work. Nothing was changed.";
});
