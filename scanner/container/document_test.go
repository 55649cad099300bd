package container

import (
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
				if got, ok := s.members[name]; !ok || !strings.Contains(got, text) {
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
		{file: "maildir", parts: attached},
		{file: "folded.eml", parts: map[string]string{"body": long, "headers": "Subject: KEY=äää" + strings.Repeat("y", 100) + "=end"}},
		{file: "cut.eml", parts: map[string]string{"part 1": long, "part 2": "<p>KEY=xx"}},
		{file: "two.mbox", parts: box},
	})
}

func TestOnlyMailsThatAreEncodedAreOpened(t *testing.T) {
	for text, want := range map[string]bool{
		"From: a@example.org\nMIME-Version: 1.0\n\ntext\n":                      true,
		"From a@example.org Thu Jan  1 00:00:00 2026\nContent-Type: x/y\n\nt":   true,
		"X-Odd: 1\r\nSubject: a\r\n b\r\nContent-Transfer-Encoding: base64\r\n": true,
		"From: a@example.org\nSubject: no more\n\nMIME-Version: 1.0\n":          false,
		"From now on: nothing\nContent-Type: x\n":                               false,
		"all: build\nContent-Type: x\n":                                         false,
		"Date: 1\nno header\nContent-Type: x\n":                                 false,
		"package main\n":                                                        false,
		"To: " + strings.Repeat("x\nSubject: y", 1000):                          true,
	} {
		if got := RecognizeHead([]byte(text), ""); got != want {
			t.Errorf("%.60q: %v", text, got)
		}
	}
}
