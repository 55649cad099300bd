package command

import (
	"keysweep/report"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Headings of the options in the help of scan.
const (
	headingWhat    = "What to read"
	headingCounts  = "What counts"
	headingReports = "Reports"
	headingLimits  = "Limits"
)

// scanFlags returns the options of scan, in the order of its help. A word in
// backquotes is the name of the value there.
func scanFlags() []cli.Flag {
	return slices.Concat([]cli.Flag{
		&cli.BoolFlag{Category: headingWhat, Name: "tree", Usage: "only working trees, folders and files"},
		&cli.BoolFlag{Category: headingWhat, Name: "history", Usage: "only the history of repositories: every stored object"},
		&cli.BoolFlag{Category: headingWhat, Name: "staged", Usage: "only what the next commit would add: new keys in the index"},
		&cli.StringSliceFlag{Category: headingWhat, Name: "range", Usage: "only what the commits of `A..B` add: new keys, even if removed again within it; B alone is all that B reaches, ^A leaves out what A reaches; repeatable"},
		&cli.BoolFlag{Category: headingWhat, Name: "ignored", Usage: "also the files that git ignores"},
		&cli.StringSliceFlag{Category: headingWhat, Name: "exclude", Usage: "leave out paths that match `GLOB`, as **/{a,b}.txt; repeatable"},
	}, ruleFlags(headingWhat), []cli.Flag{
		&cli.BoolFlag{Category: headingWhat, Name: "follow-alternates", Usage: "also alternate object stores outside the folder that holds the repository"},
		&cli.BoolFlag{Category: headingWhat, Name: "verify-objects", Usage: "hash every object, not only those that matter"},
		&cli.StringFlag{Category: headingWhat, Name: "max-object", Usage: "skip, and report, a packed delta that unpacks to more than `SIZE`; 256MiB if not given"},

		&cli.StringFlag{Category: headingCounts, Name: "min-confidence", Usage: "list and count findings of `LEVEL` low, medium or high and above; medium if not given"},
		baselineFlag(headingCounts),
		&cli.StringFlag{Category: headingCounts, Name: "since", Usage: "list and count keys first seen in a commit since `DATE`, as 2026-01-31, or 12h, 30d or 2w ago, and keys that are in no commit"},
		&cli.StringFlag{Category: headingCounts, Name: "fail-on", Usage: "findings that lead to status 1: `WHICH` is any, active or none; any if not given"},
		&cli.StringFlag{Category: headingCounts, Name: "exit-code", Usage: "end with `N` instead of 1"},
		&cli.BoolFlag{Category: headingCounts, Name: "show-rejected", Usage: "also list candidates that were turned down, and why"},
		&cli.BoolFlag{Category: headingCounts, Name: "show-suppressed", Usage: "also list keys that a person accepted, in text and Markdown; the other formats always have them"},
	}, []cli.Flag{&cli.BoolFlag{Category: headingVerify, Name: "verify", Usage: "ask Martis whether each of its keys still works"}}, verifyFlags(headingVerify), []cli.Flag{
		&cli.StringFlag{Category: headingReports, Name: "format", Aliases: []string{"f"}, Usage: "write standard output as `FORMAT` " + orList(report.FormatNames())},
		&cli.StringSliceFlag{Category: headingReports, Name: "output", Aliases: []string{"o"}, Usage: "write the report to `FILE`, in the format of its extension; - is standard output; repeatable"},
		&cli.BoolFlag{Category: headingReports, Name: "show-secrets", Usage: "print whole keys, on a terminal only; report files never hold them"},
		&cli.StringFlag{Category: headingReports, Name: "color", Usage: "colour the text: `WHEN` is auto, always or never"},
		&cli.BoolFlag{Category: headingReports, Name: "no-progress", Usage: "show no progress bar"},
		&cli.BoolFlag{Category: headingReports, Name: "quiet", Aliases: []string{"q"}, Usage: "print only what needs action"},
		&cli.BoolFlag{Category: headingReports, Name: "verbose", Aliases: []string{"v"}, Usage: "list every occurrence and every skipped item"},

		&cli.StringFlag{Category: headingLimits, Name: "timeout", Usage: "stop after `DURATION`, as 90s or 10m, and report what is known; status 3"},
		&cli.StringFlag{Category: headingLimits, Name: "jobs", Aliases: []string{"j"}, Usage: "read with `N` workers; one per processor if not given"},
	})
}

// orList returns "a, b or c".
func orList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
