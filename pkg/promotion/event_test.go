package promotion_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/actions"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/promotion"
)

// What becomes of a comment.
const (
	nothing  = "nothing"
	order    = "order"
	silent   = "refused without an answer"
	answered = "refused with an answer"
	misuse   = "usage"
	broken   = "an error"
)

// payload is the part of an issue_comment event that matters, as GitHub sends it.
func payload(id, number int, body string) map[string]any {
	user := map[string]any{"login": "octocat", "type": "User"}
	return map[string]any{
		"action":     "created",
		"issue":      map[string]any{"number": number, "pull_request": map[string]any{"url": "https://api.github.com/repos/acme/config/pulls/1"}},
		"comment":    map[string]any{"id": id, "body": body, "author_association": "OWNER", "user": user},
		"sender":     user,
		"repository": map[string]any{"full_name": "acme/config"},
	}
}

// person makes somebody the author and sender of an event.
func person(event map[string]any, login, kind string) {
	user := map[string]any{"login": login, "type": kind}
	event["comment"].(map[string]any)["user"] = user
	event["sender"] = user
}

// An order is exactly one line, by somebody who may write now, about the head that
// is there now. Everything else does nothing or is refused.
func TestOrders(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.server.CreateUser("reader")
	s.repo.SetPermission("reader", githubtest.Read)
	s.server.CreateUser("triager")
	s.repo.SetPermission("triager", githubtest.Triage)
	s.server.CreateUser("maintainer")
	s.repo.SetPermission("maintainer", githubtest.Maintain)
	foreign, err := s.repo.OpenPullRequest(t.Context(), githubtest.NewPullRequest{Title: "By hand", Head: "dev", Base: "staging"})
	must(t, err)
	sha, id := gate.Short(s.sha), 9000
	good := "/pawl merge " + sha
	for _, test := range []struct {
		name, body, want string
		change           func(map[string]any)
	}{
		{"an order", good, order, nil},
		{"with CRLF", good + "\r\nthanks\r\n", order, nil},
		{"with more below", good + "\n\nLooks good.\n> quoted", order, nil},
		{"by a maintainer", good, order, func(e map[string]any) { person(e, "maintainer", "User") }},
		{"in capital letters of the login", good, order, func(e map[string]any) { person(e, "OctoCat", "User") }},
		{"whatever the association says", good, order, func(e map[string]any) { e["comment"].(map[string]any)["author_association"] = "NONE" }},
		{"in capital letters of the repository", good, order, func(e map[string]any) { e["repository"] = map[string]any{"full_name": "Acme/Config"} }},

		{"empty", "", nothing, nil},
		{"prose", "please " + good, nothing, nil},
		{"prose above", "Now:\n" + good, nothing, nil},
		{"an empty line above", "\n" + good, nothing, nil},
		{"a quote", "> " + good, nothing, nil},
		{"a quote without space", ">" + good, nothing, nil},
		{"a block of code", "```\n" + good + "\n```", nothing, nil},
		{"a code span", "`" + good + "`", nothing, nil},
		{"an indented block of code", "    " + good, nothing, nil},
		{"a space before", " " + good, nothing, nil},
		{"a tab before", "\t" + good, nothing, nil},
		{"a list", "- " + good, nothing, nil},
		{"an HTML comment", "<!-- " + good + " -->", nothing, nil},
		{"a byte order mark before", "\ufeff" + good, nothing, nil},
		{"a zero-width space before", "\u200b" + good, nothing, nil},
		{"another program", "/pawlx merge " + sha, nothing, nil},
		{"capital letters", "/PAWL merge " + sha, nothing, nil},
		{"for the other command", "/pawl promote " + sha, nothing, nil},
		{"edited", good, nothing, func(e map[string]any) { e["action"] = "edited" }},
		{"deleted", good, nothing, func(e map[string]any) { e["action"] = "deleted" }},
		{"without an action", good, nothing, func(e map[string]any) { delete(e, "action") }},
		{"on an issue", good, nothing, func(e map[string]any) { e["issue"] = map[string]any{"number": 1} }},
		{"on an issue, said with null", good, nothing, func(e map[string]any) { e["issue"] = map[string]any{"number": 1, "pull_request": nil} }},
		{"no comment", good, nothing, func(e map[string]any) { delete(e, "comment") }},
		{"no issue", good, nothing, func(e map[string]any) { delete(e, "issue") }},

		{"by a reader", good, silent, func(e map[string]any) { person(e, "reader", "User") }},
		{"by a triager, who may label", good, silent, func(e map[string]any) { person(e, "triager", "User") }},
		{"by a stranger", good, silent, func(e map[string]any) { person(e, "mallory", "User") }},
		{"by a bot", good, silent, func(e map[string]any) { person(e, "renovate[bot]", "Bot") }},
		{"by a bot that says it is a user", good, silent, func(e map[string]any) { person(e, "renovate[bot]", "User") }},
		{"by nobody", good, silent, func(e map[string]any) { person(e, "", "User") }},
		{"by a login that is a path", good, broken, func(e map[string]any) { person(e, "../../octocat", "User") }},
		{"sent by somebody else", good, silent, func(e map[string]any) { e["sender"] = map[string]any{"login": "reader", "type": "User"} }},
		{"sent by an app", good, silent, func(e map[string]any) { e["sender"] = map[string]any{"login": "app[bot]", "type": "Bot"} }},

		{"no commit", "/pawl merge", answered, nil},
		{"nothing at all", "/pawl", answered, nil},
		{"another verb", "/pawl rollback " + sha, answered, nil},
		{"a short commit", "/pawl merge " + sha[:7], answered, nil},
		{"a long commit", "/pawl merge " + s.sha, answered, nil},
		{"a commit in capital letters", "/pawl merge " + strings.ToUpper(sha[:11]) + "A", answered, nil},
		{"two spaces", "/pawl  merge " + sha, answered, nil},
		{"a word behind", good + " now", answered, nil},
		{"a space behind", good + " ", answered, nil},
		{"a carriage return within", good + "\rx", answered, nil},
		{"a workflow command", "/pawl ::set-output name=x::y", answered, nil},
		{"another commit", "/pawl merge " + gate.Short(s.before), answered, nil},
		{"on a pull request that is no promotion", good, answered, func(e map[string]any) { e["issue"].(map[string]any)["number"] = foreign.Number }},

		{"in another repository", good, misuse, func(e map[string]any) { e["repository"] = map[string]any{"full_name": "acme/other"} }},
		{"in no repository", good, misuse, func(e map[string]any) { delete(e, "repository") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			id++
			event := payload(id, s.number, test.body)
			if test.change != nil {
				test.change(event)
			}
			s.checkOrder(t, event, test.want)
		})
	}
}

func (s *stage) checkOrder(t *testing.T, event map[string]any, want string) {
	t.Helper()
	data, err := json.Marshal(event)
	must(t, err)
	name := filepath.Join(t.TempDir(), "event.json")
	must(t, os.WriteFile(name, data, 0o600))
	runner := actions.FromEnv(func(variable string) string { return map[string]string{"GITHUB_EVENT_PATH": name}[variable] }, nil, nil)
	comment, ok, err := runner.Comment()
	must(t, err)
	if !ok {
		if want != nothing {
			t.Errorf("got no comment, want %s", want)
		}
		return
	}
	got, err := s.source.ReadOrder(t.Context(), "merge", promotion.Comment(comment))
	if outcome := s.outcome(t, got, err); outcome != want {
		t.Errorf("got %s (%v), want %s", outcome, err, want)
	}
	if want == order && (got.Commit != s.sha || got.Number != s.number || got.Environment != "staging") {
		t.Errorf("the order is for %+v", got)
	}
}

// outcome says what became of a comment, by what a reader of the pull request sees.
func (s *stage) outcome(t *testing.T, got promotion.Order, err error) string {
	t.Helper()
	var blocked *promotion.Blocked
	var usage *promotion.UsageError
	switch {
	case err == nil && got.Nothing != "":
		return nothing
	case err == nil:
		return order
	case errors.As(err, &usage):
		return misuse
	case !errors.As(err, &blocked) || blocked.State != gate.Fail:
		return broken
	}
	before := s.comments(t, got.Number)
	for range 2 { // the second time nothing is added
		must(t, s.source.Answer(t.Context(), got, "merge", err))
	}
	switch len(s.comments(t, got.Number)) - len(before) {
	case 0:
		return silent
	case 1:
		return answered
	}
	return "answered twice"
}

func (s *stage) comments(t *testing.T, number int) []githubtest.Comment {
	t.Helper()
	pr, err := s.repo.PullRequest(t.Context(), number)
	must(t, err)
	return pr.Comments
}

// Whether somebody may write could not be found out: the order is not followed.
func TestOrderOfUnknownRoleIsNotFollowed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.server.Fail(githubtest.Fault{Kind: githubtest.ServerError, Path: "/permission", Times: -1})
	comment := promotion.Comment{Repository: "acme/config", Number: s.number, OnPullRequest: true, Created: true, ID: 1,
		Author: "octocat", Sender: "octocat", Body: "/pawl merge " + gate.Short(s.sha)}
	_, err := s.source.ReadOrder(t.Context(), "merge", comment)
	if !errors.Is(err, forge.ErrTransient) {
		t.Errorf("got %v", err)
	}
}

// What landed is the commit that the order named, although the pull request got
// another head after the order was read.
func TestOrderIsForOneCommit(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	pr, err := s.repo.PullRequest(t.Context(), s.number)
	must(t, err)
	s.commit(t, pr.Head, "6.6.6")
	_, err = promotion.Merge(t.Context(), s.source, promotion.MergeOptions{Number: s.number, Commit: s.sha})
	var blocked *promotion.Blocked
	if !errors.As(err, &blocked) || !strings.Contains(blocked.Reason, "the head moved from") {
		t.Errorf("got %v", err)
	}
}
