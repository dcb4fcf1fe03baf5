package github

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	gh "github.com/google/go-github/v60/github"

	"github.com/getpawl/pawl/pkg/forge"
)

// maxDescription is GitHub's limit for the description of a status, in characters.
const maxDescription = 140

// Statuses lists the newest commit status of each context, by time and then by
// id, in the order of the contexts.
func (c *Client) Statuses(ctx context.Context, sha string) ([]forge.Status, error) {
	op := operation{doing: "listing the statuses of " + sha, needs: "commit statuses: read"}
	ctx = c.begin(ctx)
	statuses, err := c.statuses(ctx, sha)
	return statuses, c.explain(ctx, op, err)
}

func (c *Client) statuses(ctx context.Context, sha string) ([]forge.Status, error) {
	if err := checkSHA(sha); err != nil {
		return nil, err
	}
	all, err := list(0, func(page gh.ListOptions) ([]*gh.RepoStatus, *gh.Response, error) {
		return c.api.Repositories.ListStatuses(ctx, c.owner, c.name, sha, &page)
	}, readStatus)
	slices.SortFunc(all, func(a, b forge.Status) int {
		return cmp.Or(cmp.Compare(a.Context, b.Context), b.Time.Compare(a.Time), cmp.Compare(b.ID, a.ID))
	})
	return slices.CompactFunc(all, func(a, b forge.Status) bool { return a.Context == b.Context }), err
}

func readStatus(answer *gh.RepoStatus) (forge.Status, bool, error) {
	status := forge.Status{
		ID:          answer.GetID(),
		Context:     answer.GetContext(),
		State:       answer.GetState(),
		Description: answer.GetDescription(),
		TargetURL:   answer.GetTargetURL(),
		Creator:     login(answer.GetCreator()),
		Time:        answer.GetCreatedAt().Time,
	}
	return status, true, require("status",
		field{"id", status.ID > 0},
		field{"context", status.Context != ""},
		field{"state", status.State != ""},
		field{"created_at", !status.Time.IsZero()},
	)
}

// SetStatus publishes a commit status. A description over GitHub's 140 characters
// is cut. ID, Creator and Time are GitHub's to set.
func (c *Client) SetStatus(ctx context.Context, sha string, status forge.Status) error {
	op := operation{doing: fmt.Sprintf("setting the status %q of %s", status.Context, sha), needs: "commit statuses: write"}
	ctx = c.begin(ctx)
	return c.explain(ctx, op, c.setStatus(ctx, sha, status))
}

func (c *Client) setStatus(ctx context.Context, sha string, status forge.Status) error {
	if err := checkSHA(sha); err != nil {
		return err
	}
	status.Description = shorten(status.Description, maxDescription)
	draft := &gh.RepoStatus{State: &status.State, Context: &status.Context, Description: &status.Description}
	if status.TargetURL != "" {
		draft.TargetURL = &status.TargetURL
	}
	return c.mutate(ctx, mutation{
		send: func(ctx context.Context) error {
			answer, _, err := c.api.Repositories.CreateStatus(ctx, c.owner, c.name, sha, draft)
			if err != nil {
				return err
			}
			return require("status", field{"state", answer.GetState() == status.State}, field{"context", answer.GetContext() == status.Context})
		},
		there: func(ctx context.Context) (bool, error) {
			now, err := c.statuses(ctx, sha)
			return slices.ContainsFunc(now, func(s forge.Status) bool {
				return s.Context == status.Context && s.State == status.State && s.Description == status.Description
			}), err
		},
	})
}

func shorten(text string, characters int) string {
	runes := []rune(text)
	if len(runes) <= characters {
		return text
	}
	return string(runes[:characters-1]) + "…"
}

// CheckRuns lists the newest check run of each app and name. Newest is the one
// with the highest id: a run that is queued again has no times yet.
func (c *Client) CheckRuns(ctx context.Context, sha string) ([]forge.CheckRun, error) {
	op := operation{doing: "listing the check runs of " + sha, needs: "checks: read"}
	ctx = c.begin(ctx)
	runs, err := c.checkRuns(ctx, sha)
	return runs, c.explain(ctx, op, err)
}

func (c *Client) checkRuns(ctx context.Context, sha string) ([]forge.CheckRun, error) {
	if err := checkSHA(sha); err != nil {
		return nil, err
	}
	all, err := list(0, func(page gh.ListOptions) ([]*gh.CheckRun, *gh.Response, error) {
		opts := &gh.ListCheckRunsOptions{Filter: gh.String("latest"), ListOptions: page}
		answer, resp, err := c.api.Checks.ListCheckRunsForRef(ctx, c.owner, c.name, sha, opts)
		if err != nil {
			return nil, resp, err
		}
		if answer == nil || answer.Total == nil || *answer.Total < len(answer.CheckRuns) {
			return nil, resp, require("list of check runs", field{"total_count", false})
		}
		return answer.CheckRuns, resp, nil
	}, func(answer *gh.CheckRun) (forge.CheckRun, bool, error) { return readCheckRun(answer, sha) })
	slices.SortFunc(all, func(a, b forge.CheckRun) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.App, b.App), cmp.Compare(b.ID, a.ID))
	})
	return slices.CompactFunc(all, func(a, b forge.CheckRun) bool { return a.Name == b.Name && a.App == b.App }), err
}

func readCheckRun(answer *gh.CheckRun, sha string) (forge.CheckRun, bool, error) {
	run := forge.CheckRun{
		ID:         answer.GetID(),
		Name:       answer.GetName(),
		App:        answer.GetApp().GetSlug(),
		Status:     answer.GetStatus(),
		Conclusion: answer.GetConclusion(),
		WebURL:     answer.GetHTMLURL(),
		Started:    answer.GetStartedAt().Time,
		Completed:  answer.GetCompletedAt().Time,
	}
	completed := run.Status == "completed"
	return run, true, require("check run",
		field{"id", run.ID > 0},
		field{"name", run.Name != ""},
		field{"head_sha", answer.GetHeadSHA() == sha},
		field{"status", run.Status != ""},
		field{"conclusion", !completed || run.Conclusion != ""},
		field{"completed_at", !completed || !run.Completed.IsZero()},
	)
}
