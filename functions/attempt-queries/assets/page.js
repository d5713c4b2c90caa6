// Keeps the parts marked with data-live up to date while someone looks at them, and shows times as the reader's clock has
// them. Everything works without it.
"use strict";
(() => {
  const toggle = document.getElementById("live-toggle");
  const status = document.getElementById("live-status");
  const day = 86_400;

  // A server may be ahead of this machine: the sandbox's lets hours pass.
  let ahead = Date.parse(document.body.dataset.now) - Date.now() || 0;

  function ago(at) {
    const seconds = (Date.now() + ahead - at) / 1000;
    if (seconds < 0 || seconds > 7 * day) return at.toLocaleDateString();
    if (seconds < 60) return "just now";
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    return seconds < day ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / day)} d ago`;
  }

  function localTimes(part) {
    part.querySelectorAll("time[datetime]").forEach((time) => {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) return;
      time.title = `${at.toLocaleString()} (${at.toISOString()})`;
      const short = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" };
      time.textContent = time.closest("[data-clock]") ? at.toLocaleString(undefined, short) : ago(at);
    });
  }

  const regions = (page) => [...page.querySelectorAll("[data-live]")];
  // As the server wrote them: what this script changed in them is no news.
  const shown = new Map();
  const news = new Map();
  regions(document).forEach((region) => {
    shown.set(region.id, region.outerHTML);
    news.set(region.id, region.dataset.news);
  });
  localTimes(document);
  if (!toggle || !status || shown.size === 0) return;

  const PERIOD = Number(toggle.dataset.period) || 15_000; // milliseconds between two looks
  let ended = false;
  let last = new Date();

  const isOn = () => toggle.getAttribute("aria-pressed") === "true";
  const isSelected = (region) => {
    const selection = document.getSelection();
    return !selection.isCollapsed && region.contains(selection.anchorNode);
  };

  // What was filled in and opened, by id, so that a new state of the part does not lose it.
  function held(region) {
    return [...region.querySelectorAll("input[id], textarea[id], select[id], details[id]")].map((one) => ({
      id: one.id, open: one.open, value: one.value, checked: one.checked,
    }));
  }

  function giveBack(kept) {
    kept.forEach(({ id, open, value, checked }) => {
      const one = document.getElementById(id);
      if (!one) return;
      if (one.tagName === "DETAILS") return void (one.open = open);
      if (one.type === "radio" || one.type === "checkbox") one.checked = checked;
      else one.value = value;
    });
  }

  // Replaces a part by its new state. Focus, text and opened details stay; what has another version is marked.
  function replace(old, fresh) {
    const written = fresh.outerHTML;
    if (isSelected(old) || shown.get(old.id) === written) return;
    const active = old.contains(document.activeElement) ? document.activeElement : null;
    const caret = typeof active?.selectionStart === "number" ? [active.selectionStart, active.selectionEnd] : null;
    const kept = held(old);
    const versions = new Map([...old.querySelectorAll("[data-version]")].map((one) => [one.id, one.dataset.version]));
    const next = document.importNode(fresh, true);
    localTimes(next);
    old.replaceWith(next);
    giveBack(kept);
    next.querySelectorAll("[data-version]").forEach((one) => {
      if (versions.get(one.id) !== one.dataset.version) one.classList.add("changed");
    });
    if (active?.id) {
      const again = document.getElementById(active.id) ?? document.getElementById("main");
      again.focus({ preventScroll: true });
      if (caret && again.id === active.id) again.setSelectionRange(...caret);
    }
    if (next.dataset.news && news.get(next.id) !== next.dataset.news) say(next.dataset.news, false);
    news.set(next.id, next.dataset.news);
    shown.set(next.id, written);
  }

  function say(sentence, isSeen) {
    status.classList.toggle("visually-hidden", !isSeen);
    if (status.textContent !== sentence) status.textContent = sentence;
  }

  function end(sentence) {
    ended = true;
    toggle.hidden = true;
    say(sentence, true);
  }

  // Nothing may look alive that is not: then there are no buttons either, which could not do anything.
  function connected(is) {
    if (is) {
      last = new Date();
      if (document.body.classList.contains("offline")) say("Connected again.", false);
    } else {
      say(`Disconnected. Last update at ${last.toLocaleTimeString()}.`, true);
    }
    document.body.classList.toggle("offline", !is);
  }

  function take(request) {
    if (request.status === 401) return end("You are logged out. Reload this page to log in again.");
    if (request.status >= 500 || !request.response) return connected(false);
    connected(true);
    if (request.status !== 200) return say(request.response.querySelector("main p")?.textContent ?? "", true);
    ahead = Date.parse(request.response.body.dataset.now) - Date.now() || ahead;
    regions(document).forEach((old) => {
      const fresh = request.response.getElementById(old.id);
      if (fresh) replace(old, fresh);
    });
  }

  let isAsking = false;

  function ask(method, address, body) {
    const request = new XMLHttpRequest();
    request.open(method, address);
    request.responseType = "document";
    request.timeout = Math.max(PERIOD, 10_000);
    isAsking = true;
    request.onloadend = () => { isAsking = false; };
    request.onload = () => take(request);
    request.onerror = request.ontimeout = () => connected(false);
    request.send(body);
  }

  function look() {
    if (ended || isAsking || !isOn() || document.hidden) return;
    ask("GET", location.pathname + location.search);
  }

  // Forms that come back to this page are sent without leaving it, so nothing jumps.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!document.body.hasAttribute("data-stay") || form.method !== "post") return;
    event.preventDefault();
    const fields = new URLSearchParams(new FormData(form, event.submitter));
    event.submitter?.classList.add("pressed");
    ask("POST", form.getAttribute("action"), fields); // a field may be named `action`
  });

  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    toggle.setAttribute("aria-pressed", String(!isOn()));
    look();
  });
  document.addEventListener("visibilitychange", look);
  setInterval(look, PERIOD);
})();
