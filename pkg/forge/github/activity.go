package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	gh "github.com/google/go-github/v60/github"

	"github.com/getpawl/pawl/pkg/forge"
)

// activity is an entry of GitHub's repository activity. go-github v60 has no type
// for it. Source: REST, "List repository activities".
type activity struct {
	ID        int64         `json:"id"`
	Before    string        `json:"before"`
	After     string        `json:"after"`
	Ref       string        `json:"ref"`
	Timestamp *gh.Timestamp `json:"timestamp"`
	Kind      string        `json:"activity_type"`
	Actor     *gh.User      `json:"actor"`
}

// Activity lists the moves of a branch, or of all branches if none is named, newest
// first, at most limit of them (0: all that GitHub keeps). The actor of a deleted
// account is "ghost".
func (c *Client) Activity(ctx context.Context, branch string, limit int) ([]forge.Move, error) {
	op := operation{doing: fmt.Sprintf("listing the moves of the branch %q", branch), needs: "contents: read"}
	if branch == "" {
		op.doing = "listing the moves of the branches"
	}
	ctx = c.begin(ctx)
	moves, err := c.activity(ctx, branch, limit)
	return moves, c.explain(ctx, op, err)
}

func (c *Client) activity(ctx context.Context, branch string, limit int) ([]forge.Move, error) {
	if branch != "" {
		if err := checkBranch(branch); err != nil {
			return nil, err
		}
	}
	var moves []forge.Move
	cursors := map[string]bool{"": true}
	cursor := ""
	for range maxPages {
		entries, next, err := c.activityPage(ctx, branch, cursor)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			move, err := readMove(entry)
			if err != nil {
				return nil, err
			}
			if branch != "" && move.Branch != branch {
				continue
			}
			moves = append(moves, move)
			if limit > 0 && len(moves) == limit {
				return moves, nil
			}
		}
		if next == "" {
			return moves, nil
		}
		if cursors[next] {
			return nil, unreadable("the list of moves goes round in a circle")
		}
		cursors[next] = true
		cursor = next
	}
	return nil, fmt.Errorf("the branch has more than %d pages of moves, which is more than pawl reads", maxPages)
}

func (c *Client) activityPage(ctx context.Context, branch, cursor string) ([]activity, string, error) {
	query := url.Values{"direction": {"desc"}, "per_page": {strconv.Itoa(perPage)}}
	if branch != "" {
		query.Set("ref", "refs/heads/"+branch)
	}
	if cursor != "" {
		query.Set("after", cursor)
	}
	req, err := c.api.NewRequest(http.MethodGet, c.path("activity")+"?"+query.Encode(), nil)
	if err != nil {
		return nil, "", err
	}
	var entries []activity
	resp, err := c.api.Do(ctx, req, &entries)
	if err != nil {
		return nil, "", err
	}
	return entries, resp.After, nil
}

func readMove(entry activity) (forge.Move, error) {
	move := forge.Move{
		ID:     entry.ID,
		Branch: strings.TrimPrefix(entry.Ref, "refs/heads/"),
		Before: entry.Before,
		After:  entry.After,
		Kind:   entry.Kind,
		Actor:  login(entry.Actor),
	}
	if entry.Timestamp != nil {
		move.Time = entry.Timestamp.Time
	}
	return move, require("move of a branch",
		field{"id", move.ID > 0},
		field{"ref", entry.Ref != ""},
		field{"before", isSHA(move.Before)},
		field{"after", isSHA(move.After)},
		field{"activity_type", move.Kind != ""},
		field{"timestamp", !move.Time.IsZero()},
	)
}
