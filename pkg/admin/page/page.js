// The page follows one listener: it asks again and again, and shows what changed.
import { $, el, say, setAttribute, setText, time } from './dom.js';
import { Away, Refused, call, login } from './api.js';
import * as lists from './lists.js';
import * as orders from './orders.js';
import * as rows from './rows.js';
import { health } from './words.js';

const every = 2000; // ms between two looks at a replica
const everyStored = 4000; // where each costs Kafka and the store some requests
const everyGroup = 10_000; // at all groups

const seen = {
  group: '', // the one that is looked at, where the listener has no own
  member: null, // whose events are shown
  event: 0, // the newest one
  away: null, // since when nobody answers
  groupsAt: -Infinity,
};
let timer = 0;
let looking = false, again = false;

const address = (path) => (seen.group ? `${path}${path.includes('?') ? '&' : '?'}group=${encodeURIComponent(seen.group)}` : path);

// One look at a time: two would show the same events twice.
async function look() {
  if (looking) {
    again = true;
    return;
  }
  clearTimeout(timer);
  looking = true;
  try {
    const status = await ask('v1/status');
    if (status) {
      show(status);
      await lookAtEvents(status);
      back();
    }
    await lookAtGroups();
  } catch (e) {
    trouble(e);
  }
  looking = false;
  timer = setTimeout(tick, again ? 0 : seen.group ? everyStored : every);
  again = false;
}

// A page that nobody sees asks nothing.
function tick() {
  if (!document.hidden) look();
}

// ask is a call for a group; a listener without one of its own wants it named.
async function ask(path) {
  try {
    return await call('GET', address(path));
  } catch (e) {
    if (!(e instanceof Refused) || e.code !== 'needs_group') throw e;
    await choose();
    return seen.group ? call('GET', address(path)) : null;
  }
}

async function choose() {
  const answer = await call('GET', 'v1/groups');
  const names = answer.groups.map((g) => g.group);
  $('chooser').hidden = false;
  $('group').replaceChildren(...names.map((name) => el('option', { value: name, textContent: name })));
  const wanted = decodeURIComponent(location.hash.slice(1));
  follow(names.includes(wanted) ? wanted : names[0] ?? '');
  lists.showGroups(answer);
  if (names.length === 0) {
    setText($('sentence'), 'The store has no group under the prefix yet.');
    back();
  }
}

function follow(group) {
  seen.group = group;
  $('group').value = group;
  seen.member = null;
}

function show(s) {
  const h = health(s);
  setText($('sentence'), h.sentence);
  setAttribute($('sentence'), 'data-level', h.level);
  const details = h.details.join('\n');
  if ($('details').dataset.text !== details) {
    $('details').dataset.text = details;
    $('details').replaceChildren(...h.details.map((d) => el('li', { textContent: d })));
  }
  const stored = s.state === 'stored';
  document.title = `${h.level === 'bad' ? '■ ' : h.level === 'warn' ? '▲ ' : ''}${s.group} – Kafka Sidecar`;
  setText($('identity'), stored ? 'by what the store and Kafka know; what replicas do is on their own pages' : `${s.group} on ${s.member}`);
  setText($('following'), `${s.version ? `${s.version} · ` : ''}as of ${time(Date.now())}`);
  document.body.classList.toggle('stored', stored);
  systems(s);
  for (const id of ['topics-section', 'partitions', 'events-section']) $(id).hidden = false;
  lists.showTopics(s, act);
  rows.show(stored ? s.partitions.map((p) => ({ ...p, stored })) : s.partitions);
  setText($('events-note'), stored ? 'Orders of operators. What happens in replicas is not known here.' : 'The newest changes of state of this replica.');
}

function systems(s) {
  const bytes = (n) => `${(n / 1048576).toFixed(1)} MiB`;
  const all = [
    s.app && ['App', s.app.up, s.app.up ? s.app.url : s.app.error || 'does not answer'],
    ['Kafka', s.kafka.up, s.kafka.up ? 'answers' : s.kafka.error || 'does not answer'],
    ['Store', s.store.up, s.store.up ? s.store.kind || 'answers' : s.store.error || 'does not answer'],
    s.memory && ['Memory', true, `${bytes(s.memory.used)} of ${bytes(s.memory.max)}`],
  ].filter(Boolean);
  const list = $('systems');
  while (list.children.length > all.length) list.lastElementChild.remove();
  all.forEach(([name, up, text], i) => {
    const item = list.children[i] ?? list.appendChild(el('div', {}, el('dt'), el('dd')));
    setText(item.children[0], name);
    setText(item.children[1], text);
    setAttribute(item.children[1], 'data-level', up ? 'ok' : 'bad');
  });
}

async function lookAtEvents(s) {
  const member = `${s.group} ${s.member}`;
  if (member !== seen.member) { // another process counts its events anew
    lists.forgetEvents();
    Object.assign(seen, { member, event: 0 });
  }
  const { events } = await ask(`v1/events?since=${seen.event}`);
  lists.addEvents(events);
  if (events.length > 0) seen.event = events.at(-1).seq;
}

async function lookAtGroups() {
  if (performance.now() - seen.groupsAt < everyGroup) return;
  seen.groupsAt = performance.now();
  try {
    lists.showGroups(await call('GET', 'v1/groups'));
  } catch (e) {
    if (!(e instanceof Refused)) throw e;
    $('groups-section').hidden = false;
    setText($('groups-note'), `The groups can’t be listed: ${e.message}. ${e.hint ?? ''}`);
  }
}

function trouble(e) {
  const unauthorized = e instanceof Refused && e.status === 401;
  $('banner-token').hidden = !unauthorized;
  if (e instanceof Refused) {
    setText($('banner-text'), `${e.message}${e.hint ? `; ${e.hint}` : ''}`);
  } else if (e instanceof Away) {
    seen.away ??= Date.now();
    setText($('banner-text'), `The sidecar does not answer since ${time(seen.away)}. What is shown is as it was then; this page tries again by itself.`);
    setAttribute($('sentence'), 'data-level', 'quiet');
  } else {
    setText($('banner-text'), `This page failed: ${e.message}`);
    console.error(e);
  }
  $('banner').hidden = false;
}

function back() {
  $('banner').hidden = true;
  if (seen.away) say('The sidecar answers again.');
  seen.away = null;
}

const act = {
  pause: (topic, parts) => orders.pause(topic, parts),
  resume: (topic, parts) => orders.resume(topic, parts),
  seek: (topic, parts) => orders.seek(topic, parts),
};

rows.start({
  pause: (p) => orders.pause(p.topic, [p.partition]),
  resume: (p) => orders.resume(p.topic, [p.partition]),
  seek: (p) => orders.seek(p.topic, [p.partition]),
  retry: orders.retry,
  skip: orders.skip,
});
orders.start(address, look);
$('banner-token').addEventListener('click', async () => { if (await login()) look(); });
$('group').addEventListener('change', () => {
  location.hash = encodeURIComponent($('group').value);
  follow($('group').value);
  look();
});
document.addEventListener('visibilitychange', tick);
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target.matches('input, select') || document.querySelector('dialog[open]')) return;
  event.preventDefault();
  $('search').focus();
});
look();
