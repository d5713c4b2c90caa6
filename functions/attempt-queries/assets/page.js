// Keeps the parts marked with data-live up to date while someone looks at them. Everything works without it.
"use strict";
(() => {
  const toggle = document.getElementById("live-toggle");
  const status = document.getElementById("live-status");
  if (!toggle || !status || !document.querySelector("[data-live]")) return;
  const PERIOD = Number(toggle.dataset.period) || 15_000; // milliseconds between two looks

  let news = new Map();
  let stopped = false;

  const isOn = () => toggle.getAttribute("aria-pressed") === "true";
  const regions = (page) => [...page.querySelectorAll("[data-live]")];
  const isInUse = (region) => {
    const selection = document.getSelection();
    return !selection.isCollapsed && region.contains(selection.anchorNode);
  };

  // Replaces a part by its new state. Focus stays where it was, and so do opened details.
  function replace(old, fresh) {
    if (isInUse(old) || old.isEqualNode(fresh)) return;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    const opened = [...old.querySelectorAll("details[open][id]")].map((details) => details.id);
    const next = document.importNode(fresh, true);
    old.replaceWith(next);
    opened.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
    if (focused) (document.getElementById(focused) ?? document.getElementById("main")).focus({ preventScroll: true });
    if (news.get(next.id) !== next.dataset.news) status.textContent = next.dataset.news;
    news.set(next.id, next.dataset.news);
  }

  function end(sentence) {
    stopped = true;
    toggle.hidden = true;
    status.classList.remove("visually-hidden");
    status.textContent = sentence;
  }

  function look() {
    if (stopped || !isOn() || document.hidden) return;
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.timeout = PERIOD;
    request.onload = () => {
      if (request.status === 401) return end("You are logged out. Reload this page to log in again.");
      if (request.status !== 200 || !request.response) return;
      regions(document).forEach((old) => {
        const fresh = request.response.getElementById(old.id);
        if (fresh) replace(old, fresh);
      });
    };
    request.send();
  }

  regions(document).forEach((region) => news.set(region.id, region.dataset.news));
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    toggle.setAttribute("aria-pressed", String(!isOn()));
    look();
  });
  document.addEventListener("visibilitychange", look);
  setInterval(look, PERIOD);
})();
