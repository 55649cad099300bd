package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"keysweep/config"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/report"
	"keysweep/screen"
)

// output is one place that the report goes to.
type output struct {
	path   string // "-": standard output
	format report.Format
}

func (o output) standard() bool { return o.path == "-" }

// failed says that the report could not be written, unless err is nil.
func (o output) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("writing the report %s: %w", quote.Name(o.path), err)
}

// isStandard reports whether a path is a name of standard output.
func isStandard(path string) bool {
	return slices.Contains([]string{"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}, path)
}

// parseOutputs returns the outputs that --output names, or standard output if
// it names none. A file has the format of its extension; standard output, and a
// file without an extension, has that of --format. An extension that names no
// format needs --format: a page for .html would be plain text.
func parseOutputs(paths []string, format report.Format, formatGiven bool) ([]output, error) {
	if len(paths) == 0 {
		return []output{{path: "-", format: format}}, nil
	}
	var outputs []output
	for _, path := range paths {
		out := output{path: path, format: format}
		f, ok := report.FormatOf(path)
		switch ext := filepath.Ext(strings.TrimLeft(filepath.Base(path), ".")); {
		case isStandard(path):
			out.path = "-"
		case ok:
			out.format = f
		case ext != "" && !formatGiven:
			return nil, fmt.Errorf("--output %s: no report has the extension %s; the extensions are %s (or --format says what the file holds)",
				quote.Name(path), quote.Name(ext), orList(report.Extensions()))
		}
		outputs = append(outputs, out)
	}
	if formatGiven && !slices.ContainsFunc(outputs, func(o output) bool { return o.format == format }) {
		return nil, fmt.Errorf("--format %v has no effect: the extension of %s says %v, and nothing goes to standard output (--output -)",
			format, quote.Name(outputs[0].path), outputs[0].format)
	}
	return outputs, nil
}

// checkOutputs refuses outputs that would overwrite each other or what is to
// be scanned, and outputs that will certainly fail, before the scan.
func checkOutputs(outputs []output, scanned []string, stdout io.Writer) error {
	for i, out := range outputs {
		for _, other := range outputs[:i] {
			switch {
			case out.standard() && other.standard():
				return errors.New("--output: two reports to standard output")
			case out.standard() || other.standard():
			case file.SameName(runtime.GOOS, absolute(out.path), absolute(other.path)):
				return fmt.Errorf("--output: %s is named twice", quote.Name(out.path))
			case sameFile(out.path, other.path):
				return fmt.Errorf("--output: %s and %s are the same file", quote.Name(other.path), quote.Name(out.path))
			}
		}
		if out.standard() {
			continue
		}
		name := quote.Name(out.path)
		if err := file.Check(out.path); err != nil {
			return out.failed(err)
		}
		if slices.ContainsFunc(scanned, func(path string) bool { return sameFile(out.path, path) }) {
			return fmt.Errorf("--output: %s is to be scanned, and would be overwritten", name)
		}
		if theirs, err := isTheirs(out.path, scanned); err != nil {
			return out.failed(err)
		} else if theirs {
			return fmt.Errorf("--output: %s is in what is scanned, and is not an earlier report of keysweep: it is not replaced", name)
		}
		if f, ok := stdout.(*os.File); ok && slices.ContainsFunc(outputs, output.standard) {
			if to, err := f.Stat(); err == nil && isAt(to, out.path) {
				return fmt.Errorf("--output: %s is where standard output goes", name)
			}
		}
	}
	return nil
}

// isTheirs reports whether path is a file among what is scanned, or elsewhere in the
// repository of it, that is neither empty nor an earlier report.
func isTheirs(path string, scanned []string) (bool, error) {
	info, err := file.Stat(path) // first: opening a FIFO waits for a writer
	if file.Absent(err) {
		return false, nil
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false, err
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if is, err := report.IsReport(f, info.Size()); err != nil || is {
		return false, err
	}
	if len(scanned) == 0 {
		scanned = []string{"."}
	}
	path, err = realPath(path)
	for _, target := range scanned {
		if target == "-" || err != nil {
			continue
		}
		top, errTop := config.Top(target)
		if errTop != nil {
			continue // the scan says so
		}
		for _, folder := range []string{target, top} {
			real, err := realPath(folder)
			if _, below := file.Below(real, path); folder != "" && (err != nil || below) {
				return true, err
			}
		}
	}
	return false, err
}

// realPath returns the absolute path without links.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// sameFile reports whether two paths name one file that is there. A device may be
// written to twice.
func sameFile(a, b string) bool {
	info, err := os.Stat(a)
	return err == nil && isAt(info, b)
}

func isAt(info os.FileInfo, path string) bool {
	other, err := os.Stat(path)
	return err == nil && info.Mode()&(os.ModeDevice|os.ModeNamedPipe|os.ModeSocket) == 0 && os.SameFile(info, other)
}

// deliver writes the report to every output, files first, so that a standard
// output without a reader takes no file with it. When an output fails, the
// findings are not lost: if standard output holds no report yet, the text goes
// there, or to standard error if it is standard output that failed.
func (o *scanOptions) deliver(res *finding.Result, stdout, stderr io.Writer) error {
	var failed []error
	reported := false // standard output holds a report
	for _, out := range o.outputs {
		if !out.standard() {
			failed = append(failed, out.failed(file.Write(out.path, file.Own, func(w io.Writer) error {
				return report.Write(w, out.format, res, o.report)
			})))
		}
	}
	for _, out := range o.outputs {
		if out.standard() {
			err := writing(report.Write(stdout, out.format, res, o.onTerminal(stdout)))
			if errors.Is(err, errClosedPipe) {
				return err
			}
			failed = append(failed, err)
			reported = err == nil
		}
	}
	err := errors.Join(failed...)
	if err == nil {
		if !slices.ContainsFunc(o.outputs, func(out output) bool { return out.standard() && out.format == report.Text }) {
			_ = report.Summary(stderr, res, o.onTerminal(stderr))
		}
		return nil
	}
	if !reported {
		w, name := stdout, "standard output"
		if slices.ContainsFunc(o.outputs, output.standard) {
			w, name = stderr, "standard error"
		}
		opts := o.onTerminal(w)
		opts.Exit = report.ExitReason{Status: StatusUse, Words: "a report could not be written"}
		if report.Write(w, report.Text, res, opts) == nil {
			err = fmt.Errorf("%w\n  what it should say is on %s, as text", err, name)
		}
	}
	return &ending{StatusUse, err}
}

// onTerminal returns the options of a report to w, which may be a terminal.
func (o *scanOptions) onTerminal(w io.Writer) report.Options {
	opts := o.report
	opts.Color = screen.UseColor(o.color, w)
	opts.Width = screen.Columns(w)
	opts.ShowSecrets = o.secrets && screen.IsTerminal(w)
	return opts
}

// shortOutput reads --format and --color of the commands that do not scan.
func shortOutput(c *call) (opts report.Options, format report.Format, err error) {
	color := "auto"
	err = cmp.Or(read(c, "color", parseColor, &color), read(c, "format", parseShortFormat, &format))
	return report.Options{
		Version: buildVersion().Version, Program: programName(),
		Width: screen.Columns(c.stdout), Color: screen.UseColor(color, c.stdout),
	}, format, err
}

// parseShortFormat reads the formats of the commands that do not scan.
func parseShortFormat(s string) (report.Format, error) {
	return oneOf("text json", report.Text, report.JSON)(s)
}
