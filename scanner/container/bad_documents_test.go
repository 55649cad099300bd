package container

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
	"testing"
)

// pdfOf returns a PDF of objects, from 1, each as it is written.
func pdfOf(version string, objects ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%%PDF-%s\n", version)
	for i, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	return b.Bytes()
}

func deflated(text string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return fmt.Sprintf("<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream", b.Len(), b.String())
}

// What is wrong with a document is named, and the rest of it is read. Documents that are cut,
// encrypted or circular, and lengths that lie, are in the tests of each format too.
func TestBadDocuments(t *testing.T) {
	const (
		page   = "<< /Type /Page /Contents 2 0 R >>"
		office = "<x xmlns='urn:oasis:names:tc:opendocument:x'>"
		key    = "BT (KEY=text) Tj ET"
	)
	font := func(shows, widths string) []byte {
		return pdfOf("1.7", "<< /Type /Page /Contents 2 0 R /Resources << /Font << /F 3 0 R /G 5 0 R /H 6 0 R >> >> >>", deflated(key+shows),
			"<< /Subtype /Type0 /DescendantFonts [4 0 R] >>", "<< /W ["+widths+"] >>",
			"<< /Subtype /Type0 /DescendantFonts [4 0 R] >>", "<< /Subtype /Type0 /DescendantFonts [4 0 R] >>")
	}
	record := func(size string) []byte { // a database of one page, whose first cell says that it has that size
		b := make([]byte, 512)
		copy(b, "SQLite format 3\x00\x02\x00\x09\x09\x00\x40\x20\x20")
		copy(b[100:], "\x0d\x00\x00\x00\x02\x01\xf0\x00\x01\xf0\x01\xe0")
		copy(b[0x1e0:], "\x0a\x02\x02\x1dKEY=text")
		copy(b[0x1f0:], size+"\x01\x02\x1dKEY=none")
		return b
	}
	future := dump(16, pgNone)
	future[6] = 99
	long := dump(16, pgNone)
	at := bytes.LastIndex(long, []byte("KEY="))
	copy(long[at-5:], "\x00\xff\xff\xff\x7f")
	for name, tt := range map[string]struct {
		content []byte
		part    string // one that holds KEY=text
		want    Problem
	}{
		"a PDF of a future version":            {pdfOf("9.9", page, deflated(key)), "object 2", 0},
		"a PDF of 600,000 pages":               {append(pdfOf("1.7", page, deflated(key)), bytes.Repeat([]byte("3 0 obj<</Type/Page>>"), 600_000)...), "object 2", Damaged},
		"a PDF with a string of 4 MB":          {pdfOf("1.7", page, deflated(key+"BT ("+strings.Repeat("text ", 4<<20/5)+") Tj ET")), "object 2", Unsupported},
		"a PDF with a string without an end":   {pdfOf("1.7", page, deflated(key), "<< /Title ("+strings.Repeat("text ", 1<<20)), "object 2", 0},
		"a PDF with a length of 4 GB":          {pdfOf("1.7", page, "<< /Length 4294967296 >>\nstream\n"+key+"\nendstream"), "object 2", 0},
		"a PDF whose objects refer in circles": {pdfOf("1.7", "<< /Type /Page /Contents 2 0 R /Parent 1 0 R /Resources 3 0 R >>", deflated(key), "3 0 R"), "object 2", 0},
		"a PDF in arrays of 100,000":           {pdfOf("1.7", page, deflated(key), "<< /A "+strings.Repeat("[", 100_000)), "object 2", 0},
		"a PDF with widths from -1e21 on":      {font("/F 1 Tf", strings.Repeat("-1000000000000000000000 9 5 ", 9)), "object 2", 0},
		"a PDF whose widths repeat":            {font("/F 1 Tf", strings.Repeat("0 65535 500 ", 1000)), "object 2", Unsupported},
		"a PDF that changes its fonts forever": {font(strings.Repeat("/F 1 Tf /G 1 Tf /H 1 Tf ", 1000), "0 65535 5"), "object 2", Unsupported},
		"a text of 64 MB in office XML":        {[]byte(office + "<p>KEY=text</p><p>" + strings.Repeat("text ", 64<<20/5)), "text", 0},
		"elements in one another 1,000,000":    {[]byte(office + strings.Repeat("<text:p>", 1_000_000) + "KEY=text"), "text", 0},
		"RTF that skips 4 GB":                  {[]byte(`{\rtf1 KEY=text\par \bin4294967295 x}`), "text", 0},
		"groups in one another 1,000,000":      {[]byte(`{\rtf1 KEY=text\par` + strings.Repeat("{", 1_000_000)), "text", 0},
		"a database of a future version":       {record("\x0a"), "sqlite_schema/2", 0},
		"a row of 4 GB in a database":          {record("\x90\x80\x80\x80\x00"), "sqlite_schema/2", 0},
		"a pg_dump of a future version":        {future, "", Unsupported},
		"a pg_dump with a block of 2 GB":       {long, "", Damaged},
		"a mail with a line of 64 MB":          {[]byte("MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\nKEY=3Dtext " + strings.Repeat("text ", 64<<20/5)), "body", 0},
		"a mail in parts without an end":       {[]byte("MIME-Version: 1.0\n" + strings.Repeat("Content-Type: multipart/mixed; boundary=a\n\n--a\n", 1000)), "", Damaged},
	} {
		if testing.Short() && len(tt.content) > 8<<20 {
			continue // under the race detector
		}
		t.Run(name, func(t *testing.T) {
			s, o := walkAll(t, tt.content, "x")
			if o.Format == "" || tt.part != "" && !strings.Contains(s.members[tt.part], "KEY=text") {
				t.Errorf("%s, %d members: %q", o.Format, len(s.members), short(fmt.Sprint(s.members)))
			}
			if tt.want == 0 && len(s.notes) > 0 || tt.want != 0 && (len(s.notes) == 0 || s.notes[0].Problem != tt.want) {
				t.Errorf("notes %+v, want %d", s.notes, tt.want)
			}
		})
	}
}
