package ci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// event is the part of an event file that is read (docs.github.com, "Webhook
// events and payloads"). The list of commits is not: it may be empty or cut.
type event struct {
	Ref, Before, After string
	Forced, Deleted    bool
	Repository         struct {
		DefaultBranch string `json:"default_branch"`
		FullName      string `json:"full_name"`
	}
	PullRequest *struct {
		Base, Head struct {
			SHA, Ref string
			Repo     *struct {
				FullName string `json:"full_name"`
			}
		}
	} `json:"pull_request"`
	MergeGroup *struct {
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
		HeadSHA string `json:"head_sha"`
	} `json:"merge_group"`
}

// readGitHub reads the variables (docs.github.com/actions/reference, "Variables") and
// the event file. Gitea and Forgejo set the same ones. A workflow that is called has
// the event of its caller.
func readGitHub(v *variables) *run {
	name := v.Get("GITHUB_EVENT_NAME")
	r := &run{event: name, tips: []string{v.id("GITHUB_SHA")}}
	switch {
	case name == "":
		v.err = errors.New("GITHUB_EVENT_NAME is not set")
	case name == "pull_request_target":
		v.err = fmt.Errorf("%w: pull_request_target runs with the permissions and secrets of the repository on code from any pull request; use the event pull_request", ErrRefused)
	}
	if v.err != nil {
		return r
	}
	e, err := readEventFile(v.Environment)
	if err != nil && (name == "schedule" || name == "workflow_dispatch") {
		e, err = &event{}, nil // the file adds little to the name
	}
	if err == nil {
		r.defaultBranch = e.Repository.DefaultBranch
		r.readOnly = v.Get("GITHUB_ACTOR") == "dependabot[bot]" // in every event
		if field := r.readEvent(e, v.Get("GITHUB_REF")); field != "" {
			err = fmt.Errorf("%w: %s is not a commit id", errDamaged, field)
		}
		r.own = r.own || v.Get("GITHUB_REF_PROTECTED") == "true"
	}
	if err != nil {
		v.err = fmt.Errorf("event file of %s (GITHUB_EVENT_PATH): %w", eventWord(name), err)
	}
	return r
}

// readEvent reads what an event says about its commits; ref is GITHUB_REF. It returns
// the name of a field that should be a commit id and is not, or "".
func (r *run) readEvent(e *event, ref string) (damaged string) {
	switch name := r.event; name {
	case "pull_request", "pull_request_review", "pull_request_review_comment":
		p := e.PullRequest
		switch {
		case p == nil || !fullID(p.Base.SHA):
			return "pull_request.base.sha"
		case !fullID(p.Head.SHA):
			return "pull_request.head.sha"
		}
		r.kind, r.scope, r.fork = change, Changes, e.fork()
		r.before, r.merged, r.targetBranch = p.Base.SHA, p.Head.SHA, p.Base.Ref
		r.tips = append(r.tips, p.Head.SHA)
	case "merge_group":
		m := e.MergeGroup
		switch {
		case m == nil || !fullID(m.BaseSHA):
			return "merge_group.base_sha"
		case !fullID(m.HeadSHA):
			return "merge_group.head_sha"
		}
		r.kind, r.scope = queue, Changes
		r.before, r.tips = m.BaseSHA, []string{m.HeadSHA}
		r.targetBranch = branchName(m.BaseRef)
	case "push":
		switch {
		case !fullID(e.Before):
			return "before"
		case !fullID(e.After):
			return "after"
		case e.Deleted || !isID(e.After):
			r.scope, r.event = Nothing, "push that deletes a branch or a tag"
			return ""
		}
		r.scope, r.before, r.forced = Changes, e.Before, e.Forced
		r.tips = append([]string{e.After}, r.tips...)
		r.kind = r.onRef(push, e.Ref)
	case "schedule":
		r.kind, r.own = started, true // of the default branch, whatever it is called
	case "workflow_dispatch":
		r.kind = r.onRef(started, ref)
	case "create", "release":
		r.kind, r.noRange = tag, true
	default:
		r.event, r.noRange = eventWord(name), true
	}
	return ""
}

// onRef returns what an event of a branch is about if it is one of this ref, and
// fills in the branch.
func (r *run) onRef(k kind, ref string) kind {
	name, isBranch := strings.CutPrefix(ref, "refs/heads/")
	switch {
	case isBranch && name != "":
		r.branch = name
		return k
	case strings.HasPrefix(ref, "refs/tags/"):
		return tag
	}
	return other
}

// readEventFile reads the file that GITHUB_EVENT_PATH names.
func readEventFile(env Environment) (*event, error) {
	path := env.Get("GITHUB_EVENT_PATH")
	if path == "" {
		return nil, errors.New("not set")
	}
	text, err := env.ReadFile(path)
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	if err != nil {
		return nil, err
	}
	e := new(event)
	if err := json.Unmarshal(text, e); err != nil {
		return nil, errDamaged // the decoder's error may quote the file
	}
	return e, nil
}

// fork reports whether a pull request may come from outside the repository. The
// repository of a pull request is null once it is deleted.
func (e *event) fork() bool {
	p := e.PullRequest
	return p.Head.Repo == nil || p.Base.Repo == nil || !sameProject(p.Head.Repo.FullName, p.Base.Repo.FullName)
}

// fullID reports whether s is a full object id, of SHA-1 or SHA-256.
func fullID(s string) bool { return (len(s) == 40 || len(s) == 64) && hexID(s, 40) }

// eventWord returns the name of an event, which is printed, if it can be one.
func eventWord(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" || len(name) > 64 {
		return "an event of an unknown kind"
	}
	return name
}

// Output is a value that a step of GitHub Actions passes to later steps.
type Output struct{ Name, Value string }

// WriteOutputs writes outputs in the form of the file that GITHUB_OUTPUT names.
// Each value is between two lines with a delimiter made from token, which must be
// unpredictable: no value can end itself and begin another (docs.github.com,
// "Workflow commands", multiline strings). The error is w's, or says that a value
// contains the token.
func WriteOutputs(w io.Writer, list []Output, token string) error {
	var b strings.Builder
	for _, o := range list {
		if strings.Contains(o.Value, token) {
			return fmt.Errorf("the output %s contains the delimiter", o.Name)
		}
		fmt.Fprintf(&b, "%s<<keysweep_%s\n%s\nkeysweep_%s\n", o.Name, token, o.Value, token)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
