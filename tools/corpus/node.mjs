// node.mjs FOLDER: files of Node.js and of packages for it; see small.py.
import { execFileSync } from "node:child_process";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import v8 from "node:v8";
import vm from "node:vm";

const modules = process.env.CORPUS_NODE_MODULES ?? join(import.meta.dirname, "../../bin/corpus-node/node_modules");
const require = createRequire(join(modules, "x.js"));
const asar = require("@electron/asar");
const swc = require("@swc/core");
const { BSON } = require("bson");
const esbuild = require("esbuild");
const { pack } = require("msgpackr");
const { NodeHtmlMarkdown } = require("node-html-markdown");
const { rollup } = require("rollup");
const showdown = require("showdown");
const snarkdown = require("snarkdown");
const terser = require("terser");
const Turndown = require("turndown");
const uglify = require("uglify-js");
const { default: assemblyscript } = await import(join(modules, "assemblyscript/dist/asc.js"));

const out = process.argv[2];
const put = (form, name, data) => {
  mkdirSync(join(out, form), { recursive: true });
  writeFileSync(join(out, form, name), data);
};
const work = mkdtempSync(join(tmpdir(), "corpus"));

async function programs(name, key) {
  const body = key.slice(8);
  const pieces = `const base="https://api.example.com";const k="sk_"+"live_"+"${body}";export function call(p){return fetch(base+p,{headers:{a:k}})}`;
  const whole = `export const keys={stripe:"${key}",paypal:"none"};export function call(p){return fetch(p,{headers:{a:keys.stripe}})}`;
  put("esbuild", name, (await esbuild.transform(pieces, { minify: true })).code);
  put("terser", name, (await terser.minify(pieces, { module: true })).code);
  put("swc", name, (await swc.transform(pieces, { minify: true, jsc: { minify: { compress: true, mangle: true }, target: "es2020" } })).code);
  put("uglify", name, uglify.minify(pieces.replace("export ", "")).code);
  put("Babel concat", name, `var k = "sk_live_".concat("${body}");\n`);
  put("template constant", name, "const prefix = 'sk_live_';\nconst k = `${prefix}" + body + "`;\n");
  const file = join(work, "m.js");
  writeFileSync(file, whole);
  const bundle = await rollup({ input: file, logLevel: "silent" });
  put("rollup", name, (await bundle.generate({ format: "iife", name: "shop", sourcemap: "inline" })).output[0].code);
  const plain = whole.replaceAll("export ", "");
  writeFileSync(file, plain + ";print(call)");
  for (const [form, option] of [["Hermes -O", "-O"], ["Hermes -O0", "-O0"]]) {
    execFileSync(join(modules, "hermes-compiler/hermesc/linux64-bin/hermesc"), ["-emit-binary", option, "-w", "-out", join(work, "m.hbc"), file]);
    put(form, name, readFileSync(join(work, "m.hbc")));
  }
  put("V8 code cache", name, new vm.Script(plain).createCachedData());
  const c = `static const char *api_key_of_the_shop_in_production = "${key}";\nvoid call(void) { post("/v1/charges", "${key}", "eur"); }\n`;
  for (const kind of ["c", "java", "cs"]) {
    const text = kind === "c" ? c : `class Shop { static final String API_KEY_OF_THE_SHOP_IN_PRODUCTION = "${key}"; }\n`;
    put("clang-format " + kind, name, execFileSync(join(modules, "clang-format/bin/linux_x64/clang-format"), ["-assume-filename=m." + kind, "-style=Google"], { input: text }));
  }
  const source = join(work, "m.ts");
  writeFileSync(source, `export function key(): ArrayBuffer { return String.UTF8.encode("${key}"); }\nexport function name(n: i32): string { return n ? "stripe" : "${key}"; }\n`);
  const { error, stderr } = await assemblyscript.main([source, "-o", join(work, "m.wasm"), "--baseDir", work, "-O"]);
  if (error) throw new Error(stderr.toString());
  put("AssemblyScript", name, readFileSync(join(work, "m.wasm")));
}

async function packed(name, key) {
  const note = name.endsWith("b") ? "paid monthly, invoices go to accounting in Berlin" : "eur";
  const record = { id: 4711, provider: "stripe", api_key: key, note };
  put("V8 serialize", name, v8.serialize([record, { api_key: "none" }]));
  put("BSON js", name, BSON.serialize(record));
  put("msgpackr", name, pack([record, { ...record, api_key: "none" }]));
  put("JSON in JSON", name, JSON.stringify({ body: JSON.stringify({ config: JSON.stringify(record) }) }));
  const folder = join(work, "app");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "a.key"), key);
  writeFileSync(join(folder, "b.txt"), "other text");
  await asar.createPackage(folder, join(work, "app.asar"));
  put("asar", name, readFileSync(join(work, "app.asar")));
}

function markup(name, key) {
  const html = `<h1>Set-up</h1><p>The key is ${key}, keep it safe.</p>`;
  put("turndown", name, new Turndown().turndown(html));
  put("node-html-markdown", name, NodeHtmlMarkdown.translate(html));
  const markdown = `# Set-up\n\nThe key is ${key}, keep it safe.\n`;
  put("showdown", name, new showdown.Converter().makeHtml(markdown));
  put("snarkdown", name, snarkdown(markdown));
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name, key] = line.split(" ");
  await programs(name, key);
  await packed(name, key);
  markup(name, key);
}
rmSync(work, { recursive: true });
