package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/git"
)

// judgeRecord says where the service's record of moves leaves something open.
func (a *auditor) judgeRecord(b *branch) {
	if b.history != nil {
		a.missing(b, Commits, nil, b.history, "the history of %s could not be read", b.env.Branch)
	}
	if b.record != nil {
		a.missing(b, Record, nil, b.record, "the moves of %s are not known", b.env.Branch)
		return
	}
	for i := range b.judged {
		newer := &b.moves[i]
		if i+1 < len(b.moves) && newer.Before != b.moves[i+1].After {
			a.missing(b, Record, newer, nil, "between %s and %s, moves are missing from the record of %s",
				short(b.moves[i+1].After), short(newer.Before), b.env.Branch)
		}
	}
	if b.judged > 0 && b.judged == len(b.moves) && !b.whole && !b.cut {
		oldest := &b.moves[b.judged-1]
		a.missing(b, Record, oldest, nil, "the record of %s begins at %s, when the branch was there already; --since says from when on it is to be proved",
			b.env.Branch, stamp(oldest.Time))
	}
}

// judgeMove judges how a branch moved, and what landed by it.
func (a *auditor) judgeMove(ctx context.Context, b *branch, i int) {
	m := &b.moves[i]
	switch {
	case m.After == zeros:
		if i == 0 {
			a.add(b, Violation, Deleted, m, Finding{Reason: fmt.Sprintf("the branch %s was deleted", b.env.Branch)})
		}
		return
	case m.Before == zeros:
		if i+1 < len(b.moves) {
			gone := b.moves[i+1]
			a.add(b, Violation, Recreated, m, Finding{Before: gone.Before,
				Reason: fmt.Sprintf("the branch %s was deleted at %s by %s, when it was at %s, and created again", b.env.Branch, stamp(gone.Time), gone.Actor, short(gone.Before))})
		}
		return
	}
	forward, err := a.forward(ctx, b, m)
	switch {
	case err != nil:
		a.missing(b, Commits, m, err, "whether %s went forward from %s to %s could not be found out", b.env.Branch, short(m.Before), short(m.After))
	case !forward:
		a.add(b, Violation, NotFastForward, m, Finding{Reason: fmt.Sprintf("%s does not descend from %s, where %s was", short(m.After), short(m.Before), b.env.Branch)})
		return
	}
	if b.before == nil {
		return // what is released enters the first environment in any way
	}
	origin := b.origin(m)
	if kind := a.exception(ctx, b, m); kind != "" && origin != nil {
		a.add(b, Recorded, kind, m, Finding{Number: b.pullOf(m).Number, Reason: "a trailer says so" + b.way(m)})
		return
	}
	a.judgeWay(b, m)
	if origin != nil && !b.byButton(m) { // of what a button made, judgeWay tells enough
		a.add(b, origin.State, Unearned, m, *origin)
	}
}

// forward says whether a move was a fast-forward. The first parents answer for nearly
// all; the server is asked about the others.
func (a *auditor) forward(ctx context.Context, b *branch, m *forge.Move) (bool, error) {
	if m.Kind == forcePush {
		return false, nil
	}
	before, from := b.place[m.Before]
	after, to := b.place[m.After]
	if from && to {
		return before >= after, nil
	}
	if a.descends == 0 {
		return false, fmt.Errorf("that takes more than %d questions about the history", maxDescends)
	}
	a.descends--
	forward, err := a.source.Git.Descends(ctx, m.Before, m.After)
	if errors.Is(err, git.ErrNotFound) && to {
		// What the branch has in its history is on the server: this is not.
		return false, nil
	}
	return forward, err
}

// judgeWay asks whether a pull request brought the commit, as it was proposed.
func (a *auditor) judgeWay(b *branch, m *forge.Move) {
	if b.unpulled != nil {
		a.missing(b, PullRequests, m, b.unpulled, "which pull request brought %s is not known", short(m.After))
		return
	}
	pr := b.pullOf(m)
	name := headBranch(b, m.After)
	finding := Finding{Number: pr.Number}
	switch {
	case pr.Number == 0 && !b.allPulls:
		a.missing(b, PullRequests, m, nil, "none of the newest %d pull requests into %s brought %s", len(b.pulls), b.env.Branch, short(m.After))
	case pr.Number == 0:
		finding.Reason = fmt.Sprintf("no pull request into %s brought this commit", b.env.Branch)
		a.add(b, Violation, DirectPush, m, finding)
	case pr.HeadSHA == m.After && pr.State == forge.Merged && promotes(b, pr) && pr.Head != name:
		finding.Reason = fmt.Sprintf("#%d was opened for another commit, by its branch %s", pr.Number, pr.Head)
		a.add(b, Violation, HeadChanged, m, finding)
	case pr.HeadSHA == m.After && pr.State == forge.Merged: // as it should be
	case pr.HeadSHA == m.After:
		a.missing(b, PullRequests, m, nil, "#%d proposed this commit, and is %s, not merged", pr.Number, pr.State)
	case pr.MergeSHA == m.After && b.isMerge(m.After):
		finding.Reason = fmt.Sprintf("the merge button of #%d made another commit than %s, which was proposed", pr.Number, short(pr.HeadSHA))
		a.add(b, Violation, MergeButton, m, finding)
	case pr.MergeSHA == m.After:
		finding.Reason = fmt.Sprintf("the squash or the rebase button of #%d made another commit than %s, which was proposed", pr.Number, short(pr.HeadSHA))
		a.add(b, Violation, SquashButton, m, finding)
	default:
		finding.Reason = fmt.Sprintf("#%d proposed %s in the end, and not this commit, for which it was opened", pr.Number, short(pr.HeadSHA))
		a.add(b, Violation, HeadChanged, m, finding)
	}
}

// pullOf finds the pull request that goes best with a move: one that was merged with
// exactly that commit, one whose button made it, one that proposed it and was not
// merged, and one whose branch is named after it.
func (b *branch) pullOf(m *forge.Move) forge.PullRequest {
	name := headBranch(b, m.After)
	fits := []func(pr forge.PullRequest) bool{
		func(pr forge.PullRequest) bool {
			return pr.State == forge.Merged && pr.HeadSHA == m.After && pr.Head == name
		},
		func(pr forge.PullRequest) bool { return pr.State == forge.Merged && pr.HeadSHA == m.After },
		func(pr forge.PullRequest) bool { return pr.State == forge.Merged && pr.MergeSHA == m.After },
		func(pr forge.PullRequest) bool { return pr.HeadSHA == m.After },
		func(pr forge.PullRequest) bool { return pr.State == forge.Merged && pr.Head == name },
	}
	for _, fit := range fits {
		if i := slices.IndexFunc(b.pulls, fit); i >= 0 {
			return b.pulls[i]
		}
	}
	return forge.PullRequest{}
}

// byButton says whether a merge button made the commit that landed.
func (b *branch) byButton(m *forge.Move) bool {
	pr := b.pullOf(m)
	return pr.HeadSHA != m.After && pr.MergeSHA == m.After
}

// origin says what speaks against the commit's having been head of the environment
// before, at that time or earlier; nil when it was.
func (b *branch) origin(m *forge.Move) *Finding {
	from := b.before
	var later time.Time
	for _, move := range from.moves {
		if move.After != m.After {
			continue
		}
		if !move.Time.After(m.Time) {
			return nil
		}
		later = move.Time
	}
	unknown := fmt.Sprintf("whether this commit was head of %s is not known: ", from.env.Branch)
	switch {
	case from.record != nil:
		return &Finding{State: Unknown, Reason: unknown + from.record.Error(), cause: from.record}
	case !from.whole:
		return &Finding{State: Unknown, Reason: unknown + "its record does not go back to its beginning"}
	case !later.IsZero():
		return &Finding{State: Violation, Reason: fmt.Sprintf("became head of %s only at %s", from.env.Branch, stamp(later))}
	}
	return &Finding{State: Violation, Reason: fmt.Sprintf("was never head of %s", from.env.Branch)}
}

// exception is what the commit that landed says it is; what a merge button made is what
// the commit says that it took in. But a promotion is to land as it is, whatever it
// promotes: if a button was pressed on it, no trailer in it is about that.
func (a *auditor) exception(ctx context.Context, b *branch, m *forge.Move) Kind {
	if b.byButton(m) && a.promotion(b.pullOf(m)) {
		return ""
	}
	commit, _ := b.commit(m.After)
	messages := []string{commit.Message}
	if b.byButton(m) {
		// It came with the history. A commit that is not to be had excuses nothing.
		taken, _ := a.source.Git.History(ctx, b.pullOf(m).HeadSHA, 1)
		for _, commit := range taken {
			messages = append(messages, commit.Message)
		}
	}
	for _, message := range messages {
		for _, trailer := range git.Trailers(message) {
			if kind, known := exceptions()[trailer.Key]; known {
				return kind
			}
		}
	}
	return ""
}

// way is how an exception came, where that is worth a word.
func (b *branch) way(m *forge.Move) string {
	if b.unpulled == nil && b.allPulls && b.pullOf(m).State != forge.Merged {
		return "; it came without a pull request"
	}
	return ""
}

// isMerge says whether a commit has two parents.
func (b *branch) isMerge(sha string) bool {
	commit, _ := b.commit(sha)
	return len(commit.Parents) > 1
}

// headBranch is the branch that a promotion of a commit is proposed from.
func headBranch(b *branch, sha string) string { return "pawl/" + b.env.Name + "/" + short(sha) }

// promotes says whether a pull request is a promotion into the environment, by the
// name of its branch.
func promotes(b *branch, pr forge.PullRequest) bool {
	prefix := "pawl/" + b.env.Name + "/"
	return len(pr.Head) == len(prefix)+shortLength && pr.Head[:len(prefix)] == prefix
}

// promotion says whether a pull request was opened as a promotion into any environment:
// somebody can have pointed it elsewhere since.
func (a *auditor) promotion(pr forge.PullRequest) bool {
	return slices.ContainsFunc(a.branches, func(b *branch) bool { return promotes(b, pr) })
}

// shortLength is how many digits of a commit are shown, as in the names of branches.
const shortLength = 12

func short(sha string) string { return sha[:min(shortLength, len(sha))] }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
