"use strict";
(function () {
  // --- index: the filter -------------------------------------------------------------------------------------
  const words = document.getElementById("words");
  if (words) {
    const outcome = document.getElementById("outcome");
    const matches = document.getElementById("matches");
    const topics = [...document.querySelectorAll(".topic")].map((section) => ({
      section,
      entries: [...section.querySelectorAll(".entry")].map((entry) => ({
        entry,
        text: [section.getAttribute("aria-label"), entry.closest(".card").querySelector("h3").textContent, entry.textContent,
          entry.dataset.words, entry.closest(".card").querySelector(".from, code").textContent].join(" ").toLowerCase(),
        outcomes: entry.dataset.outcome.split(" "),
      })),
    }));
    const filter = () => {
      const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0, all = 0;
      for (const { section, entries } of topics) {
        let some = false;
        for (const { entry, text, outcomes } of entries) {
          const fits = wanted.every((word) => text.includes(word)) && (!outcome.value || outcomes.includes(outcome.value));
          entry.hidden = !fits;
          some = some || fits;
          shown += fits;
          all += 1;
        }
        for (const card of section.querySelectorAll(".card")) card.hidden = !card.querySelector(".entry:not([hidden])");
        section.hidden = !some;
      }
      matches.textContent = shown === all ? "" : shown + " of " + all + " scenarios";
    };
    words.addEventListener("input", filter);
    outcome.addEventListener("change", filter);
    words.form.addEventListener("submit", (event) => event.preventDefault());
    filter();
  }

  // --- scenario: the steps -----------------------------------------------------------------------------------
  const runs = [...document.querySelectorAll(".run")].map((element) => ({
    element,
    steps: [...element.querySelectorAll(":scope > .step")],
    at: -1,
  }));
  if (!runs.length) return;
  let current = runs[0];

  // The content of a step waits as text until it is wanted.
  const fill = (step) => {
    const waiting = step.querySelector(":scope > noscript");
    if (!waiting) return;
    const template = document.createElement("template");
    template.innerHTML = waiting.textContent;
    step.replaceChildren(template.content);
  };

  const mark = (line) => {
    for (const old of document.querySelectorAll(".line.now")) old.classList.remove("now");
    const row = document.getElementById("L" + line);
    if (!row) return;
    row.classList.add("now");
    const box = row.closest(".listing");
    const top = row.offsetTop - box.offsetTop;
    if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - 40) box.scrollTop = Math.max(0, top - box.clientHeight / 3);
  };

  const bar = (run) => {
    const make = (name, content, label, act) => {
      const made = document.createElement(name);
      if (content) made.textContent = content;
      if (label) made.setAttribute("aria-label", label);
      if (act) made.addEventListener("click", act);
      return made;
    };
    const group = make("div");
    group.className = run.steps.length > 30 ? "bar long" : "bar";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "Choose a step");
    run.first = make("button", "⇤", "First step", () => go(run, 0));
    run.back = make("button", "←", "Previous step", () => go(run, run.at - 1));
    run.next = make("button", "→", "Next step", () => go(run, run.at + 1));
    run.last = make("button", "⇥", "Last step", () => go(run, run.steps.length - 1));
    run.first.className = run.last.className = "far";
    run.slider = make("input", "", "Step");
    Object.assign(run.slider, { type: "range", min: 1, max: run.steps.length, value: 1 });
    run.slider.addEventListener("input", () => go(run, run.slider.value - 1));
    run.count = make("span");
    run.count.className = "count";
    run.whole = make("button", "All steps", "", () => all(run, !run.element.classList.contains("all")));
    run.whole.setAttribute("aria-pressed", "false");
    const hint = make("span");
    hint.className = "hint";
    hint.innerHTML = "<kbd>←</kbd> <kbd>→</kbd>";
    run.said = make("p");
    run.said.className = "unseen";
    run.said.setAttribute("role", "status");
    run.said.setAttribute("aria-live", "polite");
    group.append(run.first, run.back, run.next, run.last, run.count, run.slider, run.whole, hint, run.said);
    if (run.steps.length) run.steps[0].before(group);
  };

  const address = (hash) => {
    try { history.replaceState(null, "", hash); } catch (error) { location.replace(hash); }
  };

  const all = (run, on) => {
    run.element.classList.toggle("all", on);
    run.whole.setAttribute("aria-pressed", String(on));
    run.whole.textContent = on ? "One step" : "All steps";
    if (!on) { go(run, run.at, true); return; }
    let i = 0;
    const more = () => {
      for (const until = Math.min(i + 40, run.steps.length); i < until; i += 1) fill(run.steps[i]);
      if (i < run.steps.length && run.element.classList.contains("all")) setTimeout(more, 0);
    };
    more();
  };

  const show = (run) => {
    current = run;
    for (const other of runs) other.element.classList.toggle("current", other === run);
    for (const link of document.querySelectorAll(".outcomes a, .compare thead a")) {
      const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (target && run.element.contains(target)) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };

  const go = (run, at, quiet) => {
    if (!run.steps.length) { show(run); return; }
    at = Math.max(0, Math.min(at, run.steps.length - 1));
    if (run !== current || !run.element.classList.contains("current")) show(run);
    const step = run.steps[at];
    if (run.at >= 0) run.steps[run.at].classList.remove("current");
    run.at = at;
    fill(step);
    step.classList.add("current");
    // Not `disabled`: a button that has the focus would lose it, and the keys with it.
    for (const button of [run.first, run.back]) button.setAttribute("aria-disabled", String(at === 0));
    for (const button of [run.next, run.last]) button.setAttribute("aria-disabled", String(at === run.steps.length - 1));
    run.slider.value = at + 1;
    run.count.textContent = "Step " + (at + 1) + " of " + run.steps.length;
    run.slider.setAttribute("aria-valuetext", run.count.textContent + ": " + step.dataset.label);
    mark(step.dataset.line);
    if (!quiet) {
      run.said.textContent = run.count.textContent + ": " + step.dataset.label;
      address("#" + step.id);
      if (run.element.classList.contains("all")) step.scrollIntoView();
    }
  };

  const place = (hash) => {
    const target = document.getElementById(decodeURIComponent(hash.slice(1)));
    const run = target && runs.find(({ steps }) => steps.includes(target));
    return run ? { run, target, at: run.steps.indexOf(target) } : null;
  };

  const follow = () => {
    const found = place(location.hash);
    if (!found) return false;
    const { run, target, at } = found;
    go(run, at, true);
    run.said.textContent = run.count.textContent + ": " + target.dataset.label;
    (run.element.classList.contains("all") ? target : run.element).scrollIntoView();
    return true;
  };

  for (const run of runs) bar(run);
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
    const target = event.target;
    if (target.closest && target.closest("input, select, textarea, .scroll, pre:not(.listing)")) return;
    const far = target.closest && target.closest(".bar") ? { Home: 0, End: current.steps.length - 1 } : {};
    const to = { ArrowLeft: current.at - 1, ArrowRight: current.at + 1, ...far }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(current, to);
  });
  addEventListener("hashchange", follow);
  let opened = [];
  addEventListener("beforeprint", () => {
    for (const run of runs) run.steps.forEach(fill);
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of opened) details.open = false; });
  if (matchMedia("(max-width: 700px)").matches) for (const source of document.querySelectorAll(".source")) source.open = false;
  if (!follow()) {
    // The first run that did not pass, at the step that its link leads to.
    const ended = [...document.querySelectorAll(".outcomes li")].find((item) => item.querySelector(".failed, .error"));
    const found = ended && place(ended.querySelector("a").hash);
    if (found) go(found.run, found.at, true);
    else go(runs[0], 0, true);
  }
})();
