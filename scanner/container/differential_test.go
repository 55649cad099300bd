//go:build differential

package container

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// others are the programs that show what is in a document, by its extension.
var others = map[string]func(file string) ([]byte, error){
	".pdf": func(file string) ([]byte, error) { return exec.Command("pdftotext", "-q", "-raw", file, "-").Output() },
	".db": func(file string) ([]byte, error) {
		return exec.Command("sqlite3", "file:"+file+"?immutable=1", ".dump").Output()
	},
	".docx": unzipped, ".xlsx": unzipped, ".pptx": unzipped, ".odt": unzipped, ".ods": unzipped, ".odp": unzipped,
	".eml": func(file string) ([]byte, error) {
		return exec.Command("python3", "-c", `import email, email.policy, sys
for p in email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default).walk():
    if p.get_content_maintype() == "text": print(p.get_payload(decode=True).decode("latin1"))`, file).Output()
	},
}

var (
	paragraph = regexp.MustCompile(`(?s)<(w:p|a:p|text:p|text:h|si)[ >].*?</(w:p|a:p|text:p|text:h|si)>`)
	apart     = regexp.MustCompile(`(?s)<(w:tab|w:br|w:cr|a:br|a:fld|text:s|text:tab|text:line-break|w:pict|wp:[A-Za-z]*|mc:[A-Za-z]*)\b[^>]*>|<w:(delText|instrText)[ >].*?</w:(delText|instrText)>|<(office:annotation|text:note|rPh)[ >].*?</(office:annotation|text:note|rPh)>`)
	tag       = regexp.MustCompile(`<[^>]*>`)
	word      = regexp.MustCompile(`[0-9A-Za-z_-]{8,}`)
)

// unzipped returns the texts in the XML of an office document: each by itself, and those of a
// paragraph together.
func unzipped(file string) ([]byte, error) {
	b, err := exec.Command("unzip", "-p", file, "*.xml").Output()
	text := tag.ReplaceAll(b, []byte("\n"))
	for _, p := range paragraph.FindAll(b, -1) {
		text = append(append(text, '\n'), tag.ReplaceAll(apart.ReplaceAll(p, []byte("\n")), nil)...)
	}
	return []byte(html.UnescapeString(string(text))), err
}

// The text that is found in the documents of a folder is what other programs show. A word of
// eight characters or more that only they show is missing.
func TestTextIsThatOfOthers(t *testing.T) {
	type row struct{ files, words, missing int }
	rows := make(map[string]*row)
	err := filepath.WalkDir(os.Getenv("KEYSWEEP_DOCUMENTS"), func(file string, d fs.DirEntry, err error) error {
		kind := strings.ToLower(filepath.Ext(file))
		if err != nil || d.IsDir() || others[kind] == nil {
			return err
		}
		shown, err := others[kind](file)
		if err != nil && len(shown) == 0 {
			t.Logf("%s: %v", file, err)
			return nil
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		s := &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
		if _, err := Walk(context.Background(), NewBudget(Limits{}), Bytes(b), file, s); err != nil {
			return err
		}
		ours := b
		for _, name := range slices.Sorted(maps.Keys(s.members)) {
			ours = append(append(ours, '\n'), s.members[name]...)
		}
		if rows[kind] == nil {
			rows[kind] = new(row)
		}
		r := rows[kind]
		words := word.FindAll(shown, -1)
		var missing []string
		for _, w := range words {
			if !bytes.Contains(ours, w) {
				missing = append(missing, string(w))
			}
		}
		r.files, r.words, r.missing = r.files+1, r.words+len(words), r.missing+len(missing)
		if len(missing) > 0 {
			t.Logf("%s: %d of %d words, %q, noted: %v", file, len(missing), len(words), missing[:min(len(missing), 5)], s.notes)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range slices.Sorted(maps.Keys(rows)) {
		r := rows[kind]
		fmt.Printf("| %s | %d | %d | %d |\n", kind, r.files, r.words, r.missing)
	}
}
