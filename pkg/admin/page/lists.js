// The smaller lists: topics, events, groups.
import { $, count, el, number, setText, time } from './dom.js';
import { isTroubled } from './words.js';

/** Updates the rows of a table in place. rows are {key, cells, orders}: texts, and buttons as [label, what it does]. */
function fill(table, labels, rows) {
  const body = table.tBodies[0];
  const known = new Map([...body.rows].map((r) => [r.dataset.key, r]));
  let at = body.firstElementChild;
  for (const { key, cells, orders = [] } of rows) {
    let row = known.get(key);
    known.delete(key);
    if (!row) {
      row = el('tr', { role: 'row' }, ...labels.map((label) => {
        const td = el('td', { role: 'cell', className: label.number ? 'number' : '' });
        td.dataset.name = label.text;
        return td;
      }));
      row.dataset.key = key;
      if (orders.length > 0) row.append(el('td', { role: 'cell', className: 'orders' }, ...orders.map(([label, act]) => el('button', { type: 'button', textContent: label, ariaLabel: `${label} all of ${key}`, onclick: act }))));
    }
    cells.forEach((text, i) => setText(row.cells[i], text));
    if (row === at) at = at.nextElementSibling;
    else body.insertBefore(row, at);
  }
  for (const row of known.values()) row.remove();
}

const columns = (...names) => names.map((n) => ({ text: n.replace('#', ''), number: n.startsWith('#') }));

export function showTopics(s, act) {
  fill($('topics'), columns('Topic', '#Partitions', '#Lag', 'State'), s.topics.map((t) => {
    const own = s.partitions.filter((p) => p.topic === t.topic);
    const troubled = own.filter(isTroubled).length, paused = own.filter((p) => p.state === 'paused').length;
    const state = [t.error, troubled && `${count(troubled, 'partition')} in trouble`, paused && `${number(paused)} paused`].filter(Boolean).join('; ');
    const lag = own.reduce((n, p) => n + Math.max(0, p.lag ?? 0), 0);
    const known = own.every((p) => p.logEnd >= 0);
    return {
      key: t.topic,
      cells: [t.topic, own.length === t.partitions ? number(t.partitions) : `${number(own.length)} of ${number(t.partitions)} here`, known ? number(lag) : '–', state || 'well'],
      orders: [['Pause', () => act.pause(t.topic)], ['Resume', () => act.resume(t.topic)], ['Seek', () => act.seek(t.topic)]],
    };
  }));
}

const shownEvents = 300;

/** Adds events to the list, the newest on top. */
export function addEvents(events) {
  const list = $('events');
  for (const e of events) {
    const at = el('time', { dateTime: e.time, textContent: time(e.time) });
    const where = e.topic ? `${e.topic}${e.partition === undefined ? '' : `/${e.partition}`}` : '';
    list.prepend(el('li', {}, at, el('strong', { textContent: e.type.replaceAll('_', ' ') }), el('span', { textContent: where }), el('span', { textContent: [e.reason, e.text].filter(Boolean).join(': ') })));
  }
  while (list.children.length > shownEvents) list.lastElementChild.remove();
}

export function forgetEvents() { $('events').replaceChildren(); }

export function showGroups(answer) {
  $('groups-section').hidden = answer.groups.length === 0;
  setText($('groups-note'), answer.kafkaError ? `Kafka does not answer, so no lag is known: ${answer.kafkaError}` : 'Everything the store has under the prefix.');
  const rows = answer.groups.flatMap((g) => g.topics.map((t) => ({
    key: `${g.group} ${t.topic}`,
    cells: [
      g.group, t.error ? `${t.topic}: ${t.error}` : t.topic, number(t.partitions), number(t.lag), number(t.paused),
      t.lastCommit ? time(t.lastCommit) : 'never', t.owners.join(', '),
    ],
  })));
  fill($('groups'), columns('Group', 'Topic', '#Partitions', '#Lag', '#Paused', 'Last commit', 'Owners'), rows);
}
