// node.mjs FOLDER: documents that packages for Node.js write; see places.py.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const require = createRequire(join(import.meta.dirname, "../../../bin/corpus-node/node_modules/x.js"));
const docx = require("docx");
const ExcelJS = require("exceljs");
const fontkit = require("@pdf-lib/fontkit");
const { PDFDocument, StandardFonts, PDFName, PDFString } = require("pdf-lib");
const PDFKit = require("pdfkit");
const PptxGenJS = require("pptxgenjs");
const nodemailer = require("nodemailer");

const out = process.argv[2];
const keys = readFileSync(0, "utf8").trim().split("\n").map((line) => line.split(" ")[1]);
const SERIF = "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf";
const MONO = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf";

// document writes a file: make gets a function from a place to its key.
async function document(form, extension, make) {
  const at = new Map();
  const key = (place) => {
    const n = at.size;
    if (!at.has(place)) at.set(place, keys[(n % 8) * (keys.length / 8) + (n >> 3)]);
    return at.get(place);
  };
  const data = await make(key);
  mkdirSync(join(out, form), { recursive: true });
  writeFileSync(join(out, form, "a." + extension), data);
  for (const [place, k] of at) console.log(`${form}/a.${extension}\t${place}\t${k}`);
}
// parts cuts a key where runs change.
const parts = (k) => [k.slice(0, 5), k.slice(5, 13), k.slice(13)];

await document("npm docx", "docx", async (key) => {
  const run = (text, more) => new docx.TextRun({ text, ...more });
  const p = (...children) => new docx.Paragraph({ children: children.map((c) => (typeof c === "string" ? run(c) : c)) });
  const split = parts(key("split runs"));
  const doc = new docx.Document({
    title: key("title"), description: key("description"),
    customProperties: [{ name: "stripe", value: key("custom property") }],
    comments: { children: [{ id: 0, author: "me", date: new Date(0), children: [p(key("comment"))] }] },
    footnotes: { 1: { children: [p(key("footnote"))] } },
    sections: [{
      headers: { default: new docx.Header({ children: [p(key("header"))] }) },
      footers: { default: new docx.Footer({ children: [p(key("footer"))] }) },
      children: [
        p("The key is " + key("body") + ", keep it safe."),
        p("Split: ", run(split[0]), run(split[1], { bold: true, color: "aa0000" }), run(split[2])),
        p(new docx.CommentRangeStart(0), "remark", new docx.CommentRangeEnd(0), new docx.FootnoteReferenceRun(1)),
        p(new docx.ExternalHyperlink({ children: [run("here")], link: "https://example.com/pay?key=" + key("hyperlink") + "&x=1" })),
        p(new docx.InsertedTextRun({ text: key("inserted text"), id: 1, author: "me", date: "2026-01-01T00:00:00Z" }),
          new docx.DeletedTextRun({ text: key("deleted text"), id: 2, author: "me", date: "2026-01-01T00:00:00Z" })),
        new docx.Table({ rows: [new docx.TableRow({ children: ["stripe", key("table cell"), "eur"].map((t) => new docx.TableCell({ children: [p(t)] })) })] }),
      ],
    }],
  });
  return docx.Packer.toBuffer(doc);
});

await document("npm exceljs", "xlsx", async (key) => {
  const book = new ExcelJS.Workbook();
  book.title = key("title");
  book.description = key("description");
  const sheet = book.addWorksheet("Keys", { headerFooter: { oddHeader: "&C" + key("header") } });
  sheet.addRow(["stripe", key("cell"), "eur"]);
  sheet.addRow([{ richText: parts(key("split runs")).map((text, i) => ({ text, font: { bold: i === 1 } })) }]);
  sheet.addRow([{ formula: 'A1&"x"', result: key("cached formula") }]);
  sheet.addRow([{ text: "here", hyperlink: "https://example.com/pay?key=" + key("hyperlink") }]);
  sheet.getCell("A5").note = key("comment");
  sheet.getCell("A6").value = "list";
  sheet.getCell("A6").dataValidation = { type: "list", formulae: [`"${key("validation list")},none"`], showInputMessage: true, prompt: key("validation message") };
  book.addWorksheet("More", { state: "hidden" }).getCell("C3").value = key("hidden sheet");
  return book.xlsx.writeBuffer();
});

await document("npm pptxgenjs", "pptx", async (key) => {
  const show = new PptxGenJS();
  show.title = key("title");
  show.subject = key("subject");
  const slide = show.addSlide();
  slide.addText("Key " + key("text box"), { x: 1, y: 1, w: 8, h: 1 });
  slide.addText(parts(key("split runs")).map((text, i) => ({ text, options: { bold: i === 1 } })), { x: 1, y: 2, w: 8, h: 1 });
  slide.addText([{ text: "here", options: { hyperlink: { url: "https://example.com/pay?key=" + key("hyperlink") } } }], { x: 1, y: 3, w: 8, h: 1 });
  slide.addTable([[{ text: "stripe" }, { text: key("table cell") }]], { x: 1, y: 4, w: 8 });
  slide.addChart(show.charts.BAR, [{ name: key("workbook of a chart"), labels: ["one", "two"], values: [1, 2] }], { x: 1, y: 5, w: 4, h: 2 });
  slide.addNotes(key("notes"));
  return show.write({ outputType: "nodebuffer" });
});

const collected = (doc) => new Promise((resolve) => {
  const pieces = [];
  doc.on("data", (d) => pieces.push(d));
  doc.on("end", () => resolve(Buffer.concat(pieces)));
  doc.end();
});

async function pdfkit(key, options) {
  const doc = new PDFKit({ info: { Title: key("title"), Keywords: key("keyword") }, ...options });
  doc.fontSize(11).text("The key is " + key("body") + ", keep it safe.");
  const [a, b, c] = parts(key("split runs"));
  doc.font("Helvetica").text(a, { continued: true }).font("Helvetica-Bold").text(b, { continued: true }).font("Helvetica").text(c);
  doc.font(SERIF).text("Embedded: " + key("embedded font"));
  const [d, e, f] = parts(key("two embedded fonts"));
  doc.font(SERIF).text(d, { continued: true }).font(MONO).text(e, { continued: true }).font(SERIF).text(f);
  doc.font("Courier").text(key("wrapped"), { width: 150 });
  doc.font("Helvetica").text(key("letter spacing"), { characterSpacing: 3 });
  doc.text("here", { link: "https://example.com/pay?key=" + key("hyperlink") });
  doc.text("a justified line with the key " + key("justified") + " among other words so that spaces grow in it", { align: "justify", width: 400 });
  doc.note(100, 400, 200, 50, key("comment"));
  doc.file(Buffer.from("STRIPE=" + key("attachment") + "\n"), { name: "app.env" });
  doc.initForm();
  doc.formText("key", 100, 500, 300, 20, { value: key("form field") });
  return collected(doc);
}
await document("npm pdfkit", "pdf", (key) => pdfkit(key, {}));
await document("npm pdfkit uncompressed", "pdf", (key) => pdfkit(key, { compress: false, pdfVersion: "1.3" }));
await document("npm pdfkit encrypted", "pdf", (key) => pdfkit(key, { ownerPassword: "x", permissions: {}, pdfVersion: "1.7" }));

async function pdflib(key, options) {
  const doc = await PDFDocument.create();
  doc.registerFontkit(fontkit);
  doc.setTitle(key("title"));
  doc.setKeywords([key("keyword")]);
  const helvetica = await doc.embedFont(StandardFonts.Helvetica), bold = await doc.embedFont(StandardFonts.TimesRomanBold);
  const serif = await doc.embedFont(readFileSync(SERIF), { subset: true }), mono = await doc.embedFont(readFileSync(MONO), { subset: true });
  const page = doc.addPage([900, 800]);
  const line = (y, ...pieces) => {
    let x = 50;
    for (const [text, font] of pieces) {
      page.drawText(text, { x, y, size: 12, font });
      x += font.widthOfTextAtSize(text, 12);
    }
  };
  const [a, b, c] = parts(key("split runs"));
  const [d, e, f] = parts(key("two embedded fonts"));
  line(700, ["The key is " + key("body") + ", keep it safe.", helvetica]);
  line(680, [a, helvetica], [b, bold], [c, helvetica]);
  line(660, ["Embedded: " + key("embedded font"), serif]);
  line(640, [d, serif], [e, mono], [f, serif]);
  page.drawText(key("wrapped"), { x: 50, y: 600, size: 12, font: mono, maxWidth: 200, wordBreaks: [""], lineHeight: 14 });
  await doc.attach(Buffer.from("STRIPE=" + key("attachment") + "\n"), "app.env", { mimeType: "text/plain" });
  page.node.set(PDFName.of("Annots"), doc.context.obj([{ Type: "Annot", Subtype: "Text", Rect: [0, 0, 9, 9], Contents: PDFString.of(key("comment")) },
    { Type: "Annot", Subtype: "Link", Rect: [0, 0, 9, 9], A: { S: "URI", URI: PDFString.of("https://example.com/pay?key=" + key("hyperlink")) } }]));
  const field = doc.getForm().createTextField("key");
  field.setText(key("form field"));
  field.addToPage(page, { x: 50, y: 500, width: 800, height: 20 });
  return doc.save(options);
}
await document("npm pdf-lib", "pdf", (key) => pdflib(key, {}));
await document("npm pdf-lib without object streams", "pdf", (key) => pdflib(key, { useObjectStreams: false }));

await document("npm nodemailer", "eml", async (key) => {
  const mail = nodemailer.createTransport({ streamTransport: true, buffer: true });
  const workbook = new ExcelJS.Workbook();
  workbook.addWorksheet("Keys").addRow([key("workbook attached")]);
  const { message } = await mail.sendMail({
    from: "a@example.com", to: "b@example.com", subject: "Schlüssel " + key("subject"),
    text: "Grüße, the key is " + key("text") + "\n".repeat(2) + "x".repeat(100), html: `<p>Grüße, the key is <b>${key("HTML")}</b></p>`,
    attachments: [
      { filename: "app.env", content: "STRIPE=" + key("file attached") + "\n" },
      { filename: "keys.xlsx", content: Buffer.from(await workbook.xlsx.writeBuffer()) },
    ],
  });
  return message;
});
