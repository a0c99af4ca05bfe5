// The list of partitions. Rows are made once and updated in place; only what changed is touched.
import { $, el, number, seconds, setAttribute, setHidden, setText } from './dom.js';
import { isTroubled, stateLevel, stateName, why } from './words.js';

const body = $('rows').tBodies[0];
const rows = new Map(); // by name, in no order
let current = null; // the one order that Tab reaches
let orders = {}; // what the buttons do, by name

const filter = { show: 'all', words: [] };
const keys = {
  name: () => 0,
  state: (r) => -['quiet', 'ok', 'main', 'warn', 'bad'].indexOf(stateLevel(r.p)),
  lag: (r) => -(r.p.lag ?? -1),
  age: (r) => -(r.p.oldestUnackedSeconds ?? 0),
};

/** Wires the controls; act has a function for each order, called with the partition. */
export function start(act) {
  orders = act;
  for (const radio of document.querySelectorAll('input[name=show]')) {
    radio.addEventListener('change', () => { filter.show = radio.value; arrange(); });
  }
  $('search').addEventListener('input', () => {
    filter.words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
    arrange();
  });
  $('sort').addEventListener('change', () => { arrange(true); });
  body.addEventListener('keydown', move);
  body.addEventListener('focusin', (event) => reachable(event.target));
}

/** Shows the partitions of a status. */
export function show(partitions) {
  const gone = new Set(rows.keys());
  let longest = 1;
  for (const p of partitions) longest = Math.max(longest, p.lag ?? 0);
  for (const p of partitions) {
    const name = `${p.topic}/${p.partition}`;
    gone.delete(name);
    let row = rows.get(name);
    if (!row) rows.set(name, row = create(name));
    update(row, p, longest);
  }
  for (const name of gone) {
    rows.get(name).node.remove();
    rows.delete(name);
  }
  arrange();
}

function create(name) {
  const cell = (label, className = '') => {
    const td = el('td', { className, role: 'cell' }); // said again for narrow screens, where it is no table for CSS
    td.dataset.name = label;
    return td;
  };
  const r = { name, p: null, text: '', buttons: {} };
  r.state = el('span', { className: 'state' });
  r.why = el('span', { className: 'why' });
  r.lag = el('span');
  r.bar = el('i');
  r.cells = {
    name: cell('Partition'), state: cell('State'), committed: cell('Committed', 'number'), acked: cell('Acked', 'number'), end: cell('End', 'number'),
    lag: cell('Lag', 'number'), age: cell('Oldest', 'number'), epoch: cell('Epoch', 'number'), owner: cell('Owner'), orders: cell('', 'orders'),
  };
  r.cells.state.append(el('div', {}, r.state, r.why));
  const bar = el('span', { className: 'lag' }, r.bar);
  bar.setAttribute('aria-hidden', 'true'); // the number says it
  r.cells.lag.append(el('div', {}, r.lag, bar));
  for (const [order, label] of [['retry', 'Retry'], ['skip', 'Skip'], ['pause', 'Pause'], ['seek', 'Seek']]) {
    const button = el('button', { type: 'button', textContent: label, tabIndex: -1 });
    button.setAttribute('aria-label', `${label} ${name}`);
    button.addEventListener('click', () => orders[order === 'pause' && r.p.state === 'paused' ? 'resume' : order](r.p));
    r.buttons[order] = button;
    r.cells.orders.append(button);
  }
  setText(r.cells.name, name);
  r.node = el('tr', { role: 'row' }, ...Object.values(r.cells));
  r.node.dataset.key = name;
  return r;
}

function update(r, p, longest) {
  r.p = p;
  const reason = why(p);
  r.text = `${r.name} ${stateName(p)} ${p.reason} ${reason} ${p.owner ?? ''}`.toLowerCase();
  setText(r.state, stateName(p));
  setAttribute(r.state, 'data-level', stateLevel(p));
  setText(r.why, reason);
  setAttribute(r.why, 'title', reason);
  setText(r.cells.committed, number(p.committed));
  setText(r.cells.acked, number(p.acked));
  setText(r.cells.end, number(p.logEnd));
  setText(r.lag, number(p.logEnd < 0 ? null : p.lag));
  const share = `${Math.round((Math.max(0, p.lag ?? 0) / longest) * 100)}%`;
  if (r.share !== share) r.bar.style.setProperty('--share', r.share = share);
  setText(r.cells.age, p.oldestUnackedSeconds > 0 ? seconds(p.oldestUnackedSeconds) : '–');
  setText(r.cells.epoch, p.epoch || '–'); // a name rather than a quantity
  setText(r.cells.owner, p.owner ?? '');
  const resume = p.state === 'paused' ? 'Resume' : 'Pause';
  setText(r.buttons.pause, resume);
  setAttribute(r.buttons.pause, 'aria-label', `${resume} ${r.name}`);
  setHidden(r.buttons.retry, !isTroubled(p) || p.stored);
  setHidden(r.buttons.skip, !(p.stored ? p.state === 'stored' : isTroubled(p)) || !Number.isSafeInteger(skipped(p)) || skipped(p) < 0);
}

/** The offset that would be skipped: the next one to deliver. */
export const skipped = (p) => (p.stored ? p.committed : p.acked);

// arrange hides what the filter leaves out and puts the rest in order. Rows don't move under somebody who works in them.
function arrange(sorted = false) {
  const all = [...rows.values()];
  const counts = { all: all.length, troubled: 0, paused: 0 };
  let shown = 0;
  for (const r of all) {
    const troubled = isTroubled(r.p), paused = r.p.state === 'paused';
    if (troubled) counts.troubled++;
    if (paused) counts.paused++;
    const visible = (filter.show === 'all' || (filter.show === 'troubled' ? troubled : paused)) && filter.words.every((w) => r.text.includes(w));
    setHidden(r.node, !visible);
    if (visible) shown++;
  }
  for (const [name, n] of Object.entries(counts)) setText(document.querySelector(`#show input[value=${name}] + span b`), number(n));
  setText($('shown'), shown === all.length ? '' : `${number(shown)} of ${number(all.length)} partitions are shown.`);
  const busy = body.contains(document.activeElement) || document.querySelector('dialog[open]');
  if (sorted || !busy || body.rows.length !== all.length) order(all);
  if (!current?.isConnected || current.hidden || current.closest('tr').hidden) reachable(first());
}

function order(all) {
  const key = keys[$('sort').value];
  all.sort((a, b) => key(a) - key(b) || (a.p.topic < b.p.topic ? -1 : a.p.topic > b.p.topic ? 1 : a.p.partition - b.p.partition));
  let at = body.firstElementChild;
  for (const r of all) {
    if (r.node === at) at = at.nextElementSibling;
    else body.insertBefore(r.node, at);
  }
}

// One order of the list is reached by Tab, the others by arrows: a thousand partitions are not a thousand stops.
function reachable(button) {
  if (!button?.matches?.('button') || button === current) return;
  if (current) current.tabIndex = -1;
  current = button;
  current.tabIndex = 0;
}

const orderOf = (row) => [...row.querySelectorAll('button')].filter((b) => !b.hidden);

function first() {
  for (const row of body.rows) if (!row.hidden) return orderOf(row)[0];
  return null;
}

function move(event) {
  const row = event.target.closest('tr');
  const here = orderOf(row);
  const at = here.indexOf(event.target);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  let to = null;
  if (step) {
    let next = row;
    do next = step > 0 ? next.nextElementSibling : next.previousElementSibling; while (next?.hidden);
    const there = next && orderOf(next);
    to = there && there[Math.max(0, there.length - (here.length - at))];
  } else if (event.key === 'ArrowRight') to = here[at + 1];
  else if (event.key === 'ArrowLeft') to = here[at - 1];
  else if (event.key === 'Home') to = first();
  else if (event.key === 'End') to = [...body.rows].reverse().filter((r) => !r.hidden).map((r) => orderOf(r)[0])[0];
  else return;
  event.preventDefault();
  to?.focus();
}
