package ci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// event is what of an event's file is read (docs.github.com, "Webhook events
// and payloads"). Its list of commits is not: it may be empty or cut.
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
	Issue *struct {
		PullRequest *struct{} `json:"pull_request"` // the issue is one
	}
	MergeGroup *struct {
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
		HeadSHA string `json:"head_sha"`
	} `json:"merge_group"`
	WorkflowRun *struct {
		HeadRepository *struct {
			FullName string `json:"full_name"`
		} `json:"head_repository"`
	} `json:"workflow_run"`
}

// readGitHub reads the variables and the file of an event.
func readGitHub(env Environment) (*run, error) {
	name := env.Get("GITHUB_EVENT_NAME")
	if name == "" {
		return nil, errors.New("GITHUB_EVENT_NAME is not set")
	}
	if name == "pull_request_target" {
		return nil, fmt.Errorf("%w: pull_request_target runs with the rights and secrets of the repository, and what it would scan comes from whoever opened the pull request; use the event pull_request", ErrRefused)
	}
	v := variables{get: env.Get}
	r := &run{event: name, tips: []string{v.id("GITHUB_SHA")}}
	if v.err != nil {
		return nil, v.err
	}
	e, err := readEvent(env)
	switch {
	case err == nil:
	case name == "schedule" || name == "workflow_dispatch":
		return r, nil // they say no more than their names do
	default:
		return nil, fmt.Errorf("the file of the event %s (GITHUB_EVENT_PATH): %w", eventWord(name), err)
	}
	r.fork, r.fallback = e.fork(), e.Repository.DefaultBranch
	r.readOnly = env.Get("GITHUB_ACTOR") == "dependabot[bot]" // whatever it starts
	damaged := func(what string) (*run, error) {
		return nil, fmt.Errorf("the file of the event %s (GITHUB_EVENT_PATH): %w: %s is no id of a commit", name, errDamaged, what)
	}
	switch name {
	case "pull_request", "pull_request_review", "pull_request_review_comment":
		p := e.PullRequest
		switch {
		case p == nil || !wholeID(p.Base.SHA):
			return damaged("pull_request.base.sha")
		case !wholeID(p.Head.SHA):
			return damaged("pull_request.head.sha")
		}
		r.scope, r.change = Changes, true
		r.before, r.merged, r.into = p.Base.SHA, p.Head.SHA, p.Base.Ref
		r.tips = append(r.tips, p.Head.SHA)
	case "merge_group":
		m := e.MergeGroup
		switch {
		case m == nil || !wholeID(m.BaseSHA):
			return damaged("merge_group.base_sha")
		case !wholeID(m.HeadSHA):
			return damaged("merge_group.head_sha")
		}
		r.scope, r.change, r.queued = Changes, true, true
		r.before, r.tips = m.BaseSHA, []string{m.HeadSHA}
		r.into = strings.TrimPrefix(m.BaseRef, "refs/heads/")
	case "push":
		switch {
		case !wholeID(e.Before):
			return damaged("before")
		case !wholeID(e.After):
			return damaged("after")
		case e.Deleted || none(e.After):
			r.scope, r.event = Nothing, "push that deletes a branch or a tag"
			return r, nil
		}
		r.scope, r.before, r.forced = Changes, e.Before, e.Forced
		r.tips = append([]string{e.After}, r.tips...)
		r.branch = strings.TrimPrefix(e.Ref, "refs/heads/")
	case "schedule", "workflow_dispatch":
	default:
		r.event, r.unsaid = eventWord(name), true
		r.anybodys = e.Issue != nil && e.Issue.PullRequest != nil
	}
	return r, nil
}

func readEvent(env Environment) (*event, error) {
	path := env.Get("GITHUB_EVENT_PATH")
	if path == "" {
		return nil, errors.New("it is not set")
	}
	text, err := env.ReadFile(path)
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &pathErr):
		return nil, pathErr.Err
	case err != nil:
		return nil, err
	}
	e := new(event)
	if err := json.Unmarshal(text, e); err != nil {
		return nil, errDamaged // what the decoder says could hold what it read
	}
	return e, nil
}

// fork reports whether what is checked out may be somebody's who has no rights
// in the repository. The repository of a pull request that was deleted is null.
func (e *event) fork() bool {
	if p := e.PullRequest; p != nil {
		return p.Head.Repo == nil || p.Base.Repo == nil || !sameProject(p.Head.Repo.FullName, p.Base.Repo.FullName)
	}
	if w := e.WorkflowRun; w != nil {
		return w.HeadRepository == nil || !sameProject(w.HeadRepository.FullName, e.Repository.FullName)
	}
	return false
}

// wholeID reports whether s is a whole id, of SHA-1 or SHA-256.
func wholeID(s string) bool { return (len(s) == 40 || len(s) == 64) && hexID(s, 40) }

// eventWord returns the name of an event if it can be one, since it is printed.
func eventWord(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" || len(name) > 64 {
		return "an event of an unknown kind"
	}
	return name
}
