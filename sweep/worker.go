package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"keysweep/audit"
	"keysweep/command"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/remote"
	"keysweep/rules"
	"keysweep/sweep/queue"
	"keysweep/sweep/record"
	"keysweep/sweep/unchanged"
)

// worker scans repositories of one sweep, one at a time.
type worker struct {
	q     *queue.Queue
	sweep *queue.Sweep
	local []string // options of this machine
	cache string   // a folder, see scanner.Options; "": none
	now   func() time.Time
}

// optionName returns the name of an option as typed, --name=value.
func optionName(arg string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
	return name
}

// ofAddresses are options that only hold for addresses, and notOfAddresses for paths.
var (
	ofAddresses    = []string{"ref", "forge", "max-pack"}
	notOfAddresses = []string{"ignored"}
)

// parse reads options as they hold for a target, an address or a path; "": for the report
// on all. token is what audit.ParseToken reads.
func parse(ctx context.Context, args []string, target, token string, p command.Process) (*command.Scan, error) {
	isAddress := target != "" && remote.IsAddress(target)
	verifies := slices.ContainsFunc(args, isVerify)
	args = slices.DeleteFunc(slices.Clone(args), func(arg string) bool {
		name := optionName(arg)
		return name == "token-env" || !isAddress && slices.Contains(ofAddresses, name) || isAddress && slices.Contains(notOfAddresses, name) ||
			name == "ca-file" && !isAddress && !verifies
	})
	if token != "" {
		args = append(args, "--token-env="+token)
	}
	if target != "" {
		args = append(args, "--", target)
	}
	return command.ParseScan(ctx, args, p)
}

// quiet is a process that scans without a terminal, by a clock that stands.
func quiet(now time.Time) command.Process {
	return command.Process{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Now: func() time.Time { return now }}
}

// run works until ctx ends, or the sweep.
func (w *worker) run(ctx context.Context) error {
	for ctx.Err() == nil {
		d, err := w.q.Next(ctx, queue.Scan)
		if err == nil && d == nil {
			d, err = w.q.Next(ctx, queue.Ask)
		}
		switch {
		case err != nil && ctx.Err() == nil:
			return err
		case d == nil:
			s, err := w.q.Sweep(ctx)
			switch {
			case errors.Is(err, queue.ErrLost):
				return err
			case err == nil && (s == nil || s.Done || s.ID != w.sweep.ID):
				return nil
			}
			continue
		case d.Sweep != w.sweep.ID:
			if s, err := w.q.Sweep(ctx); err == nil && s != nil && s.ID == d.Sweep { // the next one, whose workers this is for
				return w.giveBack(ctx, d)
			}
		}
		if err := w.do(ctx, d); err != nil {
			d.Drop()
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
	return nil
}

// do does what was delivered, unless that is done.
func (w *worker) do(ctx context.Context, d *queue.Delivery) error {
	switch {
	case d.Sweep != w.sweep.ID:
		return d.Done(ctx)
	case d.Kind == queue.Ask:
		return w.ask(ctx, d)
	}
	if r, err := w.q.Result(ctx, d.Sweep, d.Name); err != nil {
		return err
	} else if r != nil {
		return d.Done(ctx)
	}
	r := queue.Result{Name: d.Name, Failed: fmt.Sprintf("%d times the process that scanned it ended without a result", queue.MaxAttempts)}
	if d.Attempts <= queue.MaxAttempts {
		r = w.scan(ctx, d)
	}
	if ctx.Err() != nil {
		return w.giveBack(ctx, d)
	}
	if _, err := w.q.Put(ctx, d.Sweep, r); err != nil {
		return err
	}
	return d.Done(ctx)
}

// giveBack leaves work to other workers, though ctx ended.
func (w *worker) giveBack(ctx context.Context, d *queue.Delivery) error {
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return d.GiveBack(after)
}

// scan scans a repository, or takes over what an earlier sweep found.
func (w *worker) scan(ctx context.Context, d *queue.Delivery) queue.Result {
	r := queue.Result{Name: d.Name, Mark: w.mark(ctx, d)}
	if earlier := w.earlier(ctx, d, r.Mark); earlier != nil {
		return *earlier
	}
	a, err := w.audit(ctx, d)
	if err == nil {
		defer a.Close()
		a.Mark(false)
		r.Keys = len(a.Result.Findings)
		r.Chance = slices.ContainsFunc(a.Result.Skipped, func(s finding.Skipped) bool { return slices.Contains(byChance, s.Reason) })
		r.Until = ends(a)
		r.Report, err = record.Of(a).Encode()
	}
	if err != nil {
		r.Failed = quote.HideLogins(quote.HideKeys(err.Error()))
	}
	return r
}

// byChance are the reasons for which something is not read that may be read another time, though
// nothing changed.
var byChance = []finding.Reason{
	finding.ReasonUnreadable, finding.ReasonChanged, finding.ReasonCloudFile, finding.ReasonReaderFailed, finding.ReasonNotFetched, finding.ReasonInterrupted,
}

// mark returns what changes with the repository, or with how it is scanned. "": that is not
// known.
func (w *worker) mark(ctx context.Context, d *queue.Delivery) string {
	set := func(name string) bool {
		return slices.ContainsFunc(w.sweep.Args, func(arg string) bool { return optionName(arg) == name && !strings.HasSuffix(arg, "=false") })
	}
	if set("since") { // which may count from today
		return ""
	}
	o := unchanged.Options{Settings: append([]string{w.sweep.Program}, w.sweep.Args...), FollowAlternates: set("follow-alternates")}
	for _, path := range slices.Sorted(maps.Keys(w.sweep.Files)) {
		o.Settings = append(o.Settings, w.sweep.Files[path])
	}
	if !remote.IsAddress(d.Target) {
		return unchanged.Path(d.Target, w.now(), o)
	}
	a, err := remote.Parse(d.Target)
	if err != nil {
		return ""
	}
	client, err := w.client(d.Token)
	if err != nil {
		return ""
	}
	mark, err := unchanged.Address(ctx, client, a, o)
	if err != nil {
		return "" // the scan says why
	}
	return mark
}

// client returns what asks servers as a scan does.
func (w *worker) client(token string) (*remote.Client, error) {
	var o remote.Options
	var err error
	if token != "" {
		t, err := remote.ParseToken(token, os.Getenv)
		if err != nil {
			return nil, err
		}
		o.Tokens = []remote.Token{t}
	}
	var refs []string
	for _, arg := range slices.Concat(w.sweep.Args, w.local) {
		_, value, _ := strings.Cut(arg, "=")
		switch optionName(arg) {
		case "ca-file":
			o.CAFile = value
		case "ref":
			refs = append(refs, value)
		}
	}
	if o.Refs, err = remote.Select(refs); err != nil {
		return nil, err
	}
	return remote.NewClient(o)
}

// earlier returns the result of the sweep before if it still holds, else nil.
func (w *worker) earlier(ctx context.Context, d *queue.Delivery, mark string) *queue.Result {
	if mark == "" || w.sweep.Before == "" {
		return nil
	}
	r, err := w.q.Result(ctx, w.sweep.Before, d.Name)
	if err != nil || r == nil || r.Mark != mark || r.Failed != "" || r.Chance || !r.Until.IsZero() && !w.sweep.Started.Before(r.Until) {
		return nil
	}
	if verifies := slices.ContainsFunc(w.sweep.Args, isVerify); verifies && r.Keys > 0 {
		return nil
	}
	r.Same = true
	return r
}

// isVerify reports whether an option has issuers asked.
func isVerify(arg string) bool { return arg == "--verify=true" || optionName(arg) == "verify-issuer" }

// audit scans a repository.
func (w *worker) audit(ctx context.Context, d *queue.Delivery) (*audit.Audit, error) {
	s, err := parse(ctx, slices.Concat(w.sweep.Args, w.local), d.Target, d.Token, quiet(w.sweep.Started))
	if err != nil {
		return nil, err
	}
	opts := s.Audit()
	opts.Scan.Cache = w.cache
	opts.Own, opts.Verify = !opts.Sources.None, audit.Verification{}
	a, err := audit.Open(ctx, opts)
	if err == nil {
		if err = a.Scan(ctx); err != nil {
			err = errors.Join(err, a.Close())
		}
	}
	return a, err
}

// ends returns when the first exception ends that counts now. Zero: none does.
func ends(a *audit.Audit) (first time.Time) {
	earlier := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, allow := range a.Loaded.Allows {
		if allow.Expires.After(a.Result.Started) {
			earlier(allow.Expires)
		}
	}
	return first
}

// identity returns what identifies the program with the rules that options name: equal words
// are equal verdicts.
func identity(set *rules.Set) (string, error) {
	words, exact := command.Build()
	words += ", rules " + set.SHA256()[:16]
	if exact {
		return words, nil
	}
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	sum, err := hashOf(path)
	return words + ", program " + sum[:min(len(sum), 16)], err
}

// hashOf returns the SHA-256 of a file, in hex.
func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// hashes returns the SHA-256 of the files that args name, by path.
func hashes(args []string) (map[string]string, error) {
	files := map[string]string{}
	for _, arg := range args {
		name, path, _ := strings.Cut(arg, "=")
		if name != "--rules" && name != "--config" && name != "--baseline" {
			continue
		}
		sum, err := hashOf(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[path] = sum
	}
	return files, nil
}

// check returns an error unless this machine scans as the sweep's first one does.
func (w *worker) check(ctx context.Context) error {
	files, err := hashes(w.sweep.Args)
	if err != nil {
		return fmt.Errorf("the sweep needs a file that is not here: %w", err)
	}
	for path, sum := range w.sweep.Files {
		if files[path] != sum {
			return fmt.Errorf("%s is not the file that the sweep began with", quote.Name(path))
		}
	}
	s, err := parse(ctx, w.sweep.Args, "", "", quiet(time.Time{}))
	if err != nil {
		return err
	}
	set, err := setOf(s)
	if err != nil {
		return err
	}
	mine, err := identity(set)
	if err == nil && mine != w.sweep.Program {
		err = fmt.Errorf("the sweep was begun by another keysweep-sweep (%s), and this is %s: what they find could differ", w.sweep.Program, mine)
	}
	return err
}

// setOf returns the rules that the options of s name beside the built-in ones. A configuration
// or baseline that they name is read, too.
func setOf(s *command.Scan) (*rules.Set, error) {
	loaded, err := s.Audit().Sources.Load(nil, nil)
	if err != nil {
		return nil, err
	}
	return loaded.Rules, loaded.Accept(nil)
}

// claim is how long a key stays with a worker that does not say what it was answered.
var claim = 5 * time.Minute // tests have less

// ask reads keys of a repository again and asks their issuers.
func (w *worker) ask(ctx context.Context, d *queue.Delivery) error {
	if d.Attempts > queue.MaxAttempts {
		return w.unanswered(ctx, d, fmt.Sprintf("%d times the process that asked ended without an answer", queue.MaxAttempts))
	}
	a, err := w.audit(ctx, d)
	if ctx.Err() != nil {
		return w.giveBack(ctx, d)
	}
	if err != nil {
		return w.unanswered(ctx, d, "the repository could not be read again")
	}
	defer a.Close()
	var asked []*finding.Finding
	names := map[*finding.Finding]string{} // the hash by which each is known
	for _, f := range a.Result.Findings {
		i := slices.IndexFunc(d.Asks, func(k queue.KeyToAsk) bool { return k.SHA256 == f.Secret.SHA256() })
		if i < 0 {
			continue
		}
		mine, err := w.take(ctx, d.Asks[i].SHA256)
		if err != nil {
			return err
		}
		if mine {
			k := d.Asks[i]
			f.RuleID, f.Issuer, f.IssuerStrength = k.RuleID, k.Issuer, finding.Strength(min(k.Strength, uint8(finding.StrengthUser)))
			asked, names[f] = append(asked, f), k.SHA256
		}
	}
	if len(asked) > 0 {
		if err := w.askIssuers(ctx, d, a, asked); err != nil && ctx.Err() == nil {
			return err
		}
		if ctx.Err() != nil {
			return w.stopAsking(ctx, d, asked, names)
		}
		for _, f := range asked {
			if err := w.answer(ctx, names[f], f); err != nil {
				return err
			}
		}
	}
	if err := w.unanswered(ctx, d, "the key was not found again"); err != nil {
		return err
	}
	return nil
}

// stopAsking keeps what issuers said before ctx ended, and leaves the other keys to other workers.
func (w *worker) stopAsking(ctx context.Context, d *queue.Delivery, asked []*finding.Finding, names map[*finding.Finding]string) error {
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	for _, f := range asked {
		err := error(nil)
		if f.Status == finding.Active || f.Status == finding.Inactive || f.Status == finding.Restricted {
			err = w.answer(after, names[f], f)
		} else {
			err = w.q.Unclaim(after, w.sweep.ID, names[f])
		}
		if err != nil {
			return err
		}
	}
	return w.giveBack(ctx, d)
}

// askIssuers asks about findings.
func (w *worker) askIssuers(ctx context.Context, d *queue.Delivery, a *audit.Audit, asked []*finding.Finding) error {
	s, err := parse(ctx, slices.Concat(w.sweep.Args, w.local), "", "", command.Process{Stdout: io.Discard, Stderr: io.Discard, Now: w.now})
	if err != nil {
		return err
	}
	v := s.Audit().Verify
	v.Options.Budget = len(asked) + d.Spare
	verifier, err := v.Open(a.Loaded.Rules)
	if err != nil {
		return err
	}
	_, err = verifier.Ask(ctx, asked, nil)
	return errors.Join(err, verifier.Close())
}

// take claims a key, and waits if another worker has. False: it is answered.
func (w *worker) take(ctx context.Context, sha256 string) (bool, error) {
	for {
		mine, answer, err := w.q.Claim(ctx, w.sweep.ID, sha256, claim)
		if mine || answer != nil || err != nil {
			return mine, err
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
}

// answer keeps what was answered about the key called name.
func (w *worker) answer(ctx context.Context, name string, f *finding.Finding) error {
	text, err := record.EncodeAnswer(f)
	if err != nil {
		return err
	}
	return w.q.PutAnswer(ctx, w.sweep.ID, name, text)
}

// unanswered ends work: the keys that have no answer get none, for the reason why.
func (w *worker) unanswered(ctx context.Context, d *queue.Delivery, why string) error {
	for _, k := range d.Asks {
		if answer, err := w.q.Answer(ctx, w.sweep.ID, k.SHA256); err != nil {
			return err
		} else if answer != nil {
			continue
		}
		f := &finding.Finding{Status: finding.Unknown, StatusReason: finding.CodeNotFound.Reason(why)}
		if err := w.answer(ctx, k.SHA256, f); err != nil {
			return err
		}
	}
	return d.Done(ctx)
}

// exists reports whether a path names something.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !file.Absent(err)
}
