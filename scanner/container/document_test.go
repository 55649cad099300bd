package container

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// python writes the files that a script makes to a folder, and returns that.
func python(t testing.TB, script string) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "make.py"), []byte(script), 0o666); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "python3 make.py")
	return dir
}

// documentCase is a file that a script writes, and what is in it.
type documentCase struct {
	file  string
	parts map[string]string // a text that each part holds; "" of the name: the raw bytes of an inner file
	notes []Problem
}

// plainEnds writes the ends of cells and paragraphs as those of lines.
func plainEnds(text string) string { return strings.ReplaceAll(text, " \n", "\n") }

// checkDocuments walks the files that the script writes. It compares the names of all
// parts, and a piece of the text of each.
func checkDocuments(t *testing.T, script string, cases []documentCase) {
	t.Helper()
	dir := python(t, script)
	for _, tt := range cases {
		t.Run(tt.file, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(dir, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			s, _ := walkAll(t, b, tt.file)
			for name, text := range tt.parts {
				if got, ok := s.members[name]; !ok || !strings.Contains(plainEnds(got), text) {
					t.Errorf("%s: %q, want %q", name, short(got), text)
				}
			}
			for name := range s.members {
				if _, ok := tt.parts[name]; !ok {
					t.Errorf("%s, too: %q", name, short(s.members[name]))
				}
			}
			var problems []Problem
			for _, n := range s.notes {
				problems = append(problems, n.Problem)
			}
			if !slices.Equal(problems, tt.notes) {
				t.Errorf("notes %+v", s.notes)
			}
		})
	}
}

func short(s string) string { return s[:min(len(s), 300)] }

const writeMails = `
import mailbox, io, zipfile
from email.message import EmailMessage
from email.policy import SMTP

long = "KEY=" + "x" * 120 + "=end"
z = io.BytesIO()
with zipfile.ZipFile(z, "w", zipfile.ZIP_DEFLATED) as f:
    f.writestr("in/a.env", "KEY=zipped")

def mail(subject="hello", html=True):
    m = EmailMessage(policy=SMTP)
    m["From"], m["To"], m["Subject"] = "a@example.org", "b@example.org", subject
    m.set_content("a text, ä\n" + long + "\n", cte="quoted-printable")
    if html:
        m.add_alternative("<p>" + long + "</p>", subtype="html", cte="base64")
    return m

def attached():
    m = mail()
    m.add_attachment(z.getvalue(), maintype="application", subtype="zip", filename="keys.zip")
    m.add_attachment(("KEY=plain file\n" * 9).encode(), maintype="text", subtype="plain", filename="Schlüssel.txt")
    inner = mail("inner", False)
    m.add_attachment(inner)
    return m

open("plain.eml", "wb").write(bytes(mail(html=False)))
open("attached.eml", "wb").write(bytes(attached()))
open("no suffix", "wb").write(bytes(attached()))
open("folded.eml", "wb").write(bytes(mail("KEY=" + "ä" * 3 + "y" * 100 + "=end", False)))
open("loose.eml", "wb").write(b"Bcc: x\nContent-Type: multipart/mixed; Boundary=--=_a?b; name=a b\n\n----=_a?b\nContent-Transfer-Encoding: base64 (RFC 2045)\n\nS0VZPWxvb3Nl\n----=_a?b--\n")
open("plain.mbox", "wb").write(b"From a Thu Jan  1 00:00:00 2026\nStatus: RO\n\nplain\n\nFrom a Thu Jan  1 00:00:00 2026\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\nS0VZPXNlY29uZA==\n")
open("marked.eml", "wb").write(b"\xef\xbb\xbf" + bytes(attached()))
open("behind.eml", "wb").write(b"\r\n\n" + bytes(attached()))
open("cut.eml", "wb").write(bytes(mail())[:-60])
for name, box in ("two.mbox", mailbox.mbox("two.mbox")), ("dir", mailbox.Maildir("dir")):
    box.add(mail("one"))
    box.add(attached())
    box.flush()
    box.close()
import os, shutil
names = sorted(os.listdir("dir/new"), key=lambda n: os.path.getsize("dir/new/" + n))
shutil.move("dir/new/" + names[-1], "maildir")
`

func TestMail(t *testing.T) {
	long := "KEY=" + strings.Repeat("x", 120) + "=end"
	attached := map[string]string{
		"part 1.1": long, "part 1.2": long, "keys.zip!/in/a.env": "KEY=zipped", "Schlüssel.txt": "KEY=plain file", "part 4": long,
	}
	box := map[string]string{"message 1/part 1": long, "message 1/part 2": long}
	for name, text := range attached {
		box["message 2/"+name] = text
	}
	checkDocuments(t, writeMails, []documentCase{
		{file: "plain.eml", parts: map[string]string{"body": long}},
		{file: "attached.eml", parts: attached},
		{file: "no suffix", parts: attached},
		{file: "marked.eml", parts: attached},
		{file: "behind.eml", parts: attached},
		{file: "maildir", parts: attached},
		{file: "folded.eml", parts: map[string]string{"body": long, "headers": "Subject: KEY=äää" + strings.Repeat("y", 100) + "=end"}},
		{file: "cut.eml", parts: map[string]string{"part 1": long, "part 2": "<p>KEY=xx"}},
		{file: "loose.eml", parts: map[string]string{"part 1": "KEY=loose"}},
		{file: "plain.mbox", parts: map[string]string{"message 2/body": "KEY=second"}},
		{file: "two.mbox", parts: box},
	})
}

const writeOffice = `
import io, zipfile

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
T = 'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
X = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

def pack(files):
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as z:
        for name, text in files.items():
            z.writestr(name, text)
    return b.getvalue()

def run(t):
    return '<w:r w:rsidR="00AB12CD"><w:rPr><w:b/></w:rPr><w:t xml:space="preserve">' + t + '</w:t></w:r>'

split = run("KEY=sp") + '<w:proofErr w:type="spellStart"/><w:ins w:id="1">' + run("lit_o") + '</w:ins>' + run("ver &amp; &#x72;uns")
gone = '<w:del><w:r><w:delText>KEY=del</w:delText></w:r><w:r><w:delText>eted</w:delText></w:r></w:del>'
field = '<w:r><w:instrText>HYPERLINK "http://x/?KEY=in</w:instrText></w:r><w:r><w:instrText>str"</w:instrText></w:r>'
xlsx = pack({
    "xl/sharedStrings.xml": X + '<sst ' + S + '><si><t>before</t></si><si><r><t>KEY=ri</t></r><r><rPr><b/></rPr><t>ch</t></r></si><si><t>after</t></si></sst>',
    "xl/worksheets/sheet1.xml": '<worksheet ' + S + '><sheetData><row r="1"><c r="A1" t="str"><f>CONCAT("KEY=","for")</f><v>KEY=cached</v></c>'
        '<c r="B1" t="inlineStr"><is><r><t>KEY=in</t></r><r><t>line</t></r></is></c></row></sheetData></worksheet>',
    "xl/comments1.xml": X + '<comments ' + S + '><commentList><comment ref="A1"><text><r><t>KEY=com</t></r><r><t>ment</t></r></text></comment></commentList></comments>',
})
open("a.docx", "wb").write(pack({
    "word/document.xml": X + '<w:document ' + W + '><w:body><w:p>' + run("first") + '</w:p><w:p/><w:p>' + split + gone + field + '</w:p><w:p>' + run("KEY=a") + '<w:r><w:tab/></w:r>' + run("b") + '</w:p></w:body></w:document>',
    "word/header1.xml": X + '<w:hdr ' + W + '><w:p>' + run("KEY=he") + run("ader") + '</w:p></w:hdr>',
    "word/_rels/document.xml.rels": X + '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Target="https://example.org/?KEY=link" TargetMode="External"/></Relationships>',
    "docProps/custom.xml": X + '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties" xmlns:vt="http://x"><property pid="2" name="k"><vt:lpwstr>KEY=property</vt:lpwstr></property></Properties>',
    "word/embeddings/sheet.xlsx": xlsx,
    "word/media/a.svg": '<svg>KEY=picture</svg>',
}))
open("a.xlsx", "wb").write(xlsx)
open("a.pptx", "wb").write(pack({"ppt/notesSlides/notesSlide1.xml": X + '<p:notes xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" ' + A + '><a:p><a:r><a:t>KEY=no</a:t></a:r><a:r><a:rPr lang="en"/><a:t>tes</a:t></a:r><a:endParaRPr/></a:p></p:notes>'}))
content = X + '<office:document-content ' + T + '><office:body><office:text><!-- KEY=remark --><text:p>KEY=sp<text:span text:style-name="T1">an_<text:bookmark text:name="b"/>ned</text:span><text:s text:c="2"/>x</text:p><text:p>next</text:p></office:text></office:body></office:document-content>'
open("a.odt", "wb").write(pack({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content}))
open("a.fodt", "w").write(content.replace("document-content", "document"))
manifest = X + '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry><manifest:encryption-data/></manifest:file-entry></manifest:manifest>'
open("locked.odt", "wb").write(pack({"content.xml": b"\xa1\x05\x99", "META-INF/manifest.xml": manifest}))
header = bytearray(512)
header[:8], header[30] = bytes.fromhex("d0cf11e0a1b11ae1"), 9
open("old.doc", "wb").write(bytes(header) + "Root Entry".encode("utf-16le").ljust(128, b"\0"))
open("locked.docx", "wb").write(bytes(header) + "Root Entry".encode("utf-16le").ljust(128, b"\0") + "EncryptedPackage".encode("utf-16le").ljust(128, b"\0"))
open("open-tag.xml", "w").write(X + '<w:document ' + W + '><w:p><w:t>KEY=one</w:t></w:p><w:p a="' + "KEY=two, never ended")
`

func TestOffice(t *testing.T) {
	sheet := map[string]string{
		"xl/sharedStrings.xml": "before\nKEY=rich\nafter\n", "xl/worksheets/sheet1.xml": "KEY=cached\nKEY=inline\n", "xl/comments1.xml": "KEY=comment\n",
	}
	word := map[string]string{
		"word/document.xml": "first\nKEY=split_over & runs\nKEY=deleted\nHYPERLINK \"http://x/?KEY=instr\"\nKEY=a\nb\n", "word/header1.xml": "KEY=header\n",
		"word/_rels/document.xml.rels": "https://example.org/?KEY=link\"", "docProps/custom.xml": "KEY=property\n", "word/media/a.svg": "KEY=picture",
	}
	for name, text := range sheet {
		word["word/embeddings/sheet.xlsx!/"+name] = text
	}
	spans := "KEY=remark \nKEY=span_ned x\nnext\n"
	checkDocuments(t, writeOffice, []documentCase{
		{file: "a.docx", parts: word},
		{file: "a.xlsx", parts: sheet},
		{file: "a.pptx", parts: map[string]string{"ppt/notesSlides/notesSlide1.xml": "KEY=notes\n"}},
		{file: "a.odt", parts: map[string]string{"mimetype": "opendocument", "content.xml": spans}},
		{file: "a.fodt", parts: map[string]string{"text": spans}},
		{file: "locked.odt", parts: map[string]string{"content.xml": "", "META-INF/manifest.xml": ""}, notes: []Problem{Encrypted}},
		{file: "old.doc", notes: []Problem{Unsupported}},
		{file: "locked.docx", notes: []Problem{Encrypted}},
		{file: "open-tag.xml", parts: map[string]string{"text": "KEY=one\nw:p a=\"KEY=two, never ended"}},
	})
}

const writeRTF = `
import struct, zipfile, io

z = io.BytesIO()
with zipfile.ZipFile(z, "w", zipfile.ZIP_DEFLATED) as f:
    f.writestr("in/a.env", "KEY=zipped")
def text(b):
    return struct.pack("<I", len(b) + 1) + b + b"\0"
def ole(kind, data):
    return struct.pack("<II", 0x501, 2) + text(kind) + struct.pack("<II", 0, 0) + struct.pack("<I", len(data)) + data
file = b"\x02\0a.zip\0C:\\a.zip\0\0\0\x03\0" + text(b"C:\\a.zip") + struct.pack("<I", len(z.getvalue())) + z.getvalue()
body = (r"{\rtf1\ansi\deff0{\fonttbl{\f0 Times New Roman;}}{\info{\title KEY=title}{\author me}}{\*\generator x;}" "\n"
    r"\pard before\par KEY=\'73p{\b l}{\rtlch\insrsid123 i" "\r\n" r"t\u95?\uc2\u111 xxver}\~x\par" "\n"
    r"{\field{\*\fldinst HYPERLINK http://x/?KEY=field}{\fldrslt KEY=res}}ult\_1{\footnote\pard KEY=foot\par KEY=note}\tab \{b\}\par"
    r"{\object\objemb{\*\objdata " + ole(b"Package", file).hex() + r"}{\result shown}}"
    r"{\object{\*\objdata " + ole(b"Other", b"KEY=other object").hex() + r"}}{\object{\*\objdata " + b"KEY=no object".hex() + r"}}\par\bin10 KEY=b{\in}end}")
open("a.rtf", "w").write(body)
open("uc0.rtf", "w").write(r"{\rtf1\ansi\uc0\u8217 KEY=a{\u8217}KEY=b{\uc2\u8217??KEY=c}\u8217 KEY=d}{\uc1\u8217 ?KEY=e}")
open("objects.rtf", "w").write(r"{\rtf1" + r"{\object{\*\objdata }}" * 10000 + "}")
open("cut.rtf", "w").write(body[:body.index("6f74686572") + 20])
`

func TestRTF(t *testing.T) {
	text := "before\nTimes New Roman;\nKEY=title\nme\nx;\nKEY=split_over x\nKEY=result-1\nHYPERLINK http://x/?KEY=field\nKEY=foot\nKEY=note\n{b}\nshown\nKEY=b{\\in}end\n"
	objects := map[string]string{"text": ""}
	for i := range 10_000 {
		objects[fmt.Sprintf("object %d", i+1)] = ""
	}
	checkDocuments(t, writeRTF, []documentCase{
		{file: "a.rtf", parts: map[string]string{
			"text": text, "object 1/a.zip!/in/a.env": "KEY=zipped", "object 2": "KEY=other object", "object 3": "KEY=no object",
		}},
		{file: "uc0.rtf", parts: map[string]string{"text": "’KEY=a’KEY=b’KEY=c’KEY=d’KEY=e"}},
		{file: "objects.rtf", parts: objects, notes: []Problem{Damaged}},
		{file: "cut.rtf", parts: map[string]string{"text": "KEY=split_over", "object 1/a.zip!/in/a.env": "KEY=zipped", "object 2": ""}},
	})
}

func TestOnlyMailsThatAreEncodedAreOpened(t *testing.T) {
	for text, want := range map[string]bool{
		"From: a@example.org\nMIME-Version: 1.0\n\ntext\n":                      true,
		"From a@example.org Thu Jan  1 00:00:00 2026\nContent-Type: x/y\n\nt":   true,
		"X-Odd: 1\r\nSubject: a\r\n b\r\nContent-Transfer-Encoding: base64\r\n": true,
		"From: a@example.org\nSubject: no more\n\nMIME-Version: 1.0\n":          false,
		"From now on: nothing\nContent-Type: x\n":                               false,
		"From now on, in 2026:\nnothing\n":                                      false,
		"From a Thu Jan  1 00:00:00 2026\nSubject: the first one is plain\n\nt": true,
		"List-Id: any header\nFrom: a@example.org\nMIME-Version: 1.0\n\n":       true,
		"version: 1\n" + strings.Repeat("key: value\n", 1000):                   false,
		"all: build\n\t cc\n\nContent-Type: x\n":                                false,
		"Date: 1\nno header\nContent-Type: x\n":                                 false,
		"package main\n":                                                        false,
		"\xef\xbb\xbfFrom: a@example.org\nMIME-Version: 1.0\n\n":                true,
		"\r\n\r\nFrom: a@example.org\r\nMIME-Version: 1.0\r\n\r\n":              true,
		"\n\n": false,
		"To: " + strings.Repeat("x\nSubject: y", 1000): true,
	} {
		if got := RecognizeHead([]byte(text), ""); got != want {
			t.Errorf("%.60q: %v", text, got)
		}
	}
}
