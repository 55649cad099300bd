package list

import (
	"context"
	"errors"
	"net/http"
	"strings"

	sdk "code.gitea.io/sdk/gitea"
	"github.com/google/go-github/v93/github"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
	"golang.org/x/time/rate"
)

// perPage is the most that GitHub and GitLab list at once.
const perPage = 100

// listGitHub lists an organisation or account: of the one whose token it is, what is
// private too.
func listGitHub(ctx context.Context, h *host, name string) error {
	options := []github.ClientOptionsFunc{github.WithHTTPClient(h.client), github.WithDisableRateLimitCheck()}
	if h.API != "" {
		options = append(options, github.WithEnterpriseURLs(h.base.String(), h.base.String()))
	}
	client, err := github.NewClient(options...)
	if err != nil {
		return err
	}
	owner, _, err := client.Users.Get(ctx, name)
	if err != nil {
		return err
	}
	// By date of creation, so that a repository made meanwhile comes last.
	page := github.ListOptions{PerPage: perPage}
	repositories := client.Repositories.ListByUserIter(ctx, name, &github.RepositoryListByUserOptions{
		Type: "owner", Sort: "created", Direction: "asc", ListOptions: page})
	if owner.GetType() == "Organization" {
		repositories = client.Repositories.ListByOrgIter(ctx, name, &github.RepositoryListByOrgOptions{
			Type: "all", Sort: "created", Direction: "asc", ListOptions: page})
	} else if h.token != "" {
		// The token of an app is refused here: it is no account's.
		me, _, err := client.Users.Get(ctx, "")
		if refused := (*statusError)(nil); err != nil && !errors.As(err, &refused) {
			return err
		}
		if err == nil && strings.EqualFold(me.GetLogin(), name) {
			repositories = client.Repositories.ListByAuthenticatedUserIter(ctx, &github.RepositoryListByAuthenticatedUserOptions{
				Affiliation: "owner", Sort: "created", Direction: "asc", ListOptions: page})
		}
	}
	for r, err := range repositories {
		if err != nil {
			return err
		}
		err = h.take(hosted{
			name: r.GetFullName(), clone: r.GetCloneURL(), size: int64(r.GetSize()) << 10,
			archived: r.GetArchived(), fork: r.GetFork(), private: r.GetPrivate(), pushed: r.GetPushedAt().Time})
		if err != nil {
			return err
		}
	}
	return nil
}

// listGitLab lists a group with its subgroups, or an account. Only of an account does
// GitLab say sizes.
func listGitLab(ctx context.Context, h *host, name string) error {
	client, err := gitlab.NewAuthSourceClient(gitlab.Unauthenticated{}, gitlab.WithBaseURL(h.base.String()), gitlab.WithHTTPClient(h.client),
		gitlab.WithoutRetries(), gitlab.WithCustomLimiter(rate.NewLimiter(rate.Inf, 0)))
	if err != nil {
		return err
	}
	page, byID, asc := gitlab.ListOptions{PerPage: perPage}, new("id"), new("asc")
	err = h.takeProjects(func(next gitlab.PaginationOptionFunc) ([]*gitlab.Project, *gitlab.Response, error) {
		return client.Groups.ListGroupProjects(name, &gitlab.ListGroupProjectsOptions{
			ListOptions: page, OrderBy: byID, Sort: asc, IncludeSubGroups: new(true), WithShared: new(false)}, next, gitlab.WithContext(ctx))
	})
	if !isStatus(err, http.StatusNotFound) {
		return err
	}
	return h.takeProjects(func(next gitlab.PaginationOptionFunc) ([]*gitlab.Project, *gitlab.Response, error) {
		return client.Projects.ListUserProjects(name, &gitlab.ListProjectsOptions{
			ListOptions: page, OrderBy: byID, Sort: asc, Statistics: new(h.token != "")}, next, gitlab.WithContext(ctx))
	})
}

// takeProjects takes all pages of projects.
func (h *host) takeProjects(pages func(gitlab.PaginationOptionFunc) ([]*gitlab.Project, *gitlab.Response, error)) error {
	for p, err := range gitlab.Scan2(pages) {
		if err != nil {
			return err
		}
		if p == nil { // JSON's null
			continue
		}
		r := hosted{name: p.PathWithNamespace, clone: p.HTTPURLToRepo, archived: p.Archived,
			fork: p.ForkedFromProject != nil, private: p.Visibility != gitlab.PublicVisibility}
		if p.Statistics != nil {
			r.size = p.Statistics.RepositorySize
		}
		if p.LastActivityAt != nil {
			r.pushed = *p.LastActivityAt
		}
		if err := h.take(r); err != nil {
			return err
		}
	}
	return nil
}

// listGitea lists an organisation or account of Gitea or Forgejo.
func listGitea(ctx context.Context, h *host, name string) error {
	client, err := sdk.NewClient(h.base.String(), sdk.SetContext(ctx), sdk.SetHTTPClient(h.client), sdk.SetGiteaVersion(""))
	if err != nil {
		return err
	}
	err = h.takePages(func(page sdk.ListOptions) ([]*sdk.Repository, *sdk.Response, error) {
		return client.ListOrgRepos(name, sdk.ListOrgReposOptions{ListOptions: page})
	})
	if !isStatus(err, http.StatusNotFound) {
		return err
	}
	return h.takePages(func(page sdk.ListOptions) ([]*sdk.Repository, *sdk.Response, error) {
		return client.ListUserRepos(name, sdk.ListReposOptions{ListOptions: page})
	})
}

// takePages takes pages until one holds nothing new. Servers have limits of their own
// for what is on one, so a short page does not mean the last.
func (h *host) takePages(pages func(sdk.ListOptions) ([]*sdk.Repository, *sdk.Response, error)) error {
	listed := map[string]bool{}
	for page, before := 1, -1; len(listed) > before; page++ {
		before = len(listed)
		list, _, err := pages(sdk.ListOptions{Page: page, PageSize: 50})
		if err != nil {
			return err
		}
		for _, r := range list {
			if r == nil {
				continue
			}
			listed[r.CloneURL] = true
			if err := h.take(hosted{name: r.FullName, clone: r.CloneURL, size: int64(r.Size) << 10,
				archived: r.Archived, fork: r.Fork, private: r.Private || r.Internal, pushed: r.Updated}); err != nil {
				return err
			}
		}
	}
	return nil
}
