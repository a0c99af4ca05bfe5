// Orders: a dialog says what will be done, and does it after a confirmation. What the API refuses is shown there.
import { $, count, el, number, say, setText } from './dom.js';
import { call } from './api.js';
import { skipped } from './rows.js';
import { why } from './words.js';

const dialog = $('order');
let address = (path) => path; // adds the group where one has to be named
let afterwards = () => {};

/** addressOf makes the address of a call, done is called after an order was carried out. */
export function start(addressOf, done) {
  address = addressOf;
  afterwards = done;
}

const named = (topic, parts) => (parts ? `${topic}/${parts.join(',')}` : `all partitions of ${topic}`);
const post = (path, body) => call('POST', address(path), body);
const as = 'page'; // whom the operators' log names, with the host of the listener

export function pause(topic, parts) {
  open({
    title: `Pause ${named(topic, parts)}?`,
    text: 'What is in flight ends, and nothing more is delivered until it is resumed. The offset stays where it is.',
    go: 'Pause',
    act: async () => `Paused ${outcome(await post('v1/pause', { topic, partitions: parts, as }))}.`,
  });
}

export function resume(topic, parts) {
  open({
    title: `Resume ${named(topic, parts)}?`,
    text: 'Delivery goes on at the committed offset.',
    go: 'Resume',
    act: async () => `Resumed ${outcome(await post('v1/resume', { topic, partitions: parts, as }))}.`,
  });
}

export function retry(p) {
  open({
    title: `Try ${p.topic}/${p.partition} now?`,
    text: `The same records are delivered again at once. ${why(p)}`,
    go: 'Retry',
    act: async () => {
      await post('v1/retry', { topic: p.topic, partition: p.partition, as });
      return `${p.topic}/${p.partition} is tried again.`;
    },
  });
}

export function skip(p) {
  const offset = skipped(p);
  const letter = choice('to', 'dead_letter', 'write it to the dead-letter topic, then go on', !p.stored);
  const drop = choice('to', 'drop', 'drop it: the app never gets it', p.stored);
  if (p.stored) letter.input.disabled = true;
  open({
    title: `Skip the record at offset ${number(offset)} of ${p.topic}/${p.partition}?`,
    text: p.stored ? 'Whether the partition is blocked there is not known here: see the page of the replica that has it. A dead letter can be written only there.' : why(p),
    fields: [el('fieldset', {}, letter.label, drop.label)],
    go: 'Skip',
    act: async () => {
      const to = drop.input.checked ? 'drop' : 'dead_letter';
      await post('v1/skip', { topic: p.topic, partition: p.partition, offset, to, as });
      return `Offset ${number(offset)} of ${p.topic}/${p.partition} is skipped${to === 'drop' ? '' : ' and written to the dead-letter topic'}.`;
    },
  });
}

/** A seek shows its plan before it can be confirmed; another choice needs another plan. */
export function seek(topic, parts) {
  const offset = el('input', { type: 'number', min: '0', step: '1' });
  const time = el('input', { type: 'datetime-local', step: '1' });
  const shift = el('input', { type: 'number', step: '1', value: '-100' });
  const ways = [
    choice('to', 'earliest', 'the start of the log', false),
    choice('to', 'latest', 'the end of the log', false),
    choice('to', 'offset', 'an offset', true, offset, () => ({ offset: whole(offset, 'the offset') })),
    choice('to', 'time', 'the first record at or after a time', false, time, () => ({ time: moment(time) })),
    choice('to', 'shift', 'so many offsets on, or back with a minus', false, shift, () => ({ shift: whole(shift, 'the number of offsets') })),
  ];
  const force = el('input', { type: 'checkbox' });
  const order = (dryRun) => {
    const way = ways.find((w) => w.input.checked);
    return post('v1/seek', { topic, partitions: parts, to: way.value(), force: force.checked, dryRun, as });
  };
  open({
    title: `Seek ${named(topic, parts)}`,
    text: 'Delivery goes on from another place. What is in flight may still be delivered.',
    fields: [el('fieldset', {}, el('legend', { textContent: 'Go on at' }), ...ways.map((w) => w.label)), el('fieldset', {}, el('label', {}, force, 'also outside the log'))],
    plan: () => order(true),
    go: 'Seek',
    act: async () => {
      const p = await order(false);
      return `Moved ${outcome(p)}: ${number(total(p, 'skipped'))} offsets skipped, ${number(total(p, 'repeated'))} repeated.`;
    },
  });
}

function choice(name, value, text, checked, field = null, valueOf = () => value) {
  const input = el('input', { type: 'radio', name, value, checked });
  const label = el('label', {}, input, text);
  if (!field) return { input, label, value: valueOf };
  field.setAttribute('aria-label', text);
  field.addEventListener('focus', () => {
    if (input.checked) return;
    input.checked = true;
    input.dispatchEvent(new Event('input', { bubbles: true }));
  });
  return { input, label: el('div', {}, label, field), value: valueOf };
}

function whole(field, what) {
  const n = Number(field.value);
  if (field.value === '' || !Number.isSafeInteger(n)) throw new Error(`Give ${what} as a whole number.`);
  return n;
}

function moment(field) {
  const at = new Date(field.value);
  if (Number.isNaN(at.getTime())) throw new Error('Give the date and the time.');
  return at.toISOString();
}

const total = (plan, of) => plan.partitions.reduce((n, p) => n + p[of], 0);
const outcome = (plan) => (plan.partitions.length === 1 ? `${plan.topic}/${plan.partitions[0].partition}` : `${count(plan.partitions.length, 'partition')} of ${plan.topic}`);

/** open shows an order. With plan, the first press shows what would be done, the second does it. */
function open({ title, text, fields = [], plan = null, go, act }) {
  setText($('order-title'), title);
  setText($('order-text'), text);
  $('order-fields').replaceChildren(...fields);
  let planned = !plan;
  const fresh = () => {
    planned = !plan;
    setText($('order-go'), planned ? go : 'Show the plan');
    $('order-plan').replaceChildren();
    $('order-refused').hidden = true;
  };
  fresh();
  $('order-fields').oninput = fresh;
  $('order-cancel').onclick = () => dialog.close();
  $('order-form').onsubmit = async (event) => {
    event.preventDefault();
    await busily(async () => {
      if (planned) {
        const said = await act();
        dialog.close();
        say(said);
        afterwards();
        return;
      }
      $('order-plan').replaceChildren(...shown(await plan()));
      planned = true;
      setText($('order-go'), go);
    });
  };
  dialog.showModal();
  (fields.length > 0 ? dialog.querySelector('input:checked') : $('order-go')).focus();
}

async function busily(work) {
  const button = $('order-go');
  if (button.disabled) return;
  $('order-refused').hidden = true;
  button.disabled = true;
  try {
    await work();
  } catch (e) {
    $('order-refused').replaceChildren(el('p', {}, el('strong', { textContent: e.message }), e.hint ? ` ${sentence(e.hint)}` : ''));
    $('order-refused').hidden = false;
  } finally {
    button.disabled = false;
    if (dialog.open) button.focus();
  }
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

function shown(plan) {
  if (plan.partitions.length === 0) return [el('p', { textContent: 'Nothing would change.' })];
  const row = (tag, values) => el('tr', {}, ...values.map((v, i) => el(tag, { textContent: v, className: i > 0 ? 'number' : '' })));
  const table = el('table', {},
    el('caption', { className: 'hidden', textContent: 'The plan' }),
    el('thead', {}, row('th', ['Partition', 'From', 'To', 'Skipped', 'Repeated', 'Log'])),
    el('tbody', {}, ...plan.partitions.map((p) => row('td', [
      p.partition, number(p.from), number(p.to), number(p.skipped), number(p.repeated), `${number(p.logStart)} to ${number(p.logEnd)}`,
    ]))));
  const frame = el('div', { className: 'plan', tabIndex: 0 }, table);
  frame.setAttribute('role', 'region');
  frame.setAttribute('aria-label', 'The plan');
  const sum = `In all ${number(total(plan, 'skipped'))} offsets are skipped and ${number(total(plan, 'repeated'))} are repeated.`;
  return [frame, el('p', { textContent: sum }), ...plan.notes.map((note) => el('p', { textContent: note }))];
}
