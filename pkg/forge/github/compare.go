package github

import (
	"context"
	"fmt"

	gh "github.com/google/go-github/v60/github"

	"github.com/getpawl/pawl/pkg/forge"
)

// Compare relates two commits or branches. A head that is a name is resolved
// first and compared as a SHA, so that it cannot move on the way; a base that is
// a name costs nothing, GitHub says which commit it was.
func (c *Client) Compare(ctx context.Context, base, head string, limit int) (forge.Comparison, error) {
	op := operation{doing: fmt.Sprintf("comparing %s with %s", head, base), needs: "contents: read"}
	ctx = c.begin(ctx)
	comparison, err := c.compare(ctx, base, head, limit)
	return comparison, c.explain(ctx, op, err)
}

func (c *Client) compare(ctx context.Context, base, head string, limit int) (forge.Comparison, error) {
	if !isSHA(base) {
		if err := checkBranch(base); err != nil {
			return forge.Comparison{}, err
		}
	}
	if !isSHA(head) {
		sha, err := c.head(ctx, head)
		if err != nil {
			return forge.Comparison{}, err
		}
		head = sha
	}
	size := perPage
	if limit <= 0 {
		size = 1
	}
	first, err := c.comparePage(ctx, base, head, 1, size)
	if err != nil {
		return forge.Comparison{}, err
	}
	comparison, err := readComparison(first, base, head)
	if err != nil {
		return forge.Comparison{}, err
	}
	c.known.addCommit(comparison.Base)
	c.known.addCommit(comparison.Head)
	if limit > 0 {
		comparison.Commits, err = c.compareCommits(ctx, comparison, first, limit)
	}
	return comparison, err
}

func (c *Client) comparePage(ctx context.Context, base, head string, page, size int) (*gh.CommitsComparison, error) {
	answer, _, err := c.api.Repositories.CompareCommits(ctx, c.owner, c.name, base, head, &gh.ListOptions{Page: page, PerPage: size})
	return answer, err
}

// compareCommits returns the newest commits. The pages are chronological, so the
// newest are on the last ones; those in between are not fetched.
func (c *Client) compareCommits(ctx context.Context, comparison forge.Comparison, first *gh.CommitsComparison, limit int) ([]forge.Commit, error) {
	total := comparison.AheadBy
	want := min(limit, total)
	var commits []forge.Commit
	for page := (total-want)/perPage + 1; (page-1)*perPage < total; page++ {
		answer := first
		if page > 1 {
			next, err := c.comparePage(ctx, comparison.Base, comparison.Head, page, perPage)
			if err != nil {
				return nil, err
			}
			answer = next
		}
		for _, commit := range answer.Commits {
			value, err := readCommit(commit)
			if err != nil {
				return nil, err
			}
			commits = append(commits, value)
		}
	}
	if len(commits) < want {
		return nil, unreadable("GitHub lists %d commits where there are %d", len(commits), want)
	}
	return commits[len(commits)-want:], nil
}

func readComparison(answer *gh.CommitsComparison, base, head string) (forge.Comparison, error) {
	comparison := forge.Comparison{
		Relation: forge.Relation(answer.GetStatus()),
		Base:     answer.GetBaseCommit().GetSHA(),
		Head:     head,
		AheadBy:  answer.GetAheadBy(),
		BehindBy: answer.GetBehindBy(),
		WebURL:   answer.GetHTMLURL(),
	}
	ancestor := answer.GetMergeBaseCommit().GetSHA()
	return comparison, require("comparison",
		field{"ahead_by", answer.AheadBy != nil && comparison.AheadBy >= 0},
		field{"behind_by", answer.BehindBy != nil && comparison.BehindBy >= 0},
		field{"total_commits", answer.TotalCommits != nil && answer.GetTotalCommits() == comparison.AheadBy},
		field{"base_commit.sha", isSHA(comparison.Base) && (!isSHA(base) || comparison.Base == base)},
		field{"merge_base_commit.sha", isSHA(ancestor)},
		field{"status", consistent(comparison, ancestor)},
	)
}

// consistent checks the relation, on which a promotion depends, against the
// numbers and the merge base in the same answer.
func consistent(comparison forge.Comparison, ancestor string) bool {
	ahead, behind := comparison.AheadBy > 0, comparison.BehindBy > 0
	switch comparison.Relation {
	case forge.Identical:
		return !ahead && !behind && comparison.Base == comparison.Head
	case forge.Ahead:
		return ahead && !behind && ancestor == comparison.Base
	case forge.Behind:
		return !ahead && behind && ancestor == comparison.Head
	case forge.Diverged:
		return ahead && behind
	}
	return false
}

func readCommit(answer *gh.RepositoryCommit) (forge.Commit, error) {
	commit := forge.Commit{
		SHA:     answer.GetSHA(),
		Author:  answer.GetAuthor().GetLogin(),
		Message: answer.GetCommit().GetMessage(),
		Time:    answer.GetCommit().GetCommitter().GetDate().Time,

		AuthorLogin: answer.GetAuthor().GetLogin(), CommitterLogin: answer.GetCommitter().GetLogin(),
	}
	if commit.Author == "" {
		commit.Author = answer.GetCommit().GetAuthor().GetName()
	}
	for _, parent := range answerParents(answer) {
		commit.Parents = append(commit.Parents, parent.GetSHA())
		if !isSHA(parent.GetSHA()) {
			return forge.Commit{}, require("commit "+commit.SHA, field{"parents.sha", false})
		}
	}
	return commit, require("commit",
		field{"sha", isSHA(commit.SHA)},
		field{"commit", answer.GetCommit() != nil},
		field{"commit.committer.date", !commit.Time.IsZero()},
	)
}

func answerParents(answer *gh.RepositoryCommit) []*gh.Commit {
	if answer == nil {
		return nil
	}
	return answer.Parents
}
