package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keysweep/config"
)

// The commands of docs/exceptions.md run in a folder with a key; its
// configuration is written before the last of them.
func TestTheExceptionsPageIsTrue(t *testing.T) {
	name := filepath.Join("docs", "exceptions.md")
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	list, err := examples(string(page))
	if err != nil {
		t.Fatal(name, ": ", err)
	}
	_, text, _ := strings.Cut(string(page), "```toml\n")
	text, _, _ = strings.Cut(text, "```\n")
	if c, err := config.Parse("the page", []byte(text)); err != nil || len(c.Allows()) != 2 {
		t.Fatal(err)
	}
	if len(list) != 3 {
		t.Fatalf("%d examples run", len(list))
	}
	folder := t.TempDir()
	key := testKey("sk_live_", "exceptions page", 40)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("pay.env", "MARTIS_KEY="+key+"\n")
	runExamples(t, name, list[:2], folder, key)
	write(config.Name, text)
	runExamples(t, name, list[2:], folder, key)
}
