package command

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keysweep/agent/transcript"
	"keysweep/audit"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
)

// parseScanOfAgents is parseScan for what coding agents have left in the home folder.
func parseScanOfAgents(c *call) (*scanOptions, error) {
	if c.Args().Present() {
		return nil, fmt.Errorf("--agents scans what agents have left in the home folder: %s is not needed", quote.Name(c.Args().First()))
	}
	if err := c.refuse("history staged range since", "--agents"); err != nil {
		return nil, err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	folders := transcript.Folders(home, os.Getenv)
	if len(folders) == 0 {
		return nil, fmt.Errorf("no coding agent that is known has left anything in %s", quote.Name(home))
	}
	var paths []string
	for _, f := range folders {
		paths = append(paths, f.Path)
	}
	o, err := parseScanOf(c, paths)
	if err != nil {
		return nil, err
	}
	o.audit.Scan.Tree, o.audit.Scan.Ignored = true, true // the home folder may be in a repository that ignores them
	o.marked = func(a *audit.Audit) { describeTranscripts(a.Result, folders) }
	return o, nil
}

// describeTranscripts adds to occurrences what the files say of them, and says at the
// targets which files hold keys.
func describeTranscripts(res *finding.Result, folders []transcript.Folder) {
	byFile := map[string][]*finding.Occurrence{}
	keys := map[string]int{} // that count, by file
	for _, f := range res.Findings {
		here := map[string]bool{}
		for i := range f.Listed {
			o := &f.Listed[i]
			path := o.Target
			if info, err := file.Stat(path); err == nil && info.IsDir() {
				path = filepath.Join(o.Target, filepath.FromSlash(o.Folder), filepath.FromSlash(o.Path))
			}
			byFile[path] = append(byFile[path], o)
			here[path] = true
		}
		for path := range here {
			if f.Suppressed == nil {
				keys[path]++
			}
		}
	}
	told := false
	for _, path := range slices.Sorted(maps.Keys(byFile)) {
		list := byFile[path]
		i := slices.IndexFunc(folders, func(f transcript.Folder) bool { return f.Path == list[0].Target })
		describeFile(path, folders[i].Agent, list)
		if keys[path] == 0 {
			continue
		}
		at := slices.IndexFunc(res.Targets, func(t finding.Target) bool { return t.Name == list[0].Target })
		notes := &res.Targets[at].Notes
		if !told {
			*notes = append(*notes, "What an agent has sent may also be stored by the provider of its model: replace the keys, whatever is deleted here.")
			told = true
		}
		words, what := "1 key", "delete"
		if n := keys[path]; n > 1 {
			words = fmt.Sprintf("%d keys", n)
		}
		if !slices.ContainsFunc(list, func(o *finding.Occurrence) bool { return o.Transcript.Author != finding.AuthorRule }) {
			what = "edit" // settings
		}
		if database, isLog := strings.CutSuffix(path, "-wal"); isLog { // of SQLite: alone, it takes the last changes along
			words += ", in the write-ahead log of " + quote.Name(database) + ": delete both"
		}
		*notes = append(*notes, fmt.Sprintf("To %s: %s (%s)", what, path, words))
	}
}

// describeFile adds what one file says of the occurrences in it. Of one that has gone, or
// cannot be read again, only the agent is known.
func describeFile(path, agent string, list []*finding.Occurrence) {
	at := make([]transcript.Position, len(list))
	for i, o := range list {
		o.Transcript = &finding.Transcript{Agent: agent}
		if o.Inside == nil {
			at[i] = transcript.Position{Line: o.Line, Column: o.Column}
		}
	}
	info, err := file.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	said, err := transcript.Describe(agent, path, f, at)
	if err != nil {
		return
	}
	for i, o := range list {
		o.Transcript = said[i]
	}
}
