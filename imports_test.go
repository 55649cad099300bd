package main

import (
	"bytes"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayImport is the map of the module: each package, and which of ours it may
// import. A package that is not here must be added first.
var mayImport = map[string][]string{
	"keysweep":                       {"command"},
	"keysweep/command":               {"agent", "agent/transcript", "command/agents", "screen", "audit", "file", "command/ci", "command/doctor", "command/hooks", "config", "exceptions", "foreign", "scanner", "rules", "report", "quote", "verify", "finding"},
	"keysweep/command/ci":            {"file", "scanner/gitdb", "scanner/gitdb/lookup", "scanner/gitdb/oid"},
	"keysweep/command/ci/citest":     nil,
	"keysweep/agent":                 {"agent/shell"},
	"keysweep/agent/jsontext":        nil,
	"keysweep/agent/shell":           nil,
	"keysweep/agent/transcript":      {"agent/jsontext", "file", "finding"},
	"keysweep/audit":                 {"remote", "file", "scanner/gitdb", "scanner/gitdb/oid", "config", "exceptions", "scanner", "rules", "report", "verify", "quote", "finding"},
	"keysweep/config":                {"file", "scanner/gitdb", "quote", "rules", "toml", "exceptions", "finding"},
	"keysweep/exceptions":            {"exceptions/inline", "finding"},
	"keysweep/exceptions/inline":     {"rules", "rules/ascii"},
	"keysweep/scanner":               {"exceptions/inline", "quote", "file", "linehash", "scanner/container", "scanner/worktree", "scanner/gitdb", "scanner/gitdb/history", "scanner/gitdb/lookup", "scanner/gitdb/pack", "scanner/gitdb/index", "scanner/gitdb/oid", "rules", "rules/attribution", "finding"},
	"keysweep/command/agents":        {"agent/jsontext", "file", "quote"},
	"keysweep/command/doctor":        {"agent", "command/agents", "command/hooks", "config", "exceptions", "file", "quote", "rules", "scanner/gitdb", "scanner/gitdb/index", "finding"},
	"keysweep/command/hooks":         {"quote", "file", "scanner/gitdb"},
	"keysweep/scanner/container":     {"scanner/document", "scanner/gitdb/inflate", "scanner/gitdb/oid", "scanner/gitdb/pack"},
	"keysweep/scanner/document":      nil,
	"keysweep/scanner/worktree":      {"file", "finding"},
	"keysweep/scanner/gitdb/history": {"scanner/gitdb", "scanner/gitdb/pack", "scanner/gitdb/oid", "finding"},
	"keysweep/scanner/gitdb/lookup":  {"file", "scanner/gitdb", "scanner/gitdb/pack", "scanner/gitdb/index", "scanner/gitdb/oid", "finding"},
	"keysweep/scanner/gitdb":         {"file", "scanner/gitdb/pack", "scanner/gitdb/reftable", "scanner/gitdb/inflate", "scanner/gitdb/oid", "finding"},
	"keysweep/scanner/gitdb/gittest": nil,
	"keysweep/scanner/gitdb/pack":    {"file", "scanner/gitdb/inflate", "scanner/gitdb/oid"},
	"keysweep/scanner/gitdb/index":   {"file", "scanner/gitdb/oid"},
	"keysweep/scanner/gitdb/inflate": nil,
	"keysweep/scanner/gitdb/oid":     nil,
	"keysweep/rules":                 {"rules/ascii", "rules/attribution", "rules/encoding", "rules/finder", "rules/score", "file", "toml", "finding"},
	"keysweep/rules/ascii":           nil,
	"keysweep/rules/attribution":     {"rules/ascii", "rules/finder", "finding"},
	"keysweep/rules/encoding":        {"rules/ascii", "rules/finder"},
	"keysweep/rules/finder":          nil,
	"keysweep/rules/score":           {"rules/ascii"},
	"keysweep/toml":                  nil,
	"keysweep/report":                {"file", "quote", "rules", "rules/attribution", "rules/score", "finding"},
	"keysweep/quote":                 {"rules", "finding"},
	"keysweep/remote":                {"file"},
	"keysweep/verify":                {"file", "rules", "finding"},
	"keysweep/file":                  nil,
	"keysweep/screen":                nil,
	"keysweep/foreign":               {"file", "rules", "finding"},
	"keysweep/linehash":              nil,
	"keysweep/finding":               nil,

	"keysweep/scanner/gitdb/reftable": {"scanner/gitdb/inflate", "scanner/gitdb/oid"},
}

// neverLinked are packages that run programs, load code or open connections.
// The scanned repository is hostile: what is not linked cannot be reached.
var neverLinked = []string{"net", "net/http", "net/rpc", "net/smtp", "crypto/tls", "os/exec", "plugin"}

// connects are the packages that may open connections, and connections what
// they need for it. Nothing that reads content imports them; the program does.
var connects = []string{"keysweep/verify", "keysweep/remote"}

// fetches is the one of them that does it through other modules.
const fetches = "keysweep/remote"

// audits is the one that calls them, beside the command line.
const audits = "keysweep/audit"

var connections = []string{"net", "net/http", "crypto/tls"}

// asks is the one package that may run a program, git, to learn where hooks
// are, and consults the one that reads a repository through it.
const (
	asks     = "keysweep/command/hooks"
	consults = "keysweep/command/doctor"
)

// onlyTests is the one package that only tests import: it runs git for them.
const onlyTests = "keysweep/scanner/gitdb/gittest"

// systems are the systems we build for: files of one import what those of
// another do not.
var systems = []string{"linux", "darwin", "windows"}

// list runs go list for a system and returns its lines.
func list(t *testing.T, system string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", strings.Join(args, " "), err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func TestArrowsNeverPointUp(t *testing.T) {
	seen := map[string]bool{}
	used := map[string]bool{} // "importer imported"
	for _, system := range systems {
		for _, line := range list(t, system, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
			fields := strings.Fields(line)
			name, imports := fields[0], fields[1:]
			seen[name] = true
			allowed, known := mayImport[name]
			if !known {
				t.Errorf("%s is not on the map in imports_test.go", name)
			}
			for _, imported := range imports {
				ours, ok := strings.CutPrefix(imported, "keysweep/")
				used[name+" "+ours] = true
				if ok && !slices.Contains(allowed, ours) {
					t.Errorf("%s imports %s on %s, which the map in imports_test.go does not allow", name, imported, system)
				}
			}
		}
	}
	for name, allowed := range mayImport {
		if !seen[name] {
			t.Errorf("%s is on the map, and does not exist", name)
		}
		for _, ours := range allowed {
			if !used[name+" "+ours] {
				t.Errorf("%s may import %s, and does not: take it off the map in imports_test.go", name, ours)
			}
		}
	}
}

func TestNothingRunsProgramsOrOpensConnections(t *testing.T) {
	for _, system := range systems {
		var looking []string // all of ours but the program and those named above
		for name := range mayImport {
			if !slices.Contains(append([]string{"keysweep", "keysweep/command", audits, asks, consults, onlyTests}, connects...), name) {
				looking = append(looking, name)
			}
		}
		for _, line := range list(t, system, append([]string{"-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`}, looking...)...) {
			fields := strings.Fields(line)
			for _, imported := range fields[1:] {
				// Only for the form of an address, in calls that we do not make.
				exempt := system == "windows" && fields[0] == "golang.org/x/sys/windows" && imported == "net"
				if slices.Contains(neverLinked, imported) && !exempt {
					t.Errorf("on %s, %s is linked through %s", system, imported, fields[0])
				}
			}
		}
		// The rest, and what only it brings along. What fetches brings along may
		// connect; that it runs no program is tested here, too.
		fetching := list(t, system, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", fetches)
		for _, line := range list(t, system, "-deps", "-f", `{{if not .Standard}}{{.ImportPath}} {{join .Imports " "}}{{end}}`, "./...") {
			fields := strings.Fields(line)
			for _, imported := range fields[min(1, len(fields)):] {
				exempt := (slices.Contains(connects, fields[0]) || slices.Contains(fetching, fields[0])) && slices.Contains(connections, imported) ||
					(fields[0] == asks || fields[0] == onlyTests) && imported == "os/exec" ||
					fields[0] == "golang.org/x/sys/windows" && imported == "net"
				if slices.Contains(neverLinked, imported) && !exempt {
					t.Errorf("on %s, %s imports %s", system, fields[0], imported)
				}
			}
		}
	}
}

// templates write what they are given by a second language, and cost a hook 60 page
// faults when the linker keeps them.
var templates = []string{"text/template", "html/template"}

func TestNothingUsesTemplates(t *testing.T) {
	for _, line := range list(t, "linux", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		fields := strings.Fields(line)
		for _, imported := range fields[1:] {
			if slices.Contains(templates, imported) {
				t.Errorf("%s imports %s", fields[0], imported)
			}
		}
	}
	if testing.Short() {
		return
	}
	program := filepath.Join(t.TempDir(), "keysweep")
	cmd := exec.Command("go", "build", "-tags", "urfave_cli_no_docs", "-o", program, ".") // make build's
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	symbols, err := exec.Command("go", "tool", "nm", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(symbols, []byte("keysweep/report.writeHTML")) || bytes.Contains(symbols, []byte("text/template.(*Template).Execute")) {
		t.Error("the program holds text/template, or its symbols cannot be read")
	}
}

func TestExactlyOneProgram(t *testing.T) {
	var programs []string
	for _, line := range list(t, "linux", "-f", "{{.Name}} {{.ImportPath}}", "./...") {
		if name, ok := strings.CutPrefix(line, "main "); ok {
			programs = append(programs, name)
		}
	}
	if len(programs) != 1 || programs[0] != "keysweep" {
		t.Errorf("programs of the module: %q, want only keysweep", programs)
	}
}

// obvious are methods that say what they do by the interface they belong to.
var obvious = []string{"String", "Error", "Unwrap", "Is", "Len", "Less", "Swap", "Read", "Write", "Close"}

// productFiles parses the files of the product, without tests and tools, by
// their paths.
func productFiles(t *testing.T, positions *token.FileSet) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "tools" || name == "testdata" || d.Name() == ".git"):
			return fs.SkipDir
		case path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		files[name], err = parser.ParseFile(positions, name, nil, parser.ParseComments)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestExportedNamesAreExplained(t *testing.T) {
	positions := token.NewFileSet()
	packages := map[string][]*ast.File{}
	for name, file := range productFiles(t, positions) {
		packages[path.Dir(name)] = append(packages[path.Dir(name)], file)
	}
	for folder, parsed := range packages {
		p, err := doc.NewFromFiles(positions, parsed, path.Join("keysweep", folder))
		if err != nil {
			t.Fatal(err)
		}
		explain := func(name, text string) {
			if strings.TrimSpace(text) == "" && ast.IsExported(name[strings.LastIndexByte(name, '.')+1:]) {
				t.Errorf("%s: %s has no comment", folder, name)
			}
		}
		explain("Package", p.Doc)
		values := slices.Concat(p.Consts, p.Vars)
		funcs := p.Funcs
		for _, typ := range p.Types {
			explain(typ.Name, typ.Doc)
			values = slices.Concat(values, typ.Consts, typ.Vars)
			funcs = append(funcs, typ.Funcs...)
			for _, m := range typ.Methods {
				if !slices.Contains(obvious, m.Name) {
					explain(typ.Name+"."+m.Name, m.Doc)
				}
			}
		}
		for _, f := range funcs {
			explain(f.Name, f.Doc)
		}
		for _, v := range values {
			explain(v.Names[0], v.Doc)
		}
	}
}

// readsTheClock are the files that may read the system's clock, and why. All
// else has it from main: a report depends on what was scanned and on one clock,
// and a test may choose it.
var readsTheClock = map[string]string{
	"main.go":                 "hands it to the command",
	"sweep/main.go":           "hands it to the program",
	"command/progress.go":     "measures how fast a scan is",
	"audit/audit.go":          "Options.Scan.Now is nil",
	"scanner/options.go":      "Options.Now is nil",
	"verify/verify.go":        "Options.Now is nil",
	"sweep/list/list.go":      "Options.Now is nil",
	"file/temporary_other.go": "measures how long ago a file was left behind",
}

func TestOneClock(t *testing.T) {
	seen := map[string]bool{}
	for name, file := range productFiles(t, token.NewFileSet()) {
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if p, ok := s.X.(*ast.Ident); ok && p.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, s.Sel.Name) {
				seen[name] = true
				if readsTheClock[name] == "" {
					t.Errorf("%s reads the clock with time.%s, which main alone does", name, s.Sel.Name)
				}
			}
			return true
		})
	}
	for name := range readsTheClock {
		if !seen[name] {
			t.Errorf("%s does not read the clock: take it off the list", name)
		}
	}
}
