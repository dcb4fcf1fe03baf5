package promotion

import (
	"context"
	"fmt"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

// StatusReport is what stands where.
type StatusReport struct {
	Repository   string              `json:"repository"`
	Environments []EnvironmentStatus `json:"environments"`
	Images       []ImageStatus       `json:"images"`
	Notes        []string            `json:"notes,omitempty"`
}

// EnvironmentStatus is one environment and its way to the one before.
type EnvironmentStatus struct {
	Name     string         `json:"name"`
	Branch   string         `json:"branch"`
	Commit   string         `json:"commit,omitempty"`   // empty when the branch does not exist
	Relation forge.Relation `json:"relation,omitempty"` // of the environment before to this one: ahead means that there is something to promote
	Behind   int            `json:"behind"`             // commits that the environment before has and this one lacks
	Ahead    int            `json:"ahead"`              // commits that this one has and the environment before lacks
	Open     *OpenPromotion `json:"promotion,omitempty"`
	Next     string         `json:"next,omitempty"` // the command that moves things on
}

// OpenPromotion is an open promotion pull request and what it waits for.
type OpenPromotion struct {
	Number int            `json:"number"`
	URL    string         `json:"url"`
	Commit string         `json:"commit"`
	State  gate.State     `json:"state"`
	Gates  []gate.Verdict `json:"gates"`
}

// ImageStatus is one image in every environment.
type ImageStatus struct {
	Image    string            `json:"image"`
	Versions map[string]string `json:"versions"` // by environment; several versions are joined by ", "
}

// Status reads every environment in one snapshot of the branches.
func Status(ctx context.Context, s Source) (*StatusReport, error) {
	report := &StatusReport{Repository: s.Name, Environments: []EnvironmentStatus{}, Images: []ImageStatus{}}
	cfg, err := s.environments(ctx)
	if err != nil {
		return report, err
	}
	refs, err := s.Git.Refs(ctx)
	if err != nil {
		return report, err
	}
	trees, err := s.statusImages(ctx, report, cfg, refs)
	if err != nil {
		return report, err
	}
	open, err := s.Forge.PullRequests(ctx, forge.PullRequestFilter{State: forge.Open})
	if err != nil {
		return report, err
	}
	for i, env := range cfg.Environments {
		status := EnvironmentStatus{Name: env.Name, Branch: env.Branch, Commit: refs["refs/heads/"+env.Branch]}
		switch {
		case status.Commit == "":
			status.Next = fmt.Sprintf("git push origin COMMIT:refs/heads/%s", env.Branch)
		case i > 0:
			if err := s.statusEdge(ctx, &status, cfg, env, refs, trees, open); err != nil {
				return report, err
			}
		}
		report.Environments = append(report.Environments, status)
	}
	return report, nil
}

// statusImages reads the images of every environment that has a branch.
func (s Source) statusImages(ctx context.Context, report *StatusReport, cfg *config.Config, refs map[string]string) (contents, error) {
	var places []place
	var commits []string
	for _, env := range cfg.Environments {
		if sha := refs["refs/heads/"+env.Branch]; sha != "" {
			places = append(places, place{env, sha})
			commits = append(commits, sha)
		}
	}
	trees, err := s.fetch(ctx, commits...)
	if err != nil {
		return trees, err
	}
	found, unreadable, err := trees.images(ctx, cfg.Images, places...)
	if err != nil {
		return trees, err
	}
	if len(unreadable) > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("%s not read, because they are not plain YAML", plural(len(unreadable), "file")))
	}
	for _, name := range names(found...) {
		row := ImageStatus{Image: name, Versions: map[string]string{}}
		for i, at := range places {
			if version := found[i].of(name); version != "" {
				row.Versions[at.env.Name] = version
			}
		}
		report.Images = append(report.Images, row)
	}
	return trees, nil
}

// statusEdge relates an environment to the one before it.
func (s Source) statusEdge(ctx context.Context, status *EnvironmentStatus, cfg *config.Config, env config.Environment,
	refs map[string]string, trees contents, open []forge.PullRequest) error {
	before, _ := cfg.Before(env.Name)
	source := refs["refs/heads/"+before.Branch]
	if source == "" {
		return nil
	}
	comparison, err := s.relate(ctx, status.Commit, source)
	if err != nil {
		return err
	}
	status.Relation, status.Behind, status.Ahead = comparison.Relation, comparison.AheadBy, comparison.BehindBy
	switch comparison.Relation {
	case forge.Ahead:
		status.Next = "pawl promote " + env.Name
	case forge.Diverged, forge.Behind:
		status.Next = fmt.Sprintf("git merge --no-ff origin/%s (on %s)", env.Branch, cfg.Environments[0].Branch)
	}
	promotions := promotionsInto(open, env)
	if len(promotions) == 0 {
		return nil
	}
	return s.statusPromotion(ctx, status, cfg, env, refs, trees, promotions[0], comparison)
}

// relate compares two commits, and spares the request where they are the same.
func (s Source) relate(ctx context.Context, base, head string) (forge.Comparison, error) {
	if base == head {
		return forge.Comparison{Relation: forge.Identical, Base: base, Head: head}, nil
	}
	return s.Forge.Compare(ctx, base, head, 0)
}

// statusPromotion says what the open promotion waits for.
func (s Source) statusPromotion(ctx context.Context, status *EnvironmentStatus, cfg *config.Config, env config.Environment,
	refs map[string]string, trees contents, pr forge.PullRequest, edge forge.Comparison) error {
	known := func() (*config.Config, error) { return cfg, nil }
	rules, err := policyFor(ctx, trees.file, env.Branch, status.Commit, "", known)
	if err != nil {
		return err
	}
	comparison := edge
	if pr.HeadSHA != edge.Head {
		comparison, err = s.relate(ctx, status.Commit, pr.HeadSHA)
		if err != nil {
			return err
		}
	}
	fetched, err := s.fetch(ctx, status.Commit, pr.HeadSHA)
	facts := s.gather(ctx, rules, comparison, &pr, newScene(gate.Known(refs), gate.Lookup(fetched, err)))
	verdicts := gate.Evaluate(facts)
	status.Open = &OpenPromotion{Number: pr.Number, URL: pr.WebURL, Commit: pr.HeadSHA, State: gate.Overall(verdicts), Gates: verdicts}
	if pr.HeadSHA == edge.Head && edge.Relation == forge.Ahead {
		status.Next = "pawl merge " + env.Name
	}
	return nil
}
