// How things stand, in plain words.
import { count, number } from './dom.js';

const levels = {
  ready: 'ok', inflight: 'ok', idle: 'ok', backoff: 'warn', blocked: 'bad', fenced: 'bad', paused: 'main',
  // Of the store alone:
  stored: 'quiet', unclaimed: 'quiet', unreadable: 'bad', missing: 'bad', other_log: 'bad', out_of_range: 'bad',
};

const names = { inflight: 'in flight', backoff: 'trying again', stored: 'as stored', unclaimed: 'not claimed yet', other_log: 'other log', out_of_range: 'out of range' };

export const stateName = (p) => names[p.state] ?? p.state;

export function stateLevel(p) {
  const level = levels[p.state] ?? 'warn';
  return level === 'ok' && p.reason ? 'warn' : level;
}

/** Something is wrong with the partition; a pause is wanted. */
export const isTroubled = (p) => p.state !== 'paused' && (stateLevel(p) === 'bad' || stateLevel(p) === 'warn');

const reasons = {
  poison: 'a record keeps failing',
  dead_letter: 'the dead letter can’t be written',
  app_failing: 'the app fails on its records',
  app_down: 'the app does not answer',
  app_busy: 'the app is busy',
  app_setup: 'the app’s address or answers are wrong',
  bad_key: 'its key in the store can’t be read',
  fenced: 'another owner wrote its key',
  offset_out_of_range: 'retention has passed its offset',
  log_truncated: 'the log was truncated below its offset',
  topic_missing: 'Kafka does not know the topic',
  topic_recreated: 'the topic was recreated',
  cluster_mismatch: 'this is another cluster',
};

/** Why a partition is held up. */
export function why(p) {
  const parts = [];
  if (p.reason && p.state !== 'paused') parts.push(reasons[p.reason] ?? p.reason);
  if (p.detail) parts.push(p.detail);
  if (p.attempt > 0) parts.push(count(p.attempt, 'failed attempt'));
  if (p.lastError && (p.reason || p.attempt > 0)) parts.push(p.lastError);
  else if (p.lastStatus >= 300 && p.attempt > 0) parts.push(`the app answered ${p.lastStatus}`);
  return parts.join('; ');
}

/** The health in a sentence, how bad it is, and what else is to be known. */
export function health(s) {
  const n = tally(s.partitions);
  const details = (s.reasons ?? []).map((r) => r.detail || r.reason);
  for (const t of s.topics) if (t.error) details.push(`${t.topic}: ${t.error}`);
  const [level, sentence] = s.state === 'stored' ? ofStore(s, n) : ofReplica(s, n);
  return { level, sentence, details: [...new Set(details)].filter((d) => d && !sentence.includes(d)) };
}

function tally(partitions) {
  const n = { all: partitions.length, lag: 0, troubled: 0, blocked: 0, paused: 0 };
  for (const p of partitions) {
    n.lag += Math.max(0, p.lag ?? 0);
    if (p.state === 'blocked' || p.state === 'fenced') n.blocked++;
    if (p.state === 'paused') n.paused++;
    if (isTroubled(p)) n.troubled++;
  }
  return n;
}

const are = (n) => (n === 1 ? 'is' : 'are');
const behind = (n) => (n.lag === 0 ? 'nothing is left to read' : `${number(n.lag)} offsets to go`);

function ofStore(s, n) {
  if (!s.store.up) return ['bad', 'The store does not answer: nothing is known.'];
  if (!s.kafka.up) return ['warn', 'Kafka does not answer: where the group stands is known, how far it is behind is not.'];
  if (n.troubled > 0) return ['bad', `Something is wrong with the stored offsets of ${count(n.troubled, 'partition')}.`];
  const paused = n.paused > 0 ? `, ${number(n.paused)} paused` : '';
  return ['quiet', `The store has ${count(n.all, 'partition')}${paused}: ${behind(n)}.`];
}

function ofReplica(s, n) {
  switch (s.state) {
    case 'starting': return ['warn', 'Starting: nothing is delivered yet.'];
    case 'waiting': return ['warn', 'Waiting for the app: nothing is delivered until it answers.'];
    case 'draining': return ['warn', 'Draining: what is in flight is finished, nothing new is taken.'];
    case 'stopped': return ['bad', 'Stopped: nothing is delivered any more.'];
  }
  if (!s.app.up) return ['bad', 'The app does not answer: delivery waits, and goes on by itself when it is back.'];
  if (!s.kafka.up) return ['bad', 'Kafka does not answer: nothing new is read, and it goes on by itself when it is back.'];
  if (!s.store.up) return ['bad', 'The store does not answer: no offset is committed, and it goes on by itself when it is back.'];
  if (n.blocked > 0) return ['bad', `${number(n.blocked)} of ${count(n.all, 'partition')} ${are(n.blocked)} blocked; ${n.blocked === n.all ? 'nothing is delivered' : 'the others go on'}.`];
  if (n.troubled > 0) return ['warn', `${number(n.troubled)} of ${count(n.all, 'partition')} ${are(n.troubled)} being tried again.`];
  if (s.reasons?.length > 0) return ['warn', `Not ready: ${s.reasons[0].detail || s.reasons[0].reason}.`];
  if (n.paused > 0) return ['ok', `All is well; ${number(n.paused)} of ${count(n.all, 'partition')} ${are(n.paused)} paused.`];
  if (n.all === 0) return ['ok', 'All is well; other replicas have all partitions.'];
  return ['ok', `All is well: ${count(n.all, 'partition')} of ${count(s.topics.length, 'topic')}, ${behind(n)}.`];
}
