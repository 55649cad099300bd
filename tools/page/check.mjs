// Checks the HTML report as people get it: keysweep writes it, html-validate reads it, and
// Chromium shows it from disk, with and without script, light and dark, at 360 and 1,440
// pixels, prints it, and is used with the keyboard alone. axe looks at contrast and names.
//
//	node check.mjs KEYSWEEP [FOLDER FOR SCREENSHOTS]
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const require = createRequire(resolve("bin/page/package.json"));
const { chromium } = require("playwright-core");
const { HtmlValidate } = require("html-validate");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const keysweep = resolve(process.argv[2]), shots = process.argv[3];
const work = mkdtempSync(join(tmpdir(), "page-"));
let failures = 0;
const check = (what, ok, more = "") => {
  if (!ok) failures++;
  console.log(`${ok ? "ok    " : "FAILED"}  ${what}${ok ? "" : ": " + more}`);
};

// Keys are made up here: the same in each run, and none is in the tree.
const key = (prefix, seed) => prefix + createHash("sha512").update("page " + seed).digest("base64").replace(/[^A-Za-z0-9]/g, "").slice(0, 40);
const live = seed => key("sk_" + "live_", seed), sandbox = seed => key("sk_" + "test_", seed);
const write = (path, text) => { mkdirSync(dirname(join(work, path)), { recursive: true }); writeFileSync(join(work, path), text); };
const git = (date, ...args) => execFileSync("git", ["-C", join(work, "shop"), ...args], { env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Ada <b>", GIT_AUTHOR_EMAIL: "ada@example.org", GIT_COMMITTER_NAME: "Ada", GIT_COMMITTER_EMAIL: "ada@example.org", GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date } });
const scan = (name, ...args) => {
  const page = join(work, name + ".html"), begin = performance.now();
  const run = spawnSync(keysweep, ["scan", "--author", "-o", page, "-q", "--no-progress", ...args], { cwd: join(work, name) });
  if (run.status !== 1 && run.status !== 0 && run.status !== 3) throw new Error(run.stderr.toString());
  return { page, seconds: (performance.now() - begin) / 1000 };
};

mkdirSync(join(work, "shop"));
git("2021-03-02T10:00:00Z", "init", "-q", "-b", "main");
write("shop/pay.go", `const key = "${live(1)}" // api.martis.id\n`);
write("shop/app/.env", `STRIPE_SECRET_KEY=${live(2).slice(0, 32)}\n`);
write("shop/docs/<script>alert(1)<~script>&\"'.md", `use ${live(3)}\n`);
git("2021-03-02T10:00:00Z", "add", ".");
git("2021-03-02T10:00:00Z", "commit", "-qm", "one");
git("2024-08-12T10:00:00Z", "rm", "-q", "app/.env");
for (let i = 0; i < 14; i++) write(`shop/deploy/${i}.yml`, `url: https://api.martis.id\nkey: ${sandbox(4)}\n`);
write("shop/accepted.txt", `K=${live(5)} # keysweep:allow sample\n`);
git("2024-08-12T10:00:00Z", "add", ".");
git("2024-08-12T10:00:00Z", "commit", "-qm", "two");
write("shop/new.txt", `K=${live(6)}\n`);
mkdirSync(join(work, "none"));
for (let i = 0; i < 5000; i++) write(`many/${i % 50}/${i}.env`, `A=1\nMARTIS_KEY=${i % 3 ? live("m" + i) : sandbox("m" + i)}\n# api.martis.id\n`);

const shop = scan("shop"), none = scan("none"), many = scan("many");
const validator = new HtmlValidate({ extends: ["html-validate:standard"] });
for (const [name, page] of [["shop", shop.page], ["none", none.page]]) {
  const report = await validator.validateFile(page);
  check(`html-validate: ${name}`, report.valid, report.results.flatMap(r => r.messages).map(m => `${m.line}:${m.column} ${m.message}`).join("; "));
}

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const open = async (page, options = {}) => {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  const tab = await context.newPage();
  const complaints = [];
  tab.on("console", m => complaints.push(m.text()));
  tab.on("pageerror", e => complaints.push(e.message));
  tab.on("request", r => { if (r.url() !== "file://" + page && !r.url().startsWith("blob:")) complaints.push("loads " + r.url()); });
  await tab.goto("file://" + page);
  return { tab, complaints };
};
for (const width of [360, 1440]) for (const colorScheme of ["light", "dark"]) for (const javaScriptEnabled of [true, false]) {
  const { tab, complaints } = await open(shop.page, { viewport: { width, height: 1500 }, colorScheme, javaScriptEnabled });
  const name = `${width} px, ${colorScheme}, ${javaScriptEnabled ? "with" : "without"} script`;
  const over = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  const text = await tab.evaluate(() => document.body.innerText);
  check(`${name}: nothing is cut off, loaded or complained about`, over <= 0 && !complaints.length, `${over} px; ${complaints}`);
  check(`${name}: the verdict and every key`, /^5 keys found/m.test(text) && await tab.locator("article.key").count() === 6 && await tab.locator("article.accepted:last-of-type").count() === 1 && text.includes("<script>alert(1)<~script>"), text.slice(0, 200));
  if (javaScriptEnabled) {
    await tab.evaluate(axe);
    const found = (await tab.evaluate(() => globalThis.axe.run())).violations;
    check(`${name}: axe finds nothing`, !found.length, found.map(v => `${v.id} (${v.nodes.map(n => n.target).join(" ")})`).join("; "));
  }
  if (shots) await tab.screenshot({ path: join(shots, `${width}-${colorScheme}-${javaScriptEnabled ? "script" : "plain"}.png`) });
  if (width === 1440 && colorScheme === "dark" && !javaScriptEnabled) {
    const pdf = await tab.pdf({ format: "A4", printBackground: true, path: shots && join(shots, "page.pdf") });
    check("it prints", pdf.subarray(0, 4).toString() === "%PDF" && (pdf.toString("latin1").match(/\/Type ?\/Page\b/g) ?? []).length > 1);
  }
  await tab.context().close();
}

// The keyboard alone: mark the first key as accepted, skip the second, take it back, save.
{
  const { tab, complaints } = await open(shop.page, { viewport: { width: 1440, height: 900 } });
  const press = async (...keys) => { for (const k of keys) await tab.keyboard.press(k); };
  await press("j", "a");
  await tab.keyboard.type("a sample");
  await press("Tab");
  await tab.keyboard.type("ada");
  await press("Enter", "j", "s", "j", "s", "u");
  const [download] = await Promise.all([tab.waitForEvent("download"), (async () => { await tab.getByText("Save marks").focus(); await press("Enter"); })()]);
  const marks = JSON.parse(readFileSync(await download.path(), "utf8"));
  const ids = await tab.locator("article.key").evaluateAll(list => list.map(k => k.id.slice(2)));
  const want = { keysweep_marks: 1, marks: [{ fingerprint: ids[0], decision: "accept", reason: "a sample", owner: "ada", expires: "" }, { fingerprint: ids[1], decision: "skip", reason: "", owner: "", expires: "" }] };
  check("the keyboard marks keys, and the marks are saved", JSON.stringify(marks) === JSON.stringify(want), JSON.stringify(marks));
  await press("/");
  await tab.keyboard.type("pay.go");
  check("a search shows what matches", await tab.locator("article.key:visible").count() === 1 && (await tab.locator("[role=status]").first().innerText()).startsWith("1 of "));
  check("no complaint", !complaints.length, complaints.join("; "));
  await tab.context().close();
}

// 5,000 keys.
{
  let begin = performance.now();
  const { tab, complaints } = await open(many.page, { viewport: { width: 1440, height: 900 } });
  await tab.locator("[role=status]").first().waitFor();
  const loaded = performance.now() - begin;
  begin = performance.now();
  await tab.locator("input[type=search]").fill("4999.env");
  await tab.locator("article.key:visible").nth(0).waitFor();
  const searched = performance.now() - begin;
  check("5,000 keys: a search finds one", await tab.locator("article.key:visible").count() === 1 && !complaints.length, complaints.join("; "));
  console.log(`        ${(statSync(many.page).size / 1e6).toFixed(1)} MB, scanned and written in ${many.seconds.toFixed(1)} s, shown in ${(loaded / 1000).toFixed(1)} s, searched in ${(searched / 1000).toFixed(1)} s`);
  await tab.context().close();
}
await browser.close();
rmSync(work, { recursive: true });
process.exit(failures ? 1 : 0);
