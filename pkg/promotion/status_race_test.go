package promotion_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/output"
	"github.com/getpawl/pawl/pkg/promotion"
)

// between are the things that others do while a status is read.
func between() []interference {
	return append(interferences(),
		interference{name: "the promotion lands", do: func(s *stage, t *testing.T) {
			if s.repo.Head("staging") == s.before {
				must(t, s.repo.Push(t.Context(), "staging", s.sha))
			}
		}},
		interference{name: "everything moves on", do: func(s *stage, t *testing.T) {
			must(t, s.repo.Push(t.Context(), "staging", s.sha))
			s.commit(t, "dev", "1.0.2")
		}},
		interference{name: "a branch is gone", do: func(s *stage, t *testing.T) { must(t, s.repo.DeleteBranch(t.Context(), "staging")) }},
	)
}

// Whatever others do between any two requests, over the API or over Git, the report
// is the one of before or the one of after. Only a promotion that somebody moved
// meanwhile may be shown as such.
func TestStatusIsOfOneMoment(t *testing.T) {
	t.Parallel()
	for _, each := range between() {
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			before, requests := statusWith(t, 0, each)
			after, _ := statusWith(t, 1, each)
			if requests < 6 {
				t.Fatalf("a status made %d requests only: the hook does not see them", requests)
			}
			for n := 1 + first(each); n <= requests; n += stride() {
				got, _ := statusWith(t, n, each)
				if got != before && got != after && !strings.Contains(got, "it moved while it was read; look again") {
					t.Errorf("before request %d: neither the report of before nor that of after:\n%s\nbefore:\n%s\nafter:\n%s", n, got, before, after)
				}
			}
		})
	}
}

// volatile is what differs between two runs, or tells the time of the last request.
var volatile = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+|"now": "[^"]*"`)

// statusWith reads the status on a fresh stage with the interference just before the
// n-th request, 0: never. It returns the report as JSON, and how many requests it took.
func statusWith(t *testing.T, n int, each interference) (string, int) {
	t.Helper()
	s := newStage(t)
	count := 0
	tick := func() {
		if count++; count == n {
			each.do(s, t)
		}
	}
	s.mu.Lock()
	s.hook = func(*http.Request) { tick() }
	s.mu.Unlock()
	remote, err := git.NewRemote(git.Options{URL: s.repo.CloneURL(), Credential: func(context.Context) (git.Auth, error) {
		tick()
		return git.Auth{Username: "x", Password: s.token}, nil
	}})
	must(t, err)
	s.source.Git = remote
	report, err := promotion.Status(t.Context(), s.source, promotion.StatusOptions{})
	must(t, err)
	var out strings.Builder
	must(t, output.Write(&out, output.JSON, report, output.Style{}))
	return volatile.ReplaceAllString(out.String(), ""), count
}
