// A Chromium for the tests: the one named by CHROMIUM, one on the PATH, or the one that make deps has fetched.
import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const modules = createRequire(join(process.env.SIDECAR_TEST_PAGE, 'package.json'));
const { chromium } = modules('playwright-core');

/** Starts the browser. Close it. */
export async function start() {
  const found = process.env.CHROMIUM || onPath('chromium') || onPath('google-chrome');
  if (found) return chromium.launch({ executablePath: found, args: ['--no-sandbox'] });
  process.env.AWS_LAMBDA_JS_RUNTIME ??= 'nodejs20.x'; // makes it unpack the libraries that it needs, too
  const fetched = (await import(pathToFileURL(modules.resolve('@sparticuz/chromium')))).default;
  return chromium.launch({ executablePath: await fetched.executablePath(), args: fetched.args });
}

function onPath(name) {
  for (const folder of process.env.PATH.split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch { /* not in this folder */ }
  }
  return null;
}

/** Opens the page and fails the test when its script fails, or its policy is violated. */
export async function open(context, url, faults) {
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on('pageerror', (e) => faults.push(e.message));
  page.on('console', (m) => {
    // A listener that is away, and a refusal, are in the console of every page.
    if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) faults.push(m.text());
  });
  await page.goto(url);
  return page;
}
