// The page before a thousand partitions: see staged_test.go for what they are.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { open, start } from './browser.mjs';

const { PAGE, DIRECTOR } = process.env;
const direct = (order) => fetch(`${DIRECTOR}/${order}`, { method: 'POST' });

let browser, context, page, faults;

before(async () => { browser = await start(); });
after(() => browser.close());

beforeEach(async () => {
  await context?.close();
  faults = [];
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
  page = await open(context, PAGE, faults);
  await page.locator('#rows tbody tr').first().waitFor();
});

// By attributes: a look for roles among ten thousand elements takes a second each time.
const row = (name) => page.locator(`#rows tr[data-key="${name}"]`);
const button = (order, name) => page.locator(`#rows button[aria-label="${order} ${name}"]`);
const shown = () => page.locator('#rows tbody tr:not([hidden])');
const text = (selector) => page.locator(selector).textContent();
const seen = (selector, expected) => page.locator(selector).filter({ hasText: expected }).waitFor();
const confirm = () => page.locator('#order-go').click();

test('a thousand partitions, and the health in a sentence', async () => {
  assert.equal(await shown().count(), 1000);
  assert.equal(await text('#sentence'), '1 of 1,000 partitions is blocked; the others go on.');
  assert.equal(await page.locator('#topics tbody tr').count(), 2);
  assert.match(await row('orders/7').textContent(), /blocked.*a record keeps failing; 5 failed attempts.*4,930.*4,930.*5,000.*70.*75 s/);
  assert.match(await page.locator('#groups').textContent(), /billing.*orders.*600/);
  assert.deepEqual(faults, []);
});

test('rows are updated in place, and only where something changed', async () => {
  await page.evaluate(() => {
    window.first = document.querySelector('#rows tbody tr');
    window.changes = 0;
    new MutationObserver((all) => { window.changes += all.length; }).observe(document.querySelector('#rows tbody'), { subtree: true, childList: true, characterData: true, attributes: true });
  });
  const before = await text('#following');
  await page.waitForFunction((old) => document.querySelector('#following').textContent !== old, before);
  assert.deepEqual(await page.evaluate(() => [window.first === document.querySelector('#rows tbody tr'), window.changes]), [true, 0]);
});

test('hostile texts are shown and never run', async () => {
  assert.match(await row('orders/7').textContent(), /<img src=x onerror=/);
  await seen('#events', '<script>window.hacked=1</script>');
  await seen('#groups', '<img src=x onerror=');
  await button('Skip', 'orders/7').click();
  await seen('#order-text', '<img src=x onerror=');
  assert.deepEqual(await page.evaluate(() => ['hacked' in window, document.images.length, document.body.querySelectorAll('script').length]), [false, 0, 0]);
  // Even a mistake of the page could not make markup of them.
  const refused = await page.evaluate(() => { try { document.body.innerHTML = '<img>'; return ''; } catch (e) { return e.name; } });
  assert.equal(refused, 'TypeError');
});

test('filters and sorting', async () => {
  await page.locator('#show span', { hasText: 'Troubled' }).click();
  assert.equal(await shown().count(), 1);
  await page.locator('#show span', { hasText: 'All' }).click();
  await page.locator('#search').fill('payments/39');
  assert.deepEqual(await shown().locator('td:first-child').allTextContents(), ['payments/39', ...Array.from({ length: 10 }, (_, i) => `payments/39${i}`)]);
  await page.locator('#search').fill('blocked keeps');
  assert.deepEqual(await shown().locator('td:first-child').allTextContents(), ['orders/7']);
  await page.locator('#search').fill('');
  await page.locator('#sort').selectOption('state');
  assert.equal(await shown().first().locator('td').first().textContent(), 'orders/7');
  await page.locator('#sort').selectOption('lag');
  assert.match(await shown().first().textContent(), /390/);
});

test('a blocked partition is retried, with the keyboard only', async () => {
  await page.keyboard.press('/');
  await page.keyboard.type('orders/7');
  await page.keyboard.press('Tab'); // sort
  await page.keyboard.press('Tab'); // the list
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label'));
  assert.equal(await focused(), 'Retry orders/7');
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none');
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(), 'Pause orders/70');
  await page.keyboard.press('ArrowRight');
  assert.equal(await focused(), 'Seek orders/70');
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await seen('#order-title', 'Try orders/7 now?');
  await page.keyboard.press('Escape');
  assert.equal(await focused(), 'Retry orders/7');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await seen('#said', 'orders/7 is tried again.');
  await seen('#sentence', 'All is well: 1,000 partitions of 2 topics');
  await seen('#events', 'unblocked');
});

test('a blocked partition is skipped', async () => {
  await direct('block?partition=9');
  await page.locator('#show span', { hasText: 'Troubled' }).click();
  await button('Skip', 'orders/9').click();
  await seen('#order-title', 'Skip the record at offset 4,910 of orders/9?');
  await confirm();
  await seen('#said', 'Offset 4,910 of orders/9 is skipped and written to the dead-letter topic.');
  await seen('#events', 'dead lettered');
  await page.locator('#show span', { hasText: 'All' }).click();
  await row('orders/9').filter({ hasText: '4,911' }).waitFor();
});

test('a seek shows its plan first, and what is refused with its hint', async () => {
  await button('Seek', 'payments/1').click();
  await page.getByLabel('an offset', { exact: true }).last().fill('9000');
  await confirm();
  await seen('#order-refused', 'offset 9000 of payments/1 is outside the log, which starts at 100 and ends at 5000 Choose an offset between them, or force it.');
  await page.getByLabel('an offset', { exact: true }).last().fill('4000');
  await confirm();
  await seen('#order-plan', 'In all 0 offsets are skipped and 990 are repeated.');
  assert.match(await text('#order-plan tbody'), /1\D*4,990\D*4,000\D*0\D*990/);
  assert.match(await row('payments/1').textContent(), /4,990/, 'nothing has happened yet');
  await page.getByLabel('the end of the log').check();
  assert.equal(await text('#order-go'), 'Show the plan', 'another choice needs another plan');
  await page.getByLabel('an offset', { exact: true }).last().fill('4000');
  await confirm();
  await seen('#order-go', 'Seek');
  await confirm();
  await seen('#said', 'Moved payments/1: 0 offsets skipped, 990 repeated.');
  await row('payments/1').filter({ hasText: '4,000' }).waitFor();
});

test('pause and resume', async () => {
  await button('Pause', 'payments/2').click();
  await confirm();
  await seen('#said', 'Paused payments/2.');
  await row('payments/2').filter({ hasText: 'paused' }).waitFor();
  await seen('#sentence', 'All is well; 1 of 1,000 partitions is paused.');
  await button('Resume', 'payments/2').click();
  await confirm();
  await seen('#said', 'Resumed payments/2.');
  await page.locator('#topics button[aria-label="Pause all of payments"]').click();
  await confirm();
  await seen('#said', 'Paused 400 partitions of payments.');
  await page.locator('#topics button[aria-label="Resume all of payments"]').click();
  await confirm();
  await seen('#said', 'Resumed 400 partitions of payments.');
});

test('the sidecar goes and comes back', async () => {
  await direct('stop');
  await seen('#banner-text', 'The sidecar does not answer since');
  assert.equal(await shown().count(), 1000, 'what was known stays');
  await button('Pause', 'orders/3').click();
  await confirm();
  await page.locator('#order-refused').waitFor();
  await page.keyboard.press('Escape');
  await direct('start');
  await seen('#said', 'The sidecar answers again.');
  await page.locator('#banner').waitFor({ state: 'hidden' });
  await seen('#identity', 'pod-1/000002');
  assert.ok(await page.locator('#events li').count() > 0, 'the events of the new process');
});

test('nothing is cut off on a small screen or in a narrow window', async () => {
  await direct('block?partition=13');
  await page.locator('#sort').selectOption('state');
  await row('orders/13').filter({ hasText: 'blocked' }).waitFor();
  for (const width of [1400, 1185, 1170, 1012, 800, 320]) {
    await page.setViewportSize({ width, height: 800 });
    const outside = await page.evaluate(() => {
      const edge = (e) => (e.closest('section') ?? document.documentElement).getBoundingClientRect().right;
      return [...document.querySelectorAll('h1, h2, p, td, input, select, #rows th, #rows tr:nth-child(-n+3) *')]
        .filter((e) => e.checkVisibility() && !e.closest('.hidden, .why') && getComputedStyle(e.closest('thead') ?? e).position !== 'absolute')
        .filter((e) => e.getBoundingClientRect().right > edge(e) || e.matches('td, th') && e.scrollWidth > e.clientWidth)
        .map((e) => `${e.tagName} ${e.textContent}`);
    });
    assert.deepEqual(outside, [], `at ${width}`);
  }
});

test('a phone', async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  const width = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width[0] <= width[1], `nothing is wider than the screen: ${width}`);
  const seek = button('Seek', 'orders/3');
  await seek.scrollIntoViewIfNeeded();
  const box = await seek.boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 390 && box.height >= 30, JSON.stringify(box));
  await seek.click();
  await page.getByLabel('the start of the log').check();
  await confirm();
  await seen('#order-plan', 'are repeated');
  const dialog = await page.locator('#order').boundingBox();
  assert.ok(dialog.x >= 0 && dialog.x + dialog.width <= 390);
});

// Contrast by WCAG: 4.5 for text.
for (const colorScheme of ['light', 'dark']) {
  test(`${colorScheme}: every text can be read`, async () => {
    await direct('block?partition=11');
    await page.emulateMedia({ colorScheme });
    await row('orders/11').filter({ hasText: 'blocked' }).waitFor();
    const faint = await page.evaluate(() => {
      const parse = (c) => c.match(/[\d.]+/g).map(Number);
      const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if ((c[3] ?? 1) === 1) return c; } return [255, 255, 255]; };
      const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
      const all = new Set();
      for (let n = walker.nextNode(); n; n = walker.nextNode()) {
        const e = n.parentElement;
        if (!n.data.trim() || !e.checkVisibility() || e.closest('#rows tr:nth-child(n+30)')) continue;
        const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
        const contrast = (a + 0.05) / (b + 0.05);
        if (contrast < 4.5) all.add(`${n.data.slice(0, 20)}: ${contrast.toFixed(2)}`);
      }
      return [...all];
    });
    assert.deepEqual(faint, []);
  });
}

// The pictures of the README, made anew with SCREENSHOTS=docs.
if (process.env.SCREENSHOTS) {
  test('pictures', async () => {
    await direct('calm');
    await direct(`block?partition=11&why=${encodeURIComponent('the app answered 500: no such customer 4711')}`);
    await page.evaluate(() => fetch('v1/pause', { method: 'POST', body: JSON.stringify({ topic: 'payments', partitions: [3], as: 'ann' }) }));
    await page.reload();
    await page.locator('#sort').selectOption('state');
    await row('payments/3').filter({ hasText: 'paused' }).waitFor();
    const picture = (name) => page.screenshot({ path: `${process.env.SCREENSHOTS}/page-${name}.png` });
    await page.setViewportSize({ width: 1180, height: 720 });
    await picture('light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await picture('dark');
    await page.setViewportSize({ width: 390, height: 844 });
    await row('orders/11').evaluate((node) => node.scrollIntoView({ block: 'center' }));
    await picture('phone');
  });
}
