// The playground: everything shown is text; nothing is fetched but from this server.
const $ = (id) => document.getElementById(id);
const state = { columns: [], documents: [], gains: new Map(), judging: false };

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function say(text, isError = false) {
  $("status").textContent = text;
  $("status").className = isError ? "error" : "";
}

async function ask(path, body) {
  const headers = {};
  const key = $("key").value;
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  const options = { method: body ? "POST" : "GET", headers };
  if (body) options.body = JSON.stringify(body);
  const reply = await fetch(path, options);
  const answer = await reply.json();
  if (reply.status === 401) $("lock").hidden = false;
  if (!reply.ok) throw new Error(answer.message || reply.statusText);
  return answer;
}

function documents() {
  const text = $("documents").value.trim();
  if (text.startsWith("[")) {
    try {
      const list = JSON.parse(text);
      if (list.every((d) => d === null || ["string", "object"].includes(typeof d))) return list;
    } catch { /* it is no JSON: paragraphs */ }
  }
  return text ? text.split(/\n\s*\n/).map((part) => part.trim()).filter(Boolean) : [];
}

const textOf = (document) =>
  typeof document === "string" ? document : document === null ? "(null)" : document.text ?? JSON.stringify(document);
const chosen = () => [...document.querySelectorAll("#rerankers input:checked")].map((box) => box.value);
const shown = (value) =>
  typeof value === "string" ? value : Number.isInteger(value) || typeof value !== "number" ? JSON.stringify(value) : fixed(value);
const fixed = (number) => (Math.abs(number) < 1e4 ? number.toFixed(4) : number.toExponential(3));

async function loadNames() {
  const models = (await ask("v1/models")).data;
  const wanted = new Set(state.wanted ?? models.slice(0, 2).map((m) => m.id));
  $("rerankers").replaceChildren(...models.map((model) => {
    const label = element("label");
    const box = element("input", undefined, { type: "checkbox", value: model.id });
    box.checked = wanted.has(model.id);
    const status = model.status === "ready" ? "" : ` (${model.status})`;
    label.append(box, ` ${model.id}${status}`);
    return label;
  }));
  const { tables } = await ask("tables");
  $("search").hidden = tables.length === 0;
  $("table").replaceChildren(...tables.map((name) => element("option", name, { value: name })));
}

async function fetchDocuments() {
  try {
    say("Searching ...");
    const answer = await ask("search", { query: $("query").value, table: $("table").value, limit: 50 });
    $("documents").value = JSON.stringify(answer.documents, null, 1);
    say(`${answer.documents.length} documents. ${answer.notes.join(" ")}`);
  } catch (error) { say(error.message, true); }
}

async function run(event) {
  event?.preventDefault();
  const names = chosen();
  const list = documents();
  const query = $("query").value;
  if (!names.length || !list.length || !query.trim()) {
    say("Give a query and documents, and choose a reranker.", true);
    return;
  }
  say("Ranking ...");
  if (state.query !== query || JSON.stringify(state.documents) !== JSON.stringify(list)) state.gains.clear();
  Object.assign(state, { query, documents: list });
  remember();
  state.columns = await Promise.all(names.map(async (name) => {
    const start = performance.now();
    try {
      const answer = await ask("v1/rerank", { model: name, query, documents: list, explain: true });
      return { name, answer, ms: performance.now() - start };
    } catch (error) { return { name, error: error.message }; }
  }));
  show();
}

function overlap(k = 10) {
  const tops = state.columns.filter((c) => c.answer)
    .map((c) => new Set(c.answer.results.slice(0, k).map((r) => r.index)));
  if (tops.length < 2) return "";
  const shared = [...tops[0]].filter((i) => tops.every((top) => top.has(i))).length;
  const size = Math.min(k, ...tops.map((top) => top.size));
  return `${shared} of the first ${size} in all. `;
}

function ndcg(results, k = 10) {
  const gain = (i) => 2 ** (state.gains.get(i) ?? 0) - 1;
  const sum = (gains) => gains.slice(0, k).reduce((all, g, i) => all + g / Math.log2(i + 2), 0);
  const best = sum(state.documents.map((_, i) => gain(i)).sort((a, b) => b - a));
  return best ? sum(results.map((r) => gain(r.index))) / best : null;
}

function show() {
  $("columns").replaceChildren(...state.columns.map(column));
  say(overlap() + (state.gains.size ? `${state.gains.size} judged.` : ""));
  $("qrels").hidden = state.gains.size === 0;
}

function column({ name, answer, error, ms }) {
  const made = element("article");
  made.append(element("h2", name));
  if (error) {
    made.append(element("p", error, { class: "error" }));
    return made;
  }
  const quality = state.gains.size ? ndcg(answer.results) : null;
  const said = [answer.score_kind, `${Math.round(answer.timing.rank * 1000)} ms (${Math.round(ms)} with the round trip)`];
  if (quality !== null) said.unshift(`nDCG@10 ${quality.toFixed(3)}`);
  made.append(element("p", said.join(", "), { class: "said" }));
  for (const note of answer.notes) made.append(element("p", `Note: ${note.text}`, { class: "said" }));
  const scores = answer.results.map((r) => r.raw_score).filter((s) => s !== null);
  const [low, high] = answer.score_kind === "probability" ? [0, 1] : [Math.min(...scores), Math.max(...scores)];
  const list = element("ol");
  answer.results.forEach((result, place) => list.append(item(result, place, low, high, name)));
  made.append(list);
  return made;
}

function item(result, place, low, high, name) {
  const row = element("li", undefined, { "data-index": result.index, tabindex: "0" });
  const head = element("div", undefined, { class: "head" });
  const moved = result.index - place;
  const way = moved > 0 ? `\u2191${moved}` : moved < 0 ? `\u2193${-moved}` : "=";
  head.append(element("span", `${place + 1}.`), element("span", way, { title: `it was number ${result.index + 1}` }));
  if (result.raw_score === null) head.append(element("span", "not scored"));
  else {
    const meter = element("meter", undefined, { "aria-label": `score in ${name}`, min: 0, max: 1 });
    meter.value = high > low ? (result.raw_score - low) / (high - low) : 1;
    head.append(meter, element("span", fixed(result.raw_score)));
  }
  const gain = state.gains.get(result.index);
  if (gain !== undefined) head.append(element("span", gain ? "relevant" : "not relevant"));
  row.append(head, element("p", textOf(state.documents[result.index])));
  if (result.columns) {
    const evidence = element("dl");
    for (const [key, value] of Object.entries(result.columns)) {
      if (key === "_degraded") continue; // a note says so once
      const pair = element("div");
      pair.append(element("dt", key), element("dd", shown(value)));
      evidence.append(pair);
    }
    if (evidence.children.length) row.append(evidence);
  }
  const light = (on) => document.querySelectorAll(`li[data-index="${result.index}"]`)
    .forEach((other) => other.classList.toggle("same", on));
  for (const [on, off] of [["mouseenter", "mouseleave"], ["focus", "blur"]]) {
    row.addEventListener(on, () => light(true));
    row.addEventListener(off, () => light(false));
  }
  row.addEventListener("click", () => act(row, result.index));
  return row;
}

function act(row, index) {
  if (!state.judging) {
    row.classList.toggle("open");
    return;
  }
  const gain = state.gains.get(index);
  if (gain === undefined) state.gains.set(index, 1);
  else if (gain === 1) state.gains.set(index, 0);
  else state.gains.delete(index);
  const at = [...document.querySelectorAll("#columns li")].indexOf(row);
  show();
  document.querySelectorAll("#columns li")[at]?.focus();
}

function qrels() {
  const lines = [...state.gains].map(([index, gain]) => `q1\t0\td${index}\t${gain}\n`);
  const link = element("a", undefined, { download: "judged.qrels" });
  link.href = URL.createObjectURL(new Blob(lines, { type: "text/plain" }));
  link.click();
  URL.revokeObjectURL(link.href);
}

function written(kind) {
  const name = chosen()[0] ?? "";
  const body = { model: name, query: $("query").value, documents: documents() };
  const quoted = JSON.stringify(body);
  if (kind === "curl") {
    return `curl ${location.origin}/v1/rerank -H 'Content-Type: application/json' -d '${quoted.replaceAll("'", "'\\''")}'`;
  }
  if (kind === "toml") {
    return `[rerankers.served]\nuse = "resift"\noptions = { base_url = ${JSON.stringify(location.origin)}, model = ${JSON.stringify(name)} }\n`;
  }
  const list = body.documents.map((d) => (d === null ? "None" : JSON.stringify(d))).join(", ");
  return `import resift\n\nreranker = resift.load("resift", base_url=${JSON.stringify(location.origin)}, model=${JSON.stringify(name)})\n`
    + `reranker.rank(${JSON.stringify(body.query)}, [${list}])\n`;
}

async function copy(kind) {
  const text = written(kind);
  try { await navigator.clipboard.writeText(text); say(`Copied ${text.length} characters.`); }
  catch { say(text); }
}

function remember() {
  const text = $("documents").value;
  const kept = { q: $("query").value, r: chosen(), ...(text.length <= 6000 ? { d: text } : {}) };
  history.replaceState(null, "", `#${encodeURIComponent(JSON.stringify(kept))}`);
}

function recall() {
  try {
    const kept = JSON.parse(decodeURIComponent(location.hash.slice(1)));
    $("query").value = String(kept.q ?? "");
    $("documents").value = String(kept.d ?? "");
    if (Array.isArray(kept.r)) state.wanted = kept.r.map(String);
    return Boolean(kept.q && kept.d);
  } catch { return false; }
}

function move(step) {
  const rows = [...(document.activeElement.closest("article") ?? $("columns")).querySelectorAll("li")];
  const at = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, at + step))]?.focus();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run(event);
  else if (typing) return;
  else if (event.key === "/") { event.preventDefault(); $("query").focus(); }
  else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "Enter" && event.target.matches("li")) act(event.target, Number(event.target.dataset.index));
});
$("form").addEventListener("submit", run);
$("fetch").addEventListener("click", fetchDocuments);
$("qrels").addEventListener("click", qrels);
$("key").addEventListener("change", () => loadNames().catch((error) => say(error.message, true)));
$("judge").addEventListener("click", (event) => {
  state.judging = !state.judging;
  event.target.setAttribute("aria-pressed", String(state.judging));
  say(state.judging ? "Click a document: relevant, not relevant, not judged." : "");
});
document.querySelectorAll("[data-copy]").forEach((button) =>
  button.addEventListener("click", () => copy(button.dataset.copy)));

const isComplete = recall();
loadNames().then(() => (isComplete ? run() : undefined)).catch((error) => say(error.message, true));
