//go:build !windows

package command

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keysweep/scanner/gitdb/gittest"
)

// printed is a world in which key, in some encoding, is wherever others may put it:
// the names and texts of a repository, its configuration, the environment, a report
// and the answers of an issuer.
type printed struct {
	t       *testing.T
	repo    *gittest.Repo
	key     string // as it is written
	server  string // an issuer that repeats the key
	secrets []string
	files   []string // that keysweep wrote
	out     bytes.Buffer
	runs    int
	own     bool // the key is of a rule in the repository's configuration
}

// unruled are the lines for which the rules of the configuration do not count, or
// that say what is wrong before any rule is read: what starts as the keys of such a
// rule do is no key there.
var unruled = regexp.MustCompile(`--no-config|nested-|gone-|^ci|^install|^hook KEY|recheck KEY|SERVER/KEY`)

// spellings are encodings of a key that names of files, TOML and JSON can hold.
var spellings = map[string]func(string) string{
	"plain":   func(s string) string { return s },
	"base64":  func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"hex":     func(s string) string { return hex.EncodeToString([]byte(s)) },
	"percent": func(s string) string { return strings.ReplaceAll(s, "_", "%5F") },
	"twice":   func(s string) string { return hex.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(s)))) },
}

// run runs keysweep with a line of arguments; KEY stands for the key.
func (w *printed) run(stdin, line string) {
	w.t.Helper()
	if w.own && unruled.MatchString(line) {
		return
	}
	w.runs++
	var args []string
	for arg := range strings.FieldsSeq(line) {
		args = append(args, strings.NewReplacer("KEY", w.key, "SERVER", w.server).Replace(arg))
	}
	w.out.Reset()
	Run(context.Background(), args, Process{Stdin: strings.NewReader(stdin), Stdout: &w.out, Stderr: &w.out,
		Now: func() time.Time { return time.Unix(1_750_000_000, 0) }})
	for _, name := range w.files {
		text, _ := os.ReadFile(name)
		w.out.Write(text)
	}
	if w.out.Len() == 0 && !strings.HasPrefix(line, "hook") {
		w.t.Errorf("%s: nothing was printed", line)
	}
	for _, secret := range w.secrets {
		if i := strings.Index(w.out.String(), secret); i >= 0 {
			text := w.out.String()
			w.t.Errorf("%s: printed %q in %q", line, secret, text[max(0, i-80):min(len(text), i+60)])
			return
		}
	}
}

// pieces returns what a key must not be recognised by: twelve characters in a row of
// its body, as it is written and in the encodings that our formats use.
func pieces(written, body string) (list []string) {
	const n = 12
	for _, text := range []string{body, written, hex.EncodeToString([]byte(body)),
		base64.StdEncoding.EncodeToString([]byte(body)), base64.StdEncoding.EncodeToString([]byte("a" + body))[4:],
		base64.StdEncoding.EncodeToString([]byte("aa" + body))[4:]} {
		for i := 0; i+n <= len(text)-6; i++ { // the last four characters may be shown
			list = append(list, text[i:i+n])
		}
	}
	return list
}

func (w *printed) write(name, text string) {
	w.t.Helper()
	w.repo.Write(name, strings.ReplaceAll(text, "KEY", w.key))
}

// newPrinted makes the repository. Its configuration reads without an error.
func newPrinted(t *testing.T, prefix string, spell func(string) string) *printed {
	t.Helper()
	body := testKey("", prefix, 40)
	w := &printed{t: t, repo: gittest.New(t), key: spell(prefix + body)}
	w.secrets = pieces(w.key[len(spell(prefix)):], body)
	t.Chdir(w.repo.Dir)
	plain(t)
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "GITHUB_") || strings.HasPrefix(name, "GIT_") {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(rw, `{"status":"error","message":"The key %s is odd"}`, w.key)
	}))
	t.Cleanup(server.Close)
	w.server = server.URL

	name := w.key // of an issuer, at most 64 characters
	if len(name) > 64 {
		name = "Acme"
	}
	w.write(".keysweep.toml", strings.ReplaceAll(`
[[allow]]
path = "docs/KEY/**"
reason = "see KEY"
owner = "KEY"
[[allow]]
path = "nothing/KEY"
reason = "KEY"
expires = 2020-01-01
[[rule]]
id = "acme-key"
issuer = "acme"
name = "NAME"
description = "as in KEY"
docs = "https://acme.example/KEY"
literals = ["acme_key_"]
environments = { acme_key_ = "production" }
advice = "Like KEY, revoke it."
examples = ["x=«acme_key_{{base62:40:a}}»", "KEY"]
counter_examples = ["acme_key_{{base62:40:b}} KEY"]
[rule.evidence]
hosts = ["acme.example"]
`, "NAME", name))
	w.write(".keysweep-baseline", "keysweep-baseline 1\n"+strings.Repeat("ab", 32)+" 2026-01-02 KEY sandbox sk_test… \"KEY\" # KEY\n")
	w.write(".gitignore", "ignored-*\n")
	w.write(".gitmodules", "[submodule \"KEY\"]\n\tpath = sub-KEY\n\turl = https://git.example/KEY\n")
	found := testKey("sk_live_", "found", 40)
	martis := "MARTIS_KEY=" + found + " # https://KEY.martis.id keysweep:allow KEY\n"
	w.write("pay.env", martis+"OTHER="+testKey("sk_test_", "other", 40)+" KEY\n")
	w.write("dir-"+w.key+"/a.env", martis)
	w.write("docs/"+w.key+"/a.env", martis)
	w.write("below.txt", testKey("sk_test_", "typed", 8)+"aaaaaaaa KEY aaaa sk_test_123\n")
	w.write("lfs-"+w.key, "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("ab", 32)+"\nsize 5\n")
	w.repo.Git("add", "-A")
	w.repo.Git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("12", 20)+",sub-"+w.key)
	w.repo.Git("-c", "user.name="+w.key, "commit", "-q", "--author", w.key+" <"+w.key+"@shop.example>", "-m", "subject "+w.key)
	w.repo.Git("branch", "b-"+w.key)
	w.repo.Git("tag", "-a", "-m", w.key, "t-"+w.key)
	w.write("ignored-"+w.key, "KEY\n")
	w.write("excluded-"+w.key, "KEY\n")
	w.write("staged-"+w.key, "A=KEY keysweep:allow KEY\n")
	if err := syscall.Mkfifo("fifo-"+w.key, 0o600); err != nil {
		t.Fatal(err)
	}
	nested := "nested-" + w.key
	w.write(nested+"/n.env", "A=KEY\n")
	w.repo.GitIn(nested, "init", "-q")
	w.repo.GitIn(nested, "add", "n.env")
	w.repo.GitIn(nested, "commit", "-q", "-m", "nested")
	w.repo.Git("add", "staged-"+w.key)
	head := strings.TrimSpace(w.repo.Git("rev-parse", "HEAD:below.txt"))
	if err := os.Chmod(w.repo.LoosePath(head), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.repo.LoosePath(head), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestNothingThatIsPrintedHoldsAKey prints whatever can be printed, with keys in
// every position.
func TestNothingThatIsPrintedHoldsAKey(t *testing.T) {
	cases := []struct{ prefix, spelling string }{
		{"rk_test_", "plain"}, {"sk_org_live_", "base64"}, {"gw_sk_live_", "plain"}, {"sk_sandbox_", "base64"},
		{"acme_key_", "plain"}, {"acme_key_", "base64"},
	}
	for _, spelling := range []string{"plain", "base64", "hex", "percent", "twice"} { // the others are tested in quote
		cases = append(cases, struct{ prefix, spelling string }{"sk_live_", spelling})
	}
	runs := 0
	for _, c := range cases {
		t.Run(c.prefix+" "+c.spelling, func(t *testing.T) {
			w := newPrinted(t, c.prefix, spellings[c.spelling])
			w.own = c.prefix == "acme_key_"
			w.reports()
			w.others()
			w.hooks()
			w.ci()
			if !w.own && (c.spelling == "plain" || c.spelling == "base64") { // a rule that does not load has no keys
				w.errors()
			}
			runs += w.runs
		})
	}
	t.Logf("%d positions and outputs", runs)
}

func (w *printed) reports() {
	const all = " --exclude excluded-* --show-rejected --show-suppressed --min-confidence low"
	for _, format := range []string{"text -v", "json", "csv", "markdown -v", "sarif"} {
		for _, what := range []string{"", "--tree", "--history", "--staged", "--range HEAD", "nested-KEY", "dir-KEY/a.env", "--ignored excluded-KEY fifo-KEY", "--no-config --since 2w"} {
			w.run("", "scan "+what+" -f "+format+all)
		}
		w.run("A="+w.key+"\nMARTIS="+testKey("sk_live_", "stdin", 40)+" "+w.key, "scan - -f "+format)
		w.run("", "scan . -f "+format) // some are below the confidence
	}
	w.run("", "scan")
	w.run("", "scan -f jsonl")
	w.files = []string{"o.json", "o.sarif", "o.md", "o.csv", "o.txt", "o.jsonl"}
	w.run("", "scan -o o.json -o o.sarif -o o.md -o o.csv -o o.txt -o o.jsonl"+all)
	w.files = []string{"egress.log"}
	w.run("", "scan --verify --issuer martis --verify-issuer all --endpoint martis=SERVER --verify-timeout 5s --egress-log egress.log -f json")
	w.run("", "scan --verify --issuer martis --endpoint martis=SERVER/KEY --egress-log egress.log --dry-run")
	w.run("", "scan --verify --endpoint martis=SERVER/KEY --egress-log egress.log")
	w.files = nil
}

func (w *printed) others() {
	for _, format := range []string{"text", "json"} {
		for _, what := range []string{"pay.env", "pay.env:2", "dir-KEY/a.env:1", "HEAD:dir-KEY/a.env", "b-KEY:pay.env", ":staged-KEY", "staged-KEY", "below.txt", "nested-KEY/n.env"} {
			w.run("", "explain "+what+" --min-confidence low -f "+format)
		}
		w.run(w.key, "explain - -f "+format)
		w.run("", "doctor -f "+format)
		w.run("", "doctor nested-KEY -f "+format)
		for _, what := range []string{"list", "show acme-key", "show KEY"} {
			w.run("", "rules "+what+" -f "+format)
		}
	}
	w.run("", "rules test")
	w.run("", "baseline prune")
	w.run("", "baseline create --min-confidence low")
	w.run("", "baseline create --min-confidence low -o new-KEY")
	w.files = []string{"report.json"} // ours must not be the only one that hides
	w.recheckReport()
	w.files = nil
	for _, format := range []string{"text", "json"} {
		w.run("", "recheck report.json --dry-run -f "+format)
		w.run("", "recheck report.json --issuer martis --endpoint martis=SERVER -f "+format)
		w.run(w.key, "recheck report.json --paste --endpoint martis=SERVER -f "+format)
		w.run("", "recheck KEY.json -f "+format)
	}
	w.run("", "install --exclude KEY --dry-run")
	w.run("", "install --exclude KEY")
	w.run("", "doctor")
	w.run("", "uninstall")
	w.run("", "install --rules KEY")
	w.run("", "install dir-KEY/gone-KEY")
}

// recheckReport writes a report of an earlier scan whose strings all hold the key.
func (w *printed) recheckReport() {
	report := map[string]any{
		"schema_version": 1, "tool": map[string]any{"name": "keysweep"},
		"scan": map[string]any{"started": w.key, "complete": true, "targets": []any{
			map[string]any{"name": ".", "kind": "repository", "tree": true, "history": true}, map[string]any{"name": w.key, "kind": w.key}}},
		"findings": []any{map[string]any{"issuer": w.key, "environment": w.key, "secret": w.key, "status": "active", "status_reason": w.key,
			"secret_sha256": strings.Repeat("ab", 32), "rule_id": w.key, "issuer_evidence": []string{w.key}}},
	}
	text, err := json.Marshal(report)
	if err == nil {
		err = os.WriteFile("report.json", text, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	secrets := w.secrets
	w.files, w.secrets = nil, nil
	w.run("", "version")
	w.secrets = secrets
}

func (w *printed) hooks() {
	head := strings.TrimSpace(w.repo.Git("rev-parse", "HEAD"))
	none := strings.Repeat("0", 40)
	w.write("message-"+w.key, "A=KEY keysweep:allow KEY\n")
	w.run("", "hook pre-commit --min-confidence low")
	w.run("", "hook pre-commit -v --show-suppressed")
	w.run("", "hook commit-msg message-KEY --min-confidence low")
	w.run("", "hook commit-msg gone-KEY")
	w.run("refs/heads/b-"+w.key+" "+head+" refs/heads/b-"+w.key+" "+none+"\n", "hook pre-push KEY https://git.example/KEY --min-confidence low")
	w.run("refs/heads/b-"+w.key+" "+head+" "+w.key+"\n", "hook pre-push origin KEY")
	w.run(none+" "+head+" refs/heads/b-"+w.key+"\n", "hook pre-receive --min-confidence low")
	w.run("", "hook KEY")
}

func (w *printed) ci() {
	head := strings.TrimSpace(w.repo.Git("rev-parse", "HEAD"))
	event := filepath.Join(w.t.TempDir(), "event.json")
	output, summary := event+".output", event+".summary"
	if err := os.WriteFile(event, []byte(fmt.Sprintf(`{"ref":"refs/heads/b-%[1]s","before":"%[2]s","after":"%[3]s","repository":{"default_branch":"b-%[1]s","full_name":"o/%[1]s"}}`,
		w.key, strings.Repeat("0", 40), head)), 0o600); err != nil {
		w.t.Fatal(err)
	}
	for name, value := range map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": event, "GITHUB_SHA": head,
		"GITHUB_REF": "refs/heads/b-" + w.key, "GITHUB_REF_NAME": "b-" + w.key, "GITHUB_REPOSITORY": "o/" + w.key, "GITHUB_SERVER_URL": "https://github.com",
		"GITHUB_OUTPUT": output, "GITHUB_STEP_SUMMARY": summary, "GITHUB_WORKSPACE": w.repo.Dir} {
		w.t.Setenv(name, value)
	}
	w.files = []string{output, summary}
	w.run("", "ci --min-confidence low --show-rejected --show-suppressed -o ci.sarif -o ci-KEY.json")
	w.t.Setenv("GITHUB_EVENT_NAME", w.key)
	w.run("", "ci --min-confidence low -v")
	w.t.Setenv("GITHUB_EVENT_PATH", w.key)
	w.t.Setenv("GITHUB_EVENT_NAME", "push")
	w.run("", "ci")
	w.files = nil
	w.t.Setenv("GITHUB_ACTIONS", "")
	w.t.Setenv("GITLAB_CI", "true")
	for _, source := range []string{"push", "merge_request_event", "schedule", w.key} {
		for name, value := range map[string]string{"CI_PIPELINE_SOURCE": source, "CI_COMMIT_SHA": head, "CI_COMMIT_BRANCH": w.key, "CI_DEFAULT_BRANCH": w.key,
			"CI_COMMIT_BEFORE_SHA": strings.Repeat("0", 40), "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": w.key} {
			w.t.Setenv(name, value)
		}
		w.run("", "ci --min-confidence low")
	}
	w.t.Setenv("CI_COMMIT_SHA", w.key)
	w.run("", "ci")
	w.t.Setenv("GITLAB_CI", "")
}

// errors are what is wrong with arguments, configurations, rules and baselines.
func (w *printed) errors() {
	for i := range options {
		if o := &options[i]; o.takes != none {
			for _, s := range specs {
				if s.has(o.name) {
					w.run("", s.name+" --"+o.name+"=KEY x")
				}
			}
		}
	}
	for _, line := range []string{"KEY", "help KEY", "version KEY", "completion KEY", "scan --KEY", "scan KEY", "scan gone/KEY", "baseline KEY", "rules KEY",
		"rules test KEY", "recheck KEY", "explain KEY", "explain KEY:1", "explain HEAD:KEY:3", "explain KEY:pay.env", "doctor KEY", "scan --range KEY..HEAD",
		"scan --exclude [KEY", "scan -o KEY/a.json", "scan -o KEY.pdf", "scan --egress-log KEY/x --verify", "scan --config KEY"} {
		w.run("", line)
	}
	w.t.Setenv(endpointsVariable, w.key)
	w.run("", "scan --verify")
	w.t.Setenv(endpointsVariable, "")
	for _, text := range []string{"KEY = 1", "[[allow]]\nKEY = 1", "[[allow]]\nreason = \"KEY\nx", "[[allow]]\npath = \"a\"\nreason = \"r\"\nexpires = \"KEY\"", "a = KEY",
		"[[allow]]\nfingerprint = \"KEY\"\nreason = \"r\"", "[[allow]]\npath = \"[KEY\"\nreason = \"r\"", "[\"KEY\"]\nKEY = 1", "[[rule]]\nid = \"KEY KEY\"",
		"[[rule]]\nid = \"a-b\"\nliterals = [\"KEY\"]", "[[rule]]\nid = \"a-b\"\nliterals = [\"abcdefgh\"]\nbody = { regex = \"^[KEY\" }",
		"[[rule]]\nid = \"a-b\"\nliterals = [\"abcdefgh\"]\nenvironments = { KEY = \"KEY\" }", "[[rule]]\nid = \"martis-secret-key\"\ndescription = \"KEY\"",
		"[[rule]]\nid = \"KEY\"\n[rule.probe]\nproduction = \"http://KEY\""} {
		w.write("broken.toml", text)
		w.run("", "scan --config broken.toml")
		w.run("", "rules test broken.toml")
		w.run("", "explain pay.env:1 --rules broken.toml")
	}
	for _, text := range []string{"KEY", "keysweep-baseline KEY", "keysweep-baseline 1\nKEY", "keysweep-baseline 1\n" + strings.Repeat("ab", 32) + " 2026-99-99 KEY KEY KEY \"KEY\""} {
		w.write("broken-"+w.key, text)
		w.run("", "scan --baseline broken-KEY")
	}
	w.write("report.json", "{KEY")
	w.run("", "recheck report.json")
}

// The test above proves something only if what it looks for is there.
func TestThePiecesOfAKeyAreFound(t *testing.T) {
	body := testKey("", "pieces", 40)
	for name, spell := range spellings {
		key := spell("sk_live_" + body)
		list := pieces(key[len(spell("sk_live_")):], body)
		for _, text := range []string{key, "x" + body[:20], base64.StdEncoding.EncodeToString([]byte("ab" + body)), hex.EncodeToString([]byte("/" + body))} {
			if !slices.ContainsFunc(list, func(piece string) bool { return strings.Contains(text, piece) }) {
				t.Errorf("%s: %s is not recognised", name, text)
			}
		}
	}
}
