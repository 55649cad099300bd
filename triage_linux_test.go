package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"keysweep/command"
)

// conversation is a call of keysweep whose terminal a test reads and writes.
type conversation struct {
	t      *testing.T
	person *os.File
	cmd    *exec.Cmd
	seen   bytes.Buffer // all that was on the screen
	at     int          // of seen: what was expected ends here
}

// converse starts keysweep on a terminal of its own, in a folder.
func converse(t *testing.T, folder string, args ...string) *conversation {
	t.Helper()
	person, program := openTerminal(t)
	cmd := invoke(t, args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = folder, program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	program.Close()
	return &conversation{t: t, person: person, cmd: cmd}
}

// expect waits until words were on the screen, behind what was expected before.
func (c *conversation) expect(words string) {
	c.t.Helper()
	for {
		if i := strings.Index(c.text()[c.at:], words); i >= 0 {
			c.at += i + len(words)
			return
		}
		var b [4096]byte
		n, err := c.person.Read(b[:])
		c.seen.Write(b[:n])
		if err != nil {
			c.t.Fatalf("no %q on the screen, behind\n%s", words, c.text()[:c.at])
		}
	}
}

// text returns what was on the screen, without colours.
func (c *conversation) text() string {
	text := strings.ReplaceAll(c.seen.String(), "\r\n", "\n")
	return regexp.MustCompile(`\x1b\[[\d;]*m`).ReplaceAllString(text, "")
}

// say types a line, or a control character.
func (c *conversation) say(line string) {
	if line == "" || line[0] >= ' ' {
		line += "\n"
	}
	if _, err := c.person.WriteString(line); err != nil {
		c.t.Fatal(err)
	}
}

// end waits for the end, and returns the status.
func (c *conversation) end() int {
	for {
		var b [4096]byte
		n, err := c.person.Read(b[:])
		c.seen.Write(b[:n])
		if err != nil {
			break
		}
	}
	_ = c.cmd.Wait()
	return c.cmd.ProcessState.ExitCode()
}

// triageShop is a repository with four keys; the first is in two files.
func triageShop(t *testing.T) (folder string, keys []string) {
	t.Helper()
	folder = t.TempDir()
	for _, name := range []string{"a", "b", "c", "d"} {
		keys = append(keys, testKey("sk_live_", "triage "+name, 40))
	}
	for name, text := range map[string]string{
		"a.env": "MARTIS_KEY=" + keys[0] + "\n", strings.Repeat("deep/", 20) + "a.env": "MARTIS_KEY=" + keys[0] + "\n", "b.env": "MARTIS_KEY=" + keys[1] + "\n",
		"c.env": "MARTIS_KEY=" + keys[2] + "\n", "d.env": "MARTIS_KEY=" + keys[3] + "\n",
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("git", "-C", folder, "init", "-q").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	return folder, keys
}

func fileIn(t *testing.T, folder, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

const (
	promptOfTriage = "? help: "
	triageComments = "# ours\n\n[[allow]] # old\npath = \"old/**\"\nreason = \"gone\"\n# end\n"
)

// Each letter of the dialogue, and the file after it.
func TestTriageAsksAboutEachKey(t *testing.T) {
	folder, keys := triageShop(t)
	config := filepath.Join(folder, ".keysweep.toml")
	if err := os.WriteFile(config, []byte(triageComments), 0o644); err != nil {
		t.Fatal(err)
	}
	accepted := func() int { return strings.Count(fileIn(t, folder, ".keysweep.toml"), "[[allow]]") - 1 }
	c := converse(t, folder, "triage", "--no-progress")
	c.expect("Key 1 of 4; 0 accepted, 0 skipped.")
	c.expect("id          ")
	c.expect("Flagged because it begins with sk_live_ and its other 40 characters look random.")
	c.expect("If you accept it, it no longer counts")
	for _, step := range []struct {
		say, want string
		accepted  int
	}{
		{"b", "This is the first key.", 0},
		{"u", "There is nothing to undo.", 0},
		{"x", "x is none of the letters; ? explains them.", 0},
		{"?", "undo the last decision, in the file, too", 0},
		{"a", "Reason (Enter: do not accept): ", 0},
		{"", "Not accepted: there was no reason.", 0},
		{"a", "Reason (Enter: do not accept): ", 0},
		{"revoked on the 3rd", "Owner (Enter: none): ", 0},
		{"payments", "Last day, as 2026-12-31 (Enter: none): ", 0},
		{"2020-01-31", "2020-01-31 is in the past", 0},
		{"soon", "soon is not a day, as 2026-01-31", 0},
		{"2096-12-31", "Key 2 of 4; 1 accepted, 0 skipped.", 1},
		{"b", "Accepted now: revoked on the 3rd.", 1},
		{"n", "Key 2 of 4; 1 accepted, 0 skipped.", 1},
		{"s", "Key 3 of 4; 1 accepted, 1 skipped.", 1},
		{"u", "Undone.", 1},
		{"u", "Key 1 of 4; 0 accepted, 0 skipped.", 0},
		{"a", "Reason (Enter: revoked on the 3rd; -: do not accept): ", 0},
		{"", "Owner (Enter: payments; -: none): ", 0},
		{"-", "Last day, as 2026-12-31 (Enter: 2096-12-31; -: none): ", 0},
		{"-", "Key 2 of 4; 1 accepted, 0 skipped.", 1},
		{"a", "Reason (Enter: revoked on the 3rd; -: do not accept): ", 1},
		{keys[2], "Owner (Enter: none): ", 1},
		{"", "Last day, as 2026-12-31 (Enter: none): ", 1},
		{"", "Not accepted: a reason and an owner may hold no key.", 1},
		{"s", "Key 3 of 4; 1 accepted, 1 skipped.", 1},
		{"m", "Press Enter to go on.", 1},
		{"", "Key 3 of 4", 1},
		{"", "Key 4 of 4", 1},
		{"", "That was the last key; 2 left undecided.", 1},
		{"b", "Key 4 of 4", 1},
	} {
		c.say(step.say)
		c.expect(step.want)
		if step.accepted != accepted() {
			t.Fatalf("%q, %q: %d accepted in the file, want %d", step.say, step.want, accepted(), step.accepted)
		}
	}
	c.expect(promptOfTriage)
	c.say("q")
	if status := c.end(); status != command.StatusClean {
		t.Errorf("status %d", status)
	}
	if !strings.Contains(c.text(), "Decided about 2 of 4 keys: 1 accepted, 1 skipped. Commit .keysweep.toml. Called") {
		t.Error("no summary")
	}
	want := regexp.MustCompile(`^` + regexp.QuoteMeta(triageComments) + "\n\\[\\[allow\\]\\]\nfingerprint = \"[0-9a-f]{64}\" # martis production .*\nreason = \"revoked on the 3rd\"\n$")
	if text := fileIn(t, folder, ".keysweep.toml"); !want.MatchString(text) {
		t.Errorf("the file is\n%s", text)
	}
	echoed := strings.ReplaceAll(c.text(), ": "+keys[2], "") // what the person typed
	for _, k := range keys {
		if strings.Contains(echoed, k) {
			t.Error("a key is shown")
		}
	}
	for _, screen := range strings.Split(c.text(), "\x1b[2J\x1b[H") {
		if question := strings.Index(screen, promptOfTriage); question >= 0 {
			rows := 0
			for line := range strings.SplitSeq(screen[:question], "\n") {
				rows += 1 + max(0, len([]rune(line))-1)/80
			}
			if rows > 24 {
				t.Errorf("%d rows on a screen of 24:\n%s", rows, screen)
			}
		}
	}

	// Called again, it goes on; --again asks about what was skipped, too.
	c = converse(t, folder, "triage", "--plain", "--no-progress")
	c.expect("1 key left out: accepted already.")
	c.expect("1 key left out: skipped before (--again asks about it).")
	c.expect("Key 1 of 2; 0 accepted, 0 skipped.")
	c.expect(promptOfTriage)
	c.say("a")
	c.expect("Reason")
	c.say("third")
	c.expect("Owner")
	c.say("")
	c.expect("Last day")
	c.say("")
	c.expect("Key 2 of 2; 1 accepted, 0 skipped.")
	c.expect(promptOfTriage)
	c.say("\x03") // Ctrl-C
	if status := c.end(); status != 130 {
		t.Errorf("status %d after Ctrl-C", status)
	}
	if accepted() != 2 || !strings.Contains(c.text(), "Decided about 1 of 2 keys: 1 accepted") {
		t.Errorf("%d accepted in the file after Ctrl-C:\n%s", accepted(), c.text())
	}
	if strings.Contains(c.seen.String(), "\x1b") || strings.Contains(c.text(), "^^") {
		t.Errorf("--plain writes more than lines:\n%q", c.text())
	}
	c = converse(t, folder, "triage", "--again", "--no-progress")
	c.expect("Key 1 of 2; 0 accepted, 0 skipped.")
	c.expect(promptOfTriage)
	c.say("\x04") // Ctrl-D: the end of the input
	if status := c.end(); status != command.StatusClean {
		t.Errorf("status %d at the end of the input", status)
	}
}

// Into the baseline, from a report, with the marks of its page, and a key that works.
func TestTriageTakesReportsAndMarks(t *testing.T) {
	folder, keys := triageShop(t)
	report := filepath.Join(t.TempDir(), "report.json")
	scan := invoke(t, "scan", "-o", report)
	scan.Dir = folder
	_ = scan.Run()
	text := fileIn(t, filepath.Dir(report), "report.json")
	var doc struct {
		Findings []struct {
			SHA256 string `json:"secret_sha256"`
		}
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil || len(doc.Findings) != len(keys) {
		t.Fatal(err, text)
	}
	// The first works, and the last is in no report.
	text = strings.Replace(text, `"status": "unchecked"`, `"status": "active"`, 1)
	sums := []string{doc.Findings[0].SHA256, doc.Findings[1].SHA256, doc.Findings[2].SHA256, doc.Findings[3].SHA256}
	text = strings.ReplaceAll(text, sums[3], strings.Repeat("0", 64))
	marks := filepath.Join(t.TempDir(), "marks.json")
	mark := func(sum, decision, reason string) string {
		return `{"fingerprint": "sha256:` + sum + `", "decision": "` + decision + `", "reason": "` + reason + `", "owner": "", "expires": ""}`
	}
	for name, text := range map[string]string{report: text, marks: "{\n  \"keysweep_marks\": 1,\n  \"marks\": [" +
		strings.Join([]string{mark(sums[0], "accept", "works"), mark(sums[1][:16], "accept", "fixture"), mark(sums[2], "skip", ""), mark(sums[3], "accept", "other")}, ",\n") + "]\n}\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := converse(t, folder, "triage", report, marks, "--into-baseline", "--no-progress")
	c.expect("1 key of the report left out: not found here.")
	c.expect("marks 3 keys as accepted and 1 as skipped. Take this over? [y/n] ")
	c.say("perhaps")
	c.expect("[y/n] ")
	c.say("y")
	c.expect("Left out: " + sums[0][:16] + ": its issuer said that it works.")
	c.expect("Left out: " + sums[3][:16] + ": not among the keys to decide about.")
	c.expect("2 marks taken over.")
	c.say("")
	c.expect("Key 1 of 3; 1 accepted, 1 skipped.")
	c.expect("LIVE")
	c.expect("It cannot be accepted: its issuer said that it works.")
	c.say("a")
	c.expect("It cannot be accepted.\n")
	c.expect(promptOfTriage)
	c.say("q")
	if status := c.end(); status != command.StatusClean {
		t.Errorf("status %d", status)
	}
	baseline := fileIn(t, folder, ".keysweep-baseline")
	if !strings.Contains(baseline, sums[1]) || !strings.Contains(baseline, `"fixture"`) || strings.Contains(baseline, sums[0]) || strings.Contains(baseline, sums[2]) {
		t.Errorf("the baseline is\n%s", baseline)
	}
	if fileIn(t, folder, ".keysweep.toml") != "" {
		t.Error("there is a configuration")
	}

	// What is undone leaves no new file.
	if err := os.Remove(filepath.Join(folder, ".keysweep-baseline")); err != nil {
		t.Fatal(err)
	}
	c = converse(t, folder, "triage", "--into-baseline", "--no-progress")
	for _, answer := range []string{"a", "a reason", "u"} {
		c.say(answer)
	}
	c.expect("Undone.")
	c.say("q")
	if status := c.end(); status != command.StatusClean || fileIn(t, folder, ".keysweep-baseline") != "" {
		t.Errorf("status %d, a baseline of\n%s", status, fileIn(t, folder, ".keysweep-baseline"))
	}
}

func TestTriageNeedsATerminal(t *testing.T) {
	folder, _ := triageShop(t)
	cmd := invoke(t, "triage")
	cmd.Dir = folder
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != command.StatusUse || !bytes.Contains(out, []byte("must be a terminal")) {
		t.Errorf("status %d: %s", cmd.ProcessState.ExitCode(), out)
	}
}
