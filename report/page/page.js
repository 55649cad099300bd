
"use strict";
(() => {
  const keys = [...document.querySelectorAll("article.key")];
  if (!keys.length) return;
  const marks = new Map(); // by id: { decision, reason, owner, expires }
  const words = new Map(keys.map(k => [k, k.textContent.toLowerCase()]));
  const idOf = key => key.id.slice(2);
  let saved = true;

  // make returns an element with properties and children; text is never parsed.
  const make = (name, properties, ...children) => {
    const e = Object.assign(document.createElement(name), properties);
    e.append(...children);
    return e;
  };

  const search = make("input", { type: "search" });
  const choice = (label, attribute) => {
    const values = new Set(keys.map(k => k.dataset[attribute]));
    const select = make("select", {}, make("option", { value: "" }, "all"), ...[...values].map(v => make("option", { value: v }, v)));
    return { attribute, select, label: make("label", {}, label, select), offered: values.size > 1 };
  };
  const choices = [choice("Severity", "severity"), choice("Issuer", "issuer"), choice("Where", "state"), choice("Status", "status")].filter(c => c.offered);
  const marked = make("select", {}, ...["all", "unmarked", "accept", "skip"].map(v => make("option", { value: v }, v)));
  const shown = make("span", { role: "status" });
  const save = make("button", { type: "button", disabled: true }, "Save marks");
  const hint = make("p", { className: "hint" });
  [["/", "search"], ["j", "next key"], ["k", "previous key"], ["a", "accept"], ["s", "skip"], ["u", "take the mark back"]].forEach(([key, what], i) =>
    hint.append(i ? ", " : "", make("kbd", {}, key), " " + what));
  hint.append(". Marks change nothing by themselves: save them, and keysweep triage reads the file.");
  const bar = make("form", { className: "bar" }, make("label", { className: "wide" }, "Search", search), ...choices.map(c => c.label),
    make("label", {}, "Marks", marked), save, shown, hint);
  bar.addEventListener("submit", e => e.preventDefault());
  document.querySelector("#keys > h2").after(bar);

  const visible = () => keys.filter(k => !k.hidden);
  const filter = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const k of keys) {
      const decision = marks.get(idOf(k))?.decision ?? "unmarked";
      k.hidden = !(wanted.every(w => words.get(k).includes(w)) && choices.every(c => !c.select.value || k.dataset[c.attribute] === c.select.value) &&
        (marked.value === "all" || marked.value === decision));
    }
    const n = visible().length;
    shown.textContent = `${n.toLocaleString("en")} of ${keys.length.toLocaleString("en")} keys shown`;
  };
  search.addEventListener("input", filter);
  bar.addEventListener("change", filter);

  // One form serves all keys. What a person accepted already is not marked, nor can a key
  // be accepted that works.
  const reason = make("input", { required: true }), owner = make("input"), expires = make("input", { type: "date" });
  const form = make("form", {}, make("label", { className: "wide" }, "Reason", reason), make("label", {}, "Owner", owner), make("label", {}, "Until", expires), make("button", {}, "Accept"));
  const close = () => {
    const key = form.closest("article.key");
    form.remove();
    key?.focus();
  };
  const draw = key => {
    const mark = marks.get(idOf(key)), [, , undo, line] = key.lastElementChild.children;
    line.textContent = !mark ? "" : mark.decision === "skip" ? "Skipped" : "Accepted: " + mark.reason + (mark.owner && ", owner " + mark.owner) + (mark.expires && ", until " + mark.expires);
    undo.hidden = !mark;
    save.disabled = !marks.size;
  };
  const set = (key, mark) => {
    if (mark) marks.set(idOf(key), mark); else marks.delete(idOf(key));
    saved = false;
    draw(key);
  };
  form.addEventListener("submit", e => {
    e.preventDefault();
    if (!reason.value.trim()) return;
    set(form.closest("article.key"), { decision: "accept", reason: reason.value.trim(), owner: owner.value.trim(), expires: expires.value });
    close();
  });
  form.addEventListener("keydown", e => { if (e.key === "Escape") close(); });
  const actions = {
    accept: key => {
      key.lastElementChild.append(form);
      reason.value = "";
      reason.focus();
    },
    skip: key => set(key, { decision: "skip", reason: "", owner: "", expires: "" }),
    undo: key => { set(key, null); key.focus(); },
  };
  for (const key of keys) {
    if (key.dataset.severity === "accepted") continue;
    key.tabIndex = -1;
    const works = key.dataset.status === "active" || key.dataset.status === "restricted";
    const button = (name, words) => make("button", { type: "button", name }, words);
    const accept = button("accept", "Accept…"), undo = button("undo", "Take back");
    if (works) Object.assign(accept, { disabled: true, title: "A key that still works cannot be accepted." });
    undo.hidden = true;
    key.append(make("div", { className: "marks" }, accept, button("skip", "Skip"), undo, make("span", { className: "mark" })));
  }
  document.getElementById("keys").addEventListener("click", e => {
    const button = e.target.closest(".marks > button");
    if (button) actions[button.name](button.closest("article.key"));
  });

  save.addEventListener("click", () => {
    const list = keys.map(idOf).filter(id => marks.has(id)).map(id => ({ fingerprint: id, ...marks.get(id) }));
    const url = URL.createObjectURL(new Blob([JSON.stringify({ keysweep_marks: 1, marks: list }, null, 2) + "\n"], { type: "application/json" }));
    make("a", { href: url, download: "keysweep-marks.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
    saved = true;
  });
  addEventListener("beforeunload", e => { if (!saved && marks.size) e.preventDefault(); });
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(d => { d.open = true; }));

  addEventListener("keydown", e => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const typing = e.target.closest("input, select, textarea");
    if (typing) {
      if (e.key === "Escape") typing.blur();
      return;
    }
    const list = visible(), current = document.activeElement?.closest("article.key"), i = list.indexOf(current);
    const step = n => {
      const to = list[i < 0 && n < 0 ? list.length - 1 : Math.max(0, Math.min(list.length - 1, i + n))];
      if (to) { to.tabIndex = -1; to.focus(); }
    };
    const press = name => current?.querySelector(`.marks > button[name=${name}]`)?.click();
    const pressed = { "/": () => search.focus(), j: () => step(1), k: () => step(-1), a: () => press("accept"), s: () => press("skip"), u: () => press("undo") }[e.key];
    if (pressed) { e.preventDefault(); pressed(); }
  });
  filter();
})();
