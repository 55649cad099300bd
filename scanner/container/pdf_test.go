package container

import (
	"fmt"
	"testing"
)

const writePDF = `
import base64, zlib

def stream(d, data):
    return b"<< %s /Length %d >>\nstream\n" % (d.encode(), len(data)) + data + b"\nendstream"

def flate(data, d=""):
    return stream("/Filter /FlateDecode " + d, zlib.compress(data))

def pdf(name, objects, tail=b"trailer << /Root 1 0 R >>\n%%EOF\n"):
    out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    for number, body in objects:
        out += b"%d 0 obj\n" % number + (body if isinstance(body, bytes) else body.encode()) + b"\nendobj\n"
    open(name, "wb").write(out + tail)
    return out + tail

def text(s, font="F1"):
    return ("BT /%s 12 Tf 72 700 Td [%s] TJ ET" % (font, s)).encode()

def lzw(data, early=1):
    table, codes, out, width = {bytes([i]): i for i in range(256)}, [256], "", 9
    codes = "{:09b}".format(256)
    n, w = 258, b""
    for c in data:
        c = bytes([c])
        if w + c in table:
            w += c
            continue
        codes += ("{:0%db}" % width).format(table[w])
        table[w + c] = n
        n += 1
        if n + early > 1 << width and width < 12:
            width += 1
        w = c
        if n == 4094:
            codes += ("{:0%db}" % width).format(table[w]) + "{:012b}".format(256)
            table, n, w, width = {bytes([i]): i for i in range(256)}, 258, b"", 9
    if w:
        codes += ("{:0%db}" % width).format(table[w])
        n += 1
        if n + early > 1 << width and width < 12:
            width += 1
    codes += ("{:0%db}" % width).format(257)
    codes += "0" * (-len(codes) % 8)
    return int(codes, 2).to_bytes(len(codes) // 8, "big")

def png(data, columns, kind):
    out, above = b"", bytes(columns)
    for i in range(0, len(data), columns):
        row = data[i:i + columns].ljust(columns)
        left = bytes(1) + row[:-1]
        up = {0: bytes(columns), 1: left, 2: above, 3: bytes((a + b) // 2 for a, b in zip(left, above))}[kind]
        out, above = out + bytes([kind]) + bytes((a - b) & 255 for a, b in zip(row, up)), row
    return out

def tounicode(pairs, ranges):
    s = "/CIDInit /ProcSet findresource begin 1 begincodespacerange <0000> <ffff> endcodespacerange\n%d beginbfchar\n" % len(pairs)
    s += "".join("<%04x> <%04x>\n" % p for p in pairs) + "endbfchar\n1 beginbfrange\n" + "".join("<%04x> <%04x> <%04x>\n" % r for r in ranges) + "endbfrange"
    return flate(s.encode())

long = ("KEY=lzw " + " ".join(str(i * 7919) for i in range(3000)) + " end").encode()
pages = [
    (1, "<< /Type /Catalog /Pages 2 0 R >>"),
    (2, "<< /Type /Pages /Kids [3 0 R] /Count 1 /Resources << /Font << /F1 4 0 R /F2 5 0 R /F3 8 0 R /F4 9 0 R >> >> >>"),
    (3, "<< /Type /Page /Parent 2 0 R /Contents [10 0 R 11 0 R 12 0 R] /Annots [<< /A << /URI (https://x/?KEY=plain) >> >>] >>"),
    (4, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"),
    (5, "<< /Type /Font /Subtype /Type0 /ToUnicode 7 0 R >>"),
    (7, tounicode([(1, 0x4b), (2, 0x45), (3, 0x59), (4, 0x3d)], [(0x10, 0x29, 0x61)])),
    (8, "<< /Type /Font /Subtype /Type1 /Encoding << /Differences [1 /K /E /Y /equal /underscore /seven] >> >>"),
    (9, "<< /Type /Font /Subtype /Type0 /Encoding /Identity-H >>"),
]
pdf("a.pdf", pages + [
    (10, flate(text(r"(KEY=s) -20 (pl) 30 (it\137o\)ver) -400 (next)") + b" 0 -14 Td (line) Tj T* (quote) ' BI /W 1 ID \x00(\xff EI BT (after) Tj ET")),
    (11, flate(text("<0001000200030004> 7 <001000110012>", "F2"))),
    (12, flate(text("<010203040506>", "F3"))),
    (13, stream("/Filter [/ASCII85Decode /LZWDecode]", base64.a85encode(lzw(long)) + b"~>")),
    (14, stream("/Filter /ASCIIHexDecode /Type /Metadata", b"4b45593d 6d657461 >")),
    (15, stream("/Filter /RunLengthDecode", b"\x03KEY=\xfea\x01bc\x80")),
    (16, flate(png(b"KEY=predicted, row after row of it." * 4, 12, 2), "/DecodeParms << /Predictor 12 /Columns 12 >>")),
    (17, flate(b"KEY=attached", "/Type /EmbeddedFile")),
    (18, flate(b"\x00" * 99, "/Subtype /Image")),
    (19, flate(text("(KEY=form)"), "/Type /XObject /Subtype /Form")),
    (20, stream("/Filter /DCTDecode", b"none")),
    (21, flate(b"6 0 5 9 << /Type /Page /Contents 22 0 R /Note (KEY=object) >>", "/Type /ObjStm /N 1 /First 4")),
])
a = pdf("updated.pdf", pages[:2] + [(3, pages[2][1].replace(" 11 0 R 12 0 R", "")), (10, flate(text("(KEY=old)"))), (11, "<< /Length 12 0 R >>\nstream\nKEY=lying\nendstream"), (12, "9999999"), (13, "<< /Length 3 >>\nstream\nKEY=short\nendstream")])
open("updated.pdf", "wb").write(a + b"10 0 obj\n" + flate(text("(KEY=new)")) + b"\nendobj\n%%EOF\n")
pdf("glyphs.pdf", pages + [(10, flate(text("<00010002>", "F4")))])
pdf("locked.pdf", pages + [(10, flate(text("(KEY)")))], b"trailer << /Encrypt 11 0 R >>")
pdf("circular.pdf", [(1, "<< /Type /Page /Parent 1 0 R /Contents 1 0 R /Length 2 0 R >>\nstream\nBT (KEY=in) Tj"), (2, "2 0 R"), (3, "<< /Filter 4 0 R /Length 5 0 R >>\nstream\nx"), (4, "[4 0 R 4 0 R]"), (5, "[" * 10000)])
open("cut.pdf", "wb").write(open("a.pdf", "rb").read()[:1300])
open("before.PDF", "wb").write(b"\r\nsent by a server\r\n" + open("updated.pdf", "rb").read())
open("no name", "wb").write(b"\xef\xbb\xbf\r\n" + open("updated.pdf", "rb").read())
# Widths: F1 is Helvetica, where K is 667, E 667, Y 667 and = 584; F2 has a list, F3 one for all.
fonts = "<< /Type /Page /Contents [%s] /Resources << /Font << /F1 4 0 R /F2 5 0 R /F3 6 0 R /F4 9 0 R /F5 10 0 R /F6 12 0 R /F7 13 0 R >> >> >>" % " ".join("%d 0 R" % n for n in range(20, 40))
def shown(number, content):
    return number, flate(content.encode())
pdf("places.pdf", [(3, fonts), (4, pages[3][1]), (7, pages[5][1]),
    (5, "<< /Type /Font /Subtype /Type0 /ToUnicode 7 0 R /DescendantFonts [8 0 R] >>"),
    (8, "<< /Type /Font /DW 500 /W [1 [600 700] 3 4 800 16 [100]] >>"),
    (6, "<< /Type /Font /Subtype /TrueType /BaseFont /Some /FirstChar 65 /Widths [%s] >>" % " ".join(["500"] * 60)),
    (9, "<< /Type /Font /Subtype /Type3 /FontMatrix [0.01 0 0 0.01 0 0] /FirstChar 61 /Widths [%s] /Encoding << /Differences [69 /a69 75 /a75 89 /a89 61 /a61 27 /a27 /fi /f_l] >> >>" % " ".join(["50"] * 60)),
    shown(20, "BT /F1 10 Tf 50 700 Td (KEY=) Tj ET q BT /F2 10 Tf 75.85 700 Td <0010> Tj 9 TL T* ET Q BT /F3 10 Tf 76.85 700 Td (bc) Tj 14 TL T* ET BT 95 700 Td (d) Tj ET BT 50 690 Td (e) Tj ET"),
    shown(21, "BT /F2 10 Tf 1 0 0 1 50 700 Tm <00010002> Tj 1 0 0 1 63 700 Tm <00030004> Tj 13 0 Td <0010> Tj 16 0 Td <0011> Tj ET"),
    shown(22, "BT /F3 5 Tf [(K) -900 (E) -900 (Y) -910 (A) -890 (B) -1500 (a) -900 (b)] TJ 0 -9 Td (K) Tj 7 0 Td (E) Tj 7 0 Td (Y) Tj 7 0 Td (A) Tj 7 0 Td (B) Tj ET"),
    shown(23, "BT /F3 10 Tf 3 Tc (KEY) Tj (A) Tj 0 Tc 8 0 Td ET q .5 0 0 -.5 0 800 cm BT 1 0 0 -1 100 100 Tm (AB) Tj ET Q q .5 0 0 -.5 5 800 cm BT 1 0 0 -1 100 100 Tm (CD) Tj ET Q"),
    shown(24, "BT /F3 10 Tf 0 1 -1 0 300 300 Tm (KEY) Tj 0 1 -1 0 300 315 Tm (A) Tj 0 1 -1 0 300 330 Tm (B) Tj 0 1 -1 0 310 330 Tm (C) Tj ET"),
    shown(25, "BT /F3 10 Tf 50 500 Td (KEY) Tj ET q 1 0 0 1 65.6 500.2 cm 0 0 m 3 0 l S Q BT 69 500 Td (A) Tj ET 74.5 500 3 -.4 re f BT 78 500 Td (B) Tj ET q 3 0 0 -1 83.5 500 cm BI /W 1 ID \x00 EI Q BT 87 500 Td (C) Tj ET"
        " 92.5 500 1 9 re f BT 96 500 Td (D) Tj ET 102 500 30 .4 re f BT 133 500 Td (E) Tj ET"),
    shown(26, "BT /F4 10 Tf (KEY=) Tj 200 Tz 1 0 0 1 20 0 Tm (K) Tj 1 0 0 1 30 0 Tm (E) Tj 12 TL T* (Y) Tj ET"),
    (10, "<< /Type /Font /Subtype /Type0 /ToUnicode 11 0 R >>"), (11, tounicode([(1, 0x4b), (2, 0xfb03)], [])),
    shown(29, "0 0 m 9 9 l S " * 5000 + "BT /F3 10 Tf (KEY=late) Tj ET"),
    (12, "<< /Type /Font /Subtype /Type1 >>"), (13, "<< /Type /Font /Subtype /TrueType /Encoding /MacRomanEncoding >>"),
    shown(30, "BT /F6 10 Tf (KEY=\\256) Tj /F7 10 Tf (K\\336\\337) Tj ET"),
    shown(28, "BT /F3 10 Tf (KEY=\\013o\\014x\\034) Tj /F4 10 Tf (\\033o\\034\\035) Tj /F5 10 Tf <00010002> Tj ET"),
    shown(27, "BT /F1 10 Tf nan inf Td (KEY=) Tj 1e300 0 0 1e300 0 0 Tm (a) Tj 0 0 0 0 0 0 Tm (b) Tj ET " + "q " * 2000 + "Q " * 3000 + "BT (c) Tj ET"),
])
n = 3000 # pages, below one list
pdf("pages.pdf", [(1, "<< /Type /Pages /Resources << /Font << /F1 2 0 R >> >> /Kids [" + " ".join("%d 0 R" % (10 + 2 * i) for i in range(n)) + "] >>"), (2, pages[6][1])] + [
    o for i in range(n) for o in ((10 + 2 * i, "<< /Type /Page /Parent 1 0 R /Contents %d 0 R >>" % (11 + 2 * i)), (11 + 2 * i, flate(text("<010203040506>"))))])
hidden = "".join("\\000" + c for c in "KEY=h\u00fcdden").replace("\u00fc", "\\374")
pdf("hidden.pdf", [(1, "<< /Title (\\376\\377" + hidden + ") /Keywords (KEY=plain) >>"), (2, stream("/Type /ObjStm /N 1 /First 4", b"3 0 << /V [1 (\xfe\xff\\000K\\000E\\000Y)] /T (\xfe\xff\x00x) >>"))])
pdf("torn.pdf", [(1, stream("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", zlib.compress(b"6 0 << /Note (KEY=object) >>", 0)[:-9]))])
open("nothing.pdf", "wb").write(b"%PDF-1.7\n")
`

func TestPDF(t *testing.T) {
	pages := make(map[string]string)
	for i := range 3000 {
		pages[fmt.Sprintf("object %d", 11+2*i)] = "KEY=_7"
	}
	checkDocuments(t, writePDF, []documentCase{
		{file: "a.pdf", parts: map[string]string{
			"object 10": "KEY=split_o)ver next\nline\nquote\nafter\n", "object 11": "KEY=abc", "object 12": "KEY=_7", "object 13": "KEY=lzw 0 7919",
			"object 14": "KEY=meta", "object 15": "KEY=aaabc", "object 16": "KEY=predicted, row after row of it.KEY=predicted", "object 17": "KEY=attached",
			"object 19": "KEY=form", "object 21": "/Note (KEY=object)",
		}, notes: []Problem{Unsupported}},
		{file: "updated.pdf", parts: map[string]string{"object 10": "KEY=old\nKEY=new\n", "object 11": "KEY=lying", "object 13": "KEY=short"}},
		{file: "before.PDF", parts: map[string]string{"object 10": "KEY=old\nKEY=new\n", "object 11": "KEY=lying", "object 13": "KEY=short"}},
		{file: "no name", parts: map[string]string{"object 10": "KEY=old\nKEY=new\n", "object 11": "KEY=lying", "object 13": "KEY=short"}},
		{file: "pages.pdf", parts: pages},
		{file: "places.pdf", parts: map[string]string{
			"object 20": "KEY=abc d\ne\n", "object 21": "KEY=a b\n", "object 22": "KEYAB ab\nKEYAB\n", "object 23": "KEYA\nABCD\n", "object 24": "KEYA B\nC\n",
			"object 25": "KEY_A_B_C D E\n", "object 26": "KEY=KE\nY\n", "object 29": "KEY=late\n", "object 30": "KEY=fiKfifl\n", "object 28": "KEY=ffofixfiffofi\ufffdKffi\n", "object 27": "KEY=a\nbc\n",
		}},
		{file: "hidden.pdf", parts: map[string]string{"object 1": "KEY=h\u00fcdden", "object 2": "/T (", "object 3": "KEY"}},
		{file: "torn.pdf", parts: map[string]string{"object 1": "6 0 << /Note (KEY="}, notes: []Problem{Damaged}},
		{file: "glyphs.pdf", parts: map[string]string{"object 10": ""}, notes: []Problem{Unsupported}},
		{file: "locked.pdf", notes: []Problem{Encrypted}},
		{file: "circular.pdf", parts: map[string]string{"object 1": "KEY=in"}, notes: []Problem{Unsupported}},
		{file: "cut.pdf", parts: map[string]string{"object 10": "KEY=spl", "object 11": "KEY=abc", "object 12": ""}, notes: []Problem{Damaged}},
		{file: "nothing.pdf", notes: []Problem{Damaged}},
	})
}
