package gate

import (
	"fmt"
	"slices"
	"strings"
	"time"

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
	if facts.Reviews.Err != nil {
		return unknown(name, facts.Reviews.Err)
	}
	var approved, against, ignored []string
	for _, review := range Latest(facts.Reviews.Value) {
		role, read := facts.Permissions[review.Author]
		if !read {
			role.Err = fmt.Errorf("the permission of %q was not looked up", review.Author)
		}
		if role.Err != nil {
			return unknown(name, role.Err)
		}
		switch reason := discount(review, facts, role.Value); {
		case reason != "":
			ignored = append(ignored, fmt.Sprintf("%s does not count: %s", review.Author, reason))
		case review.State == forge.ChangesRequested:
			against = append(against, review.Author)
		default:
			approved = append(approved, fmt.Sprintf("%s approved at %s, review %d",
				review.Author, review.Time.UTC().Format(time.RFC3339), review.ID))
		}
	}
	verdict := Verdict{Gate: name, State: Pass, Reason: tally(len(approved), want), Evidence: append(approved, ignored...)}
	switch {
	case len(against) > 0:
		verdict.State = Fail
		verdict.Reason = "changes requested by " + strings.Join(against, ", ")
	case len(approved) < want:
		verdict.State = Pending
	}
	return verdict
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
func discount(review forge.Review, facts Facts, role forge.Permission) string {
	switch {
	case !role.CanWrite():
		return "no write access"
	case review.State == forge.ChangesRequested:
		return ""
	case review.Bot:
		return "not a person"
	case review.Author == facts.PullRequest.Author:
		return "opened the pull request"
	case review.SHA != facts.Commit:
		return "approved " + Short(review.SHA) + ", not this commit"
	}
	return ""
}

func tally(have, want int) string {
	if want == 1 {
		return fmt.Sprintf("%d of 1 approval", have)
	}
	return fmt.Sprintf("%d of %d approvals", have, want)
}
