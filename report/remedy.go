package report

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"keysweep/finding"
	"keysweep/rules"
)

// rotateDays is how many days a key should be in use at most.
const rotateDays = 90

// remedy is what to do about a key, in sentences of ours: nothing in them
// comes from the scanned content. Both are empty for a key that a person
// accepted and for a rejected candidate.
type remedy struct {
	Marks []string // what is special about this key, the most urgent first
	Steps []string // in the order that stops nothing; empty for a refused key
}

// remedyOf returns the remedy for f at the time now. opts.Rules has the words
// of its issuer.
func remedyOf(f *finding.Finding, opts Options, now time.Time) remedy {
	var r remedy
	for _, m := range marksOf(f, now) {
		r.Marks = append(r.Marks, m.sentence)
	}
	if !usable(f) {
		return r
	}
	r.Steps = []string{
		"Create a new key" + atIssuer(opts, f) + ".", switchOver, revokeLast,
	}
	if rule := ruleOf(f, opts); rule != nil && rule.Advice != "" {
		r.Steps = append(r.Steps, rule.Advice)
	}
	r.Steps = append(r.Steps, "Keep "+keeping)
	return r
}

// The steps after the new key is there.
const (
	switchOver = "Switch to it wherever the old one is used, and check that it works."
	revokeLast = "Then revoke the old one: this order avoids downtime."
)

// firstStep says what matters most about a key that is out, to those who read no
// further.
const firstStep = "Replace it, then revoke it: removing the line does not undo the leak."

// keeping, after "Keep ", is the habit that the next key needs.
const keeping = "keys in environment variables or a secrets manager, one for each service, and replace them every 90 days."

// usable reports whether f may still work and is not accepted.
func usable(f *finding.Finding) bool {
	return f.Status != finding.Inactive && f.Suppressed == nil && f.Confidence != finding.Rejected
}

// atIssuer names the one issuer of all of list, if there is one.
func atIssuer(opts Options, list ...*finding.Finding) string {
	for _, f := range list {
		if !hasIssuer(f) || f.Issuer != list[0].Issuer {
			return " at its issuer"
		}
	}
	return " at " + opts.issuerName(list[0].Issuer)
}

func hasIssuer(f *finding.Finding) bool {
	return f.Issuer != "" && f.Issuer != finding.IssuerUnknown && f.Issuer != finding.IssuerAmbiguous
}

// ruleOf returns the rule that f was found by, or nil.
func ruleOf(f *finding.Finding, opts Options) *rules.Rule {
	for _, r := range opts.Rules {
		if r.ID == f.RuleID {
			return r
		}
	}
	return nil
}

// mark is one sentence on what is special about a key.
type mark struct {
	sentence string
	// several is the sentence about more than one key. Without it, the mark is true
	// of most keys of a scan, and text has other words for it at its end.
	several string
}

func marksOf(f *finding.Finding, now time.Time) []mark {
	if f.Suppressed != nil || f.Confidence == finding.Rejected {
		return nil
	}
	var marks []mark
	add := func(sentence, several string) { marks = append(marks, mark{sentence, several}) }
	switch f.Status {
	case finding.Inactive:
		add("Its issuer refuses it: there is nothing to revoke; remove it.", "Their issuers refuse them: there is nothing to revoke; remove them.")
		return marks
	case finding.Active:
		add("It works now: replace it first.", "They work now: replace them first.")
	case finding.Restricted:
		add("It works now, with limited rights: replace it first.", "They work now, with limited rights: replace them first.")
	}
	switch audienceOf(f) {
	case browsers:
		add("Its path suggests that it reaches browsers: treat it as public.", "Their paths suggest that they reach browsers: treat them as public.")
	case apps:
		add("Its path suggests that it reaches phones: treat it as public.", "Their paths suggest that they reach phones: treat them as public.")
	}
	if age := ageOf(f, now); age > rotateDays {
		add(fmt.Sprintf("It is %s days old: replace keys after %d.", number(age), rotateDays), "")
	}
	if where := placesToSwitch(f); where != "" {
		add(where+" hold it: switch each.", where+" hold each of them: switch all.")
	}
	if committed(f) {
		add("It is in the git history: deleting the line does not undo that.", "")
	}
	if f.Environment == finding.Sandbox {
		add("It is a sandbox key: less urgent, but replace it too.", "")
	}
	return marks
}

// ageOf returns the days since a commit first held f, or 0. A date from before
// 1970 or a zero one is what a forged or broken commit header leaves.
func ageOf(f *finding.Finding, now time.Time) int64 {
	if f.FirstSeen.Commit == "" || f.FirstSeen.Date.Unix() <= 0 || now.IsZero() {
		return 0
	}
	return days(now.Sub(f.FirstSeen.Date))
}

// committed reports whether the object database holds f: index and working
// tree alone can still be cleaned.
func committed(f *finding.Finding) bool {
	return f.FirstSeen.Commit != "" || f.InHead == finding.Yes || slices.ContainsFunc(f.Listed, func(o finding.Occurrence) bool {
		return o.Source != finding.SourceIndex && (o.Object != "" || o.Commit != "")
	})
}

// placesToSwitch names the places that use f now, if there are several. What
// only the history holds needs no switch.
func placesToSwitch(f *finding.Finding) string {
	type file struct{ target, path string }
	files, targets := map[file]bool{}, map[string]bool{}
	for _, o := range f.Listed {
		switch o.Source {
		case finding.SourceWorktree, finding.SourceIndex, finding.SourceStdin, finding.SourceMetadata:
		default:
			if o.InHead != finding.Yes {
				continue
			}
		}
		files[file{o.Target, finding.Below(o.Folder, o.Path)}] = true
		targets[o.Target] = true
	}
	switch {
	case len(files) < 2:
		return ""
	case len(targets) > 1:
		return fmt.Sprintf("%s files in %s targets", number(int64(len(files))), number(int64(len(targets))))
	}
	return fmt.Sprintf("%s files", number(int64(len(files))))
}

// audience is who sees the code that holds a key.
type audience uint8

const (
	ourselves audience = iota
	apps
	browsers
)

// audienceOf returns the widest audience of f's files, of whatever age: what
// was once delivered stays with those who have it.
func audienceOf(f *finding.Finding) audience {
	found := ourselves
	for _, o := range f.Listed {
		switch o.Source {
		case finding.SourceWorktree, finding.SourceBlob, finding.SourceIndex:
			p := o.Path
			if p == "" {
				p = strings.ReplaceAll(o.Target, `\`, "/") // a single file
			}
			found = max(found, audienceOfPath(p))
		}
	}
	return found
}

var (
	// serverCode runs where it is, even in a folder that is served.
	serverCode = []string{".php", ".rb", ".py", ".go", ".java", ".cs", ".jsp", ".aspx", ".cgi", ".pl", ".erb", ".sh", ".sql"}
	components = []string{".jsx", ".tsx", ".vue", ".svelte"}
	scripts    = []string{".js", ".mjs", ".cjs", ".map"}
	appCode    = []string{".swift", ".kt", ".dart", ".plist", ".xcconfig", ".storyboard"}
	// served folders go to browsers as they are; built ones if they hold
	// scripts.
	served = []string{"public", "static", "dist", "wwwroot", "htdocs", "public_html"}
	built  = []string{"build", "out", "www", "bundles"}
)

// audienceOfPath guesses from a path, separated by '/', who sees the file.
func audienceOfPath(p string) audience {
	folders := strings.Split(strings.ToLower(p), "/")
	name := folders[len(folders)-1]
	folders = folders[:len(folders)-1]
	ext := path.Ext(name)
	within := func(names ...string) bool {
		return slices.ContainsFunc(folders, func(f string) bool { return slices.Contains(names, f) })
	}
	isTest := within("test", "tests", "__tests__", "spec", "e2e") || strings.Contains(name, ".test.") || strings.Contains(name, ".spec.")
	switch {
	case isTest:
		return ourselves
	case slices.Contains(appCode, ext), name == "androidmanifest.xml", name == "strings.xml", within("ios", "android"):
		return apps
	case slices.Contains(serverCode, ext):
		return ourselves
	case ext == ".html", ext == ".htm", ext == ".xhtml", slices.Contains(components, ext), within(served...):
		return browsers
	case slices.Contains(scripts, ext) && (within(built...) || isBundle(name)):
		return browsers
	}
	return ourselves
}

// isBundle reports whether a script is named as bundlers name their results:
// app.min.js, vendor.bundle.js, main.chunk.js, main.3f9a2c1d.js.
func isBundle(name string) bool {
	parts := strings.Split(name, ".")
	for _, p := range parts[1 : len(parts)-1] {
		switch {
		case p == "min", p == "bundle", p == "chunk", p == "prod":
			return true
		case len(p) >= 8 && len(p) <= 40 && strings.Trim(p, "0123456789abcdef") == "":
			return true
		}
	}
	return false
}
