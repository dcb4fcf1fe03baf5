package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/forge"
)

// approvals asks whether enough people approved this very commit. Of each
// person the newest review that takes a side counts: an approval of this commit,
// by somebody who may write to the repository now and did not open the pull
// request. Somebody who may write and asks for changes blocks the promotion.
func approvals(facts Facts) Verdict {
	const name = "approvals"
	want := facts.To.Gates.Approvals
	if facts.PullRequest == nil {
		return Verdict{Gate: name, State: Pending, Reason: tally(0, want)}
	}
	ballot, err := count(facts)
	if err != nil {
		return unknown(name, err)
	}
	verdict := Verdict{Gate: name, State: Pass, Reason: tally(len(ballot.approvers), want), Evidence: ballot.evidence}
	switch {
	case len(ballot.against) > 0:
		verdict.State = Fail
		verdict.Reason = "changes requested by " + strings.Join(ballot.against, ", ")
		return verdict
	case len(ballot.approvers) < want:
		verdict.State = Pending
	}
	if !facts.To.Gates.CodeOwners {
		return verdict
	}
	state, reason := ownersApprove(facts, ballot.approvers)
	if severity(state) > severity(verdict.State) {
		verdict.State = state
	}
	verdict.Reason += "; " + reason
	return verdict
}

// ballot is what the reviews amount to.
type ballot struct {
	approvers, against []string // logins
	evidence           []string
}

func count(facts Facts) (ballot, error) {
	reviews, err := facts.Reviews.Get()
	if err != nil {
		return ballot{}, err
	}
	writers, err := duties(facts)
	if err != nil {
		return ballot{}, err
	}
	var counted ballot
	var ignored []string
	for _, review := range Latest(reviews) {
		role, err := facts.Permissions[review.Author].Get()
		if err != nil {
			return ballot{}, fmt.Errorf("the permission of %q: %w", review.Author, err)
		}
		switch reason := discount(review, facts, role, writers); {
		case reason != "":
			ignored = append(ignored, fmt.Sprintf("%s does not count: %s", review.Author, reason))
		case review.State == forge.ChangesRequested:
			counted.against = append(counted.against, review.Author)
		default:
			counted.approvers = append(counted.approvers, review.Author)
			counted.evidence = append(counted.evidence, fmt.Sprintf("%s approved at %s, review %d",
				review.Author, stamp(review.Time), review.ID))
		}
	}
	counted.evidence = append(counted.evidence, ignored...)
	return counted, nil
}

// duties lists who wrote or committed what is promoted, when they must not approve
// it. A commit without an account could be anybody's.
func duties(facts Facts) ([]string, error) {
	if !facts.To.Gates.SeparateDuties {
		return nil, nil
	}
	contributors, err := facts.Contributors.Get()
	if err != nil {
		return nil, fmt.Errorf("who wrote the commits: %w", err)
	}
	var logins []string
	for _, c := range contributors {
		if c.Author == "" || c.Committer == "" {
			return nil, fmt.Errorf("who wrote commit %s: the service knows no account for it", Short(c.SHA))
		}
		logins = append(logins, c.Author, c.Committer)
	}
	return logins, nil
}

// Latest returns the newest review of each person that takes a side. A dismissed
// review takes none, and hides those before it.
func Latest(reviews []forge.Review) []forge.Review {
	newest := map[string]forge.Review{}
	for _, review := range reviews {
		switch review.State {
		case forge.Approved, forge.ChangesRequested, forge.Dismissed:
		default:
			continue
		}
		if before, ok := newest[review.Author]; !ok || later(review, before) {
			newest[review.Author] = review
		}
	}
	var latest []forge.Review
	for _, review := range newest {
		if review.State != forge.Dismissed {
			latest = append(latest, review)
		}
	}
	slices.SortFunc(latest, func(a, b forge.Review) int { return strings.Compare(a.Author, b.Author) })
	return latest
}

func later(a, b forge.Review) bool {
	if a.Time.Equal(b.Time) {
		return a.ID > b.ID
	}
	return a.Time.After(b.Time)
}

// discount says why a review does not count, or nothing when it does. A request
// for changes stays in force when the head moves; an approval does not.
func discount(review forge.Review, facts Facts, role forge.Permission, writers []string) string {
	switch {
	case !role.CanWrite():
		return "no write access"
	case review.State == forge.ChangesRequested:
		return ""
	case review.Bot && !hasLogin(facts.To.Gates.BotApprovers, review.Author):
		return "not a person"
	case strings.EqualFold(review.Author, facts.PullRequest.Author):
		return "opened the pull request"
	case review.SHA != facts.Commit:
		return "approved " + Short(review.SHA) + ", not this commit"
	case hasLogin(writers, review.Author):
		return "wrote or committed a part of it"
	}
	return ""
}

// hasLogin compares as GitHub does, where the case of a login does not matter.
func hasLogin(logins []string, login string) bool {
	return slices.ContainsFunc(logins, func(other string) bool { return strings.EqualFold(other, login) })
}

func tally(have, want int) string {
	switch {
	case want == 0 && have == 1:
		return "1 approval"
	case want == 0:
		return fmt.Sprintf("%d approvals", have)
	case want == 1:
		return fmt.Sprintf("%d of 1 approval", have)
	}
	return fmt.Sprintf("%d of %d approvals", have, want)
}
