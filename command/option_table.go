package command

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"keysweep/config"
	"keysweep/exceptions"
)

// option is an option of one command or of several. A name means the same in all
// of them.
type option struct {
	name  string
	short string // one letter; "": none
	takes takes
	usage string   // a word in backquotes is the name of the value
	only  []string // the commands that the usage is for; nil: the others
}

// takes says which values an option takes.
type takes uint8

const (
	none takes = iota
	one
	list // repeatable
)

// group is options that a help lists under a heading.
type group struct {
	heading string // "": Options
	names   string
}

// The headings of scan.
const (
	headingWhat    = "What to read"
	headingRemote  = "Repositories at addresses"
	headingCounts  = "What counts"
	headingVerify  = "Verification (nothing is sent without --verify or --verify-issuer)"
	headingReports = "Reports"
	headingLimits  = "Limits"
	headingAgents  = "Coding agents"
)

// Options that several commands have: which rules there are, how far
// content may lead, and which issuers are asked, and how.
const (
	ruleOptions   = "rules config no-config"
	reachOptions  = "follow-alternates allow-share fetch-cloud-files"
	remoteOptions = "ref token-env keep forge max-pack"
	verifyOptions = "verify-issuer issuer endpoint ca-file dry-run egress-log verify-timeout verify-limit"
)

// options are those of all commands. The linker makes the table: a hook, which is
// called often, does nothing for it when it starts.
var options = [...]option{
	{"help", "h", none, "this text", nil},
	{"version", "", none, "the same as the command version", nil},

	{"tree", "", none, "only working trees, folders and files", nil},
	{"history", "", none, "only the history of repositories: every stored object", nil},
	{"staged", "", none, "only what the next commit would add: new keys in the index", nil},
	{"range", "", list, "only what the commits of `A..B` add: new keys, even if removed again within it; B alone is all that B reaches, ^A leaves out what A reaches, A...B is what one of them reaches and not both; repeatable", nil},
	{"agents", "", none, "transcripts, histories and settings of coding agents in your home folder", nil},
	{"ignored", "", none, "also the files that git ignores; prune always reads them", []string{"baseline"}},
	{"ignored", "", none, "also the files that git ignores", nil},
	{"exclude", "", list, "leave out paths that match `GLOB`, as **/{a,b}.txt; repeatable", nil},
	{"ref", "", list, "fetch the refs that match `GLOB`, as refs/heads/release-*, instead of all branches, tags and notes, or with +GLOB besides; repeatable", nil},
	{"token-env", "", list, "send the password in the environment variable `[HOST=]NAME` to the addresses on HOST, over https alone; without HOST they are all on one; repeatable", nil},
	{"keep", "", one, "keep what was fetched in `DIR`, a bare repository that git can read; removed if not given", nil},
	{"forge", "", list, "links to HOST look as those of KIND github, gitlab, bitbucket, gitea or azure: `HOST=KIND`; repeatable", nil},
	{"max-pack", "", one, "stop fetching a repository when `SIZE` came, scan what came, and report the rest; no limit if not given", nil},
	{"repository", "C", one, "explain what is in the repository in or above `FOLDER`; that of the working directory if not given", nil},
	{"rules", "", list, "add the rules of `FILE` (TOML); repeatable", nil},
	{"config", "c", one, "read and write the configuration `FILE`; " + config.Name + " of the repository if not given", []string{"allow", "triage"}},
	{"config", "c", one, "read the configuration `FILE`; " + config.Name + " of the scanned repository or folder if not given", nil},
	{"no-config", "", none, "read no configuration and no baseline of what is scanned, and ignore keysweep:allow", nil},
	{"follow-alternates", "", none, "also alternate object stores outside the folder that holds the repository", nil},
	{"allow-share", "", list, "also read what links, .git files and alternates name on `//HOST/SHARE`; repeatable", nil},
	{"fetch-cloud-files", "", none, "also read files that are only in the cloud (OneDrive, iCloud), which downloads them", nil},
	{"verify-objects", "", none, "hash every object, not only those that matter", nil},
	{"no-archives", "", none, "do not open archives and compressed files: only scan their bytes as they are", nil},
	{"max-unpacked", "", one, "unpack no more than `SIZE` of all archives and compressed files; 64GiB if not given", nil},
	{"max-object", "", one, "skip, and report, a packed delta that unpacks to more than `SIZE`; 256MiB if not given", nil},

	{"min-confidence", "", one, "accept what a scan with this `LEVEL` low, medium or high lists; medium if not given", []string{"baseline"}},
	{"min-confidence", "", one, "ask about what a scan with this `LEVEL` low, medium or high lists; medium if not given", []string{"triage"}},
	{"min-confidence", "", one, "say what a scan with this `LEVEL` low, medium or high lists; medium if not given", []string{"explain"}},
	{"min-confidence", "", one, "list and count findings of `LEVEL` low, medium or high and above; medium if not given", nil},
	{"all-objects", "", none, "also accept keys that only other branches, stashes or dropped objects hold", nil},
	{"accept-foreign-comments", "", none, "count gitleaks:allow, betterleaks:allow, trufflehog:ignore, ggignore, kingfisher:ignore and pragma: allowlist secret where keysweep:allow counts", nil},
	{"baseline", "", one, "accept the keys of the baseline `FILE`; " + exceptions.BaselineName + " of the scanned repository or folder if not given", nil},
	{"since", "", one, "list and count keys first seen in a commit since `DATE`, as 2026-01-31, or 12h, 30d or 2w ago, and keys that are in no commit", nil},
	{"default-branch", "", one, "the default branch is `NAME`, where the CI does not say; KEYSWEEP_DEFAULT_BRANCH or the branch of the clone's origin/HEAD if not given", nil},
	{"fail-on", "", one, "findings that stop: `WHICH` is any or none; any if not given", []string{"hook", "install"}},
	{"fail-on", "", one, "findings that lead to status 1: `WHICH` is any, active or none; any if not given", nil},
	{"exit-code", "", one, "end with `N` instead of 1", nil},
	{"allow-incomplete", "", none, "do not stop because some content was not read; the report still lists it", []string{"hook", "install"}},
	{"allow-incomplete", "", none, "do not fail because some content was not read, as the older commits of a shallow checkout; the report still lists it", nil},
	{"strict", "", none, "block a prompt or a tool call that could not be scanned", nil},
	{"allow-no-verify", "", none, "let commands pass that leave out git's hooks, as git commit --no-verify", nil},
	{"show-rejected", "", none, "also list candidates that were turned down, and why", nil},
	{"show-suppressed", "", none, "also list keys that a person accepted, in text and Markdown; the other formats always have them", nil},

	{"verify", "", none, "ask Martis whether each of its keys still works", nil},
	{"verify-issuer", "", list, "ask the issuer `NAME`, or all; repeatable", nil},
	{"issuer", "", one, "treat keys as `NAME`'s, unless their format belongs to a single other issuer", nil},
	{"endpoint", "", list, "ask at another address, `NAME=URL`: https, or http to this machine; repeatable", nil},
	{"ca-file", "", one, "also trust the certificates of `FILE` (PEM)", nil},
	{"config-hook", "", none, "write the hooks into git's local configuration (git 2.54 or newer)", nil},
	{"dry-run", "", none, "say what would be done, and do nothing", []string{"install", "uninstall"}},
	{"dry-run", "", none, "list which key would go where, and send nothing", nil},
	{"egress-log", "", one, "append a line for each request to `FILE` (JSON Lines, without keys)", nil},
	{"verify-timeout", "", one, "stop asking after `DURATION` in all; 60s if not given", nil},
	{"verify-limit", "", one, "ask about `N` keys at most; 100 if not given", nil},
	{"paste", "", none, "read the keys from standard input, one a line, instead of looking for them; a terminal does not show them", nil},
	{"wait", "", one, "ask again for `DURATION` about keys that still work: an issuer may need a while to forget a key", nil},

	{"format", "f", one, "write `FORMAT` text or json", []string{"recheck", "explain"}},
	{"format", "f", one, "write list and show as `FORMAT` text or json", []string{"rules"}},
	{"format", "f", one, "write standard output as `FORMAT` text or json", []string{"doctor"}},
	{"format", "f", one, "write standard output as `FORMAT` text, json, jsonl, csv, markdown, sarif, html, gitlab or junit", nil},
	{"json", "", none, "as a JSON object", nil},
	{"output", "o", list, "the baseline, `FILE`; " + exceptions.BaselineName + " at the top of the first PATH if not given", []string{"baseline"}},
	{"output", "o", list, "write the report to `FILE`, in the format of its extension; - is standard output; repeatable", nil},
	{"from", "", list, "accept what `FILE`, of another scanner, accepts; repeatable", nil},
	{"reason", "", one, "why the key is accepted, `WORDS` for reports and later readers", []string{"allow"}},
	{"reason", "", one, "why the keys are accepted, `WORDS` for reports", nil},
	{"author", "", none, "also report the author of the commit that added each key; never in SARIF", nil},
	{"owner", "", one, "whom to ask about it, `NAME`", nil},
	{"expires", "", one, "the last day on which it is accepted, `DATE` as 2026-01-31", nil},
	{"path", "", one, "accept it only in the files that `GLOB` matches, from the top of the repository; with --remove, only that entry", nil},
	{"into-baseline", "", none, "write decisions into the baseline, which has neither owner nor last day", nil},
	{"again", "", none, "also ask about the keys that were skipped before", nil},
	{"plain", "", none, "print lines only, for screen readers: no colour, and the screen is not cleared", nil},
	{"list", "", none, "list what is accepted", nil},
	{"remove", "", one, "stop accepting the key `ID`", nil},
	{"show-secrets", "", none, "print keys whole, on a terminal only", []string{"explain"}},
	{"show-secrets", "", none, "print whole keys, on a terminal only; report files never hold them", nil},
	{"color", "", one, "colour the text: `WHEN` is auto, always or never", nil},
	{"no-progress", "", none, "show no progress bar", nil},
	{"quiet", "q", none, "print only what needs action", nil},
	{"verbose", "v", none, "list every occurrence and every skipped item", nil},
	{"timeout", "", one, "stop after `DURATION`, as 90s or 10m, and report what is known; status 3", nil},
	{"jobs", "j", one, "read with `N` workers; one per processor if not given", nil},

	{"agent", "", list, "the settings of `NAME` claude, codex, gemini, cursor, copilot, windsurf or cline, instead of git's hooks; repeatable", nil},
	{"user", "", none, "your own settings, for all repositories", nil},
	{"hook", "", list, "remove only the hook `NAME` pre-commit, commit-msg, pre-push or pre-receive; repeatable", []string{"uninstall"}},
	{"hook", "", list, "install only the hook `NAME` pre-commit, commit-msg, pre-push or pre-receive; repeatable", nil},
}

// optionOf returns the option with that name, long or short, as command has it if
// it has one; nil: there is none.
func optionOf(command, name string) *option {
	for i := range options {
		o := &options[i]
		if (o.name == name || o.short == name && name != "") && (o.only == nil || slices.Contains(o.only, command)) {
			return o
		}
	}
	return nil
}

// has reports whether a command has the option of that name.
func (s *spec) has(name string) bool {
	return slices.ContainsFunc(s.options, func(g group) bool { return slices.Contains(strings.Fields(g.names), name) })
}

// flag returns the option for the library.
func (o *option) flag() cli.Flag {
	switch o.takes {
	case none:
		return &cli.BoolFlag{Name: o.name}
	case list:
		return &cli.StringSliceFlag{Name: o.name}
	}
	return &cli.StringFlag{Name: o.name}
}

// value returns the name of the value, "" if the option takes none.
func (o *option) value() string {
	_, rest, _ := strings.Cut(o.usage, "`")
	name, _, _ := strings.Cut(rest, "`")
	return name
}

// typed returns "-f, --format FORMAT".
func (o *option) typed() string {
	names := "--" + o.name
	if o.short != "" {
		names = "-" + o.short + ", " + names
	}
	return strings.TrimSpace(names + " " + o.value())
}

// words returns the usage as people read it.
func (o *option) words() string { return strings.ReplaceAll(o.usage, "`", "") }

// orList returns "a, b or c".
func orList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
