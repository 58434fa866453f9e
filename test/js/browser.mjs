// A browser, driven by lines; see lines.mjs. The arguments are the browser's program and flags.
import { chromium } from 'playwright-core';
import { serve, writeLine } from './lines.mjs';

const [executablePath, ...args] = process.argv.slice(2);
// launch starts a browser with an empty profile.
const browser = await chromium.launch({ executablePath, args, headless: true });
const pages = new Map();

serve(
  {
    version: () => browser.version(),
    open: async ({ page: name, url, opts }) => {
      const context = await browser.newContext(opts ?? {});
      const page = await context.newPage();
      page.on('console', (m) => writeLine({ page: name, kind: m.type(), text: m.text() }));
      page.on('pageerror', (err) => writeLine({ page: name, kind: 'uncaught', text: err.message }));
      page.on('websocket', (w) => writeLine({ page: name, kind: 'request', text: w.url() }));
      page.on('request', (r) => writeLine({ page: name, kind: 'request', text: r.url() }));
      page.on('requestfailed', (r) => writeLine({ page: name, kind: 'failed', text: `${r.url()} ${r.failure()?.errorText}` }));
      pages.set(name, page);
      const res = await page.goto(url, { waitUntil: 'load', timeout: 60_000 });
      return res?.status() ?? 0;
    },
    fill: ({ page, selector, text, timeout }) => pages.get(page).fill(selector, text, { timeout }),
    click: ({ page, selector, timeout }) => pages.get(page).click(selector, { timeout }),
    press: ({ page, selector, key, timeout }) => pages.get(page).press(selector, key, { timeout }),
    text: ({ page, selector, timeout }) => pages.get(page).innerText(selector, { timeout }),
    wait: ({ page, selector, text, timeout }) =>
      pages.get(page).locator(selector).filter({ hasText: text }).first().waitFor({ timeout }),
    eval: ({ page, code }) => pages.get(page).evaluate(code),
    screenshot: async ({ page, path }) => void (await pages.get(page).screenshot({ path, fullPage: true })),
    // settle: all earlier events of the page have been sent.
    settle: async ({ page }) => void (pages.get(page)?.isClosed() === false && (await pages.get(page).evaluate('0'))),
    close: ({ page }) => pages.get(page).context().close(),
  },
  () => browser.close(),
);
