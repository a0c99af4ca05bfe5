// The page of the real binary, and the dashboard: see real_test.go for what stands behind them. The tests follow one another.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { open, start } from './browser.mjs';

const { PAGE, BOARD, HEAL, TOPIC, TOKEN } = process.env;
const faults = [];
let browser, page, board;

before(async () => {
  browser = await start();
  const context = await browser.newContext({ reducedMotion: 'reduce' });
  page = await open(context, PAGE, faults);
});
after(() => browser.close());

const seen = (on, selector, expected) => on.locator(selector).filter({ hasText: expected }).waitFor();
const row = (on, n) => on.locator(`#rows tr[data-key="${TOPIC}/${n}"]`);
const button = (on, order, n) => on.locator(`#rows button[aria-label="${order} ${TOPIC}/${n}"]`);
const confirm = (on) => on.locator('#order-go').click();

test('the token is asked for, and kept for the tab only', async () => {
  await page.locator('#login').waitFor();
  await page.keyboard.press('Escape');
  await seen(page, '#banner-text', 'the token is missing or wrong');
  await page.locator('#banner-token').click();
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await seen(page, '#login-refused', 'the token is missing or wrong');
  await page.keyboard.type(TOKEN);
  await page.keyboard.press('Enter');
  await seen(page, '#identity', 'billing on ');
  await page.locator('#banner').waitFor({ state: 'hidden' });
  assert.deepEqual(await page.evaluate(() => [Object.values(sessionStorage), localStorage.length, document.cookie]), [[TOKEN], 0, '']);
});

test('the record that the app rejects blocks its partition; a retry goes on when the app is mended', async () => {
  await row(page, 0).filter({ hasText: 'blocked' }).waitFor();
  await seen(page, '#sentence', '1 of 3 partitions is blocked; the others go on.');
  assert.equal(await page.evaluate(() => 'hacked' in window), false);
  await fetch(HEAL);
  await button(page, 'Retry', 0).click();
  await confirm(page);
  await seen(page, '#said', 'is tried again.');
  await seen(page, '#sentence', 'All is well: 3 partitions of 1 topic, nothing is left to read.');
});

test('a seek delivers again', async () => {
  await button(page, 'Seek', 0).click();
  await page.getByLabel('the start of the log').check();
  await confirm(page);
  await seen(page, '#order-plan', 'In all 0 offsets are skipped and 10 are repeated.');
  await confirm(page);
  await seen(page, '#said', 'Moved');
  await seen(page, '#events', 'operator');
  await row(page, 0).filter({ hasText: /10\D*10\D*10\D*0/ }).waitFor();
});

test('the dashboard shows the group, and its orders reach the sidecar', async () => {
  board = await open(await browser.newContext(), BOARD, faults);
  await seen(board, '#sentence', 'The store has 3 partitions: nothing is left to read.');
  assert.equal(await board.locator('#group').inputValue(), 'billing');
  await seen(board, '#events-note', 'What happens in replicas is not known here.');
  await button(board, 'Pause', 1).click();
  await confirm(board);
  await seen(board, '#said', 'Paused');
  await row(board, 1).filter({ hasText: 'paused' }).filter({ hasText: 'by page@' }).waitFor();
  await row(page, 1).filter({ hasText: 'paused' }).waitFor();
  await seen(page, '#sentence', 'All is well; 1 of 3 partitions is paused.');
  await button(page, 'Resume', 1).click();
  await confirm(page);
  await seen(page, '#sentence', 'All is well: 3 partitions of 1 topic');
  await seen(board, '#events', 'resume');
  assert.deepEqual(faults, []);
});
