// Elements. What comes from outside becomes text and never markup: nothing here, or anywhere on the page, parses HTML.

export const $ = (id) => document.getElementById(id);

/** An element with properties and children; strings become text. */
export function el(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
}

/** Sets a text only when it is another: an unchanged row costs nothing, and a screen reader does not repeat it. */
export function setText(node, value) {
  const text = String(value);
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute only when it is another. */
export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

/** Says something to everybody, for some seconds. */
export function say(text) {
  const node = $('said');
  node.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { node.textContent = ''; }, 8000);
}

const numbers = new Intl.NumberFormat();
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** A number for people; a dash for one that is not known: null, or below 0. */
export const number = (n) => (n === null || n === undefined || n < 0 ? '–' : numbers.format(n));

/** "1 partition", "2 partitions". */
export const count = (n, noun) => `${numbers.format(n)} ${noun}${n === 1 ? '' : 's'}`;

/** The time of day of today, else the date as well. */
export function time(at) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '–';
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : day.format(date);
}

/** A duration for people. */
export function seconds(s) {
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 90) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return `${Math.round(s / 3600)} h`;
}
