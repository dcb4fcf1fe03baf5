package promotion

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
)

// Verification is what the gates say of one pull request.
type Verification struct {
	Repository string         `json:"repository"`
	Number     int            `json:"number"`
	URL        string         `json:"url"`
	From       string         `json:"from"`
	To         string         `json:"to"`
	Commit     string         `json:"commit"`
	Before     string         `json:"before"` // where the target branch is
	State      gate.State     `json:"state"`
	Gates      []gate.Verdict `json:"gates"`
	Policy     string         `json:"policy"`
	Published  string         `json:"published,omitempty"` // what Publish set: a state, or "unchanged"
	Notes      []string       `json:"notes,omitempty"`

	rules policy
	facts gate.Facts
	scene scene
}

// Verify evaluates the gates of a pull request at its head. It reads through the
// API only: no checkout, nothing from the pull request is executed, and a
// read-only token suffices.
func Verify(ctx context.Context, s Source, number int) (*Verification, error) {
	pr, err := s.Forge.PullRequest(ctx, number)
	if err != nil {
		return nil, err
	}
	return s.verify(ctx, pr)
}

func (s Source) verify(ctx context.Context, pr forge.PullRequest, overrides ...Override) (*Verification, error) {
	comparison, err := s.Forge.Compare(ctx, pr.Base, pr.HeadSHA, sinceLimit)
	if err != nil {
		return nil, err
	}
	at := s.scene(ctx, pr.Base, comparison)
	rules, err := s.rules(ctx, pr, comparison, at)
	if err != nil {
		return nil, err
	}
	facts := s.gather(ctx, rules, comparison, &pr, at)
	for _, o := range overrides {
		facts.Overrides = append(facts.Overrides, gate.Override(o))
	}
	report := newVerification(s.Name, rules, facts)
	report.scene = at
	return report, nil
}

// newVerification asks the gates. It depends on its arguments only.
func newVerification(repository string, rules policy, facts gate.Facts) *Verification {
	pr, comparison := facts.PullRequest, facts.Comparison.Value
	report := &Verification{
		Repository: repository, Number: pr.Number, URL: pr.WebURL, From: rules.From.Name, To: rules.To.Name,
		Commit: comparison.Head, Before: comparison.Base, Policy: rules.Origin, rules: rules, facts: facts,
	}
	if rules.Note != "" {
		report.Notes = append(report.Notes, rules.Note)
	}
	report.Gates = gate.Evaluate(facts)
	report.State = gate.Overall(report.Gates)
	return report
}

// policyOverAPI reads the rules at the head of the pull request's base.
func (s Source) policyOverAPI(ctx context.Context, pr forge.PullRequest, comparison forge.Comparison) (policy, error) {
	read := func(ctx context.Context, sha string) ([]byte, error) {
		return s.Forge.File(ctx, config.FileName, sha)
	}
	conventional := func() (*config.Config, error) {
		refs, err := s.Git.Refs(ctx)
		if err != nil {
			return nil, err
		}
		return config.Default(git.Branches(refs))
	}
	return policyFor(ctx, read, pr.Base, comparison.Base, comparison.Head, conventional)
}

// Err is nil when every gate passed, else it says what stands in the way.
func (v *Verification) Err() error {
	return v.blocked(fmt.Sprintf("verifying #%d", v.Number))
}

func (v *Verification) blocked(what string) error {
	if v.State == gate.Pass {
		return nil
	}
	var reasons []string
	for _, verdict := range gate.Blocking(v.Gates) {
		reasons = append(reasons, verdict.Gate+": "+verdict.Reason)
	}
	blocked := &Blocked{What: what, State: v.State, Reason: strings.Join(reasons, "; ")}
	if v.State == gate.Unknown {
		blocked.Cause = cause(v.facts, v.Gates)
	}
	if v.State == gate.Pending {
		blocked.Until = opens(v.Gates)
	}
	blocked.Fix = v.fix()
	return blocked
}

// opens is the time before which the gates that are pending cannot all pass; zero
// when it is not known.
func opens(verdicts []gate.Verdict) time.Time {
	var latest time.Time
	for _, verdict := range verdicts {
		if verdict.State == gate.Pending && verdict.Until.After(latest) {
			latest = verdict.Until
		}
	}
	return latest
}
