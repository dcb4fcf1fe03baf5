package promotion_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/promotion"
)

// newWait is a stage whose promotion waits for its check. What is to happen in a
// pause, counted from 1, is done by during.
func newWait(t *testing.T, during func(s *stage, pause int)) (*stage, *[]time.Duration) {
	t.Helper()
	s := newStage(t)
	must(t, s.repo.SetStatus(t.Context(), s.sha, "ci/test", "pending"))
	var pauses []time.Duration
	s.source.Sleep = func(ctx context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		s.server.Advance(d)
		during(s, len(pauses))
		return ctx.Err()
	}
	return s, &pauses
}

func (s *stage) mergeWaiting(ctx context.Context, wait time.Duration) (*promotion.MergePlan, error) {
	return promotion.Merge(ctx, s.source, promotion.MergeOptions{Environment: "staging", Wait: wait})
}

// What happens while a merge waits: it goes on, or stops at once and says why.
func TestWaiting(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*stage, *testing.T)
		want   string // in the error; empty: the commit lands
	}{
		{"the check succeeds", func(s *stage, t *testing.T) { must(t, s.repo.SetStatus(t.Context(), s.sha, "ci/test", "success")) }, ""},
		{"the check fails", func(s *stage, t *testing.T) { must(t, s.repo.SetStatus(t.Context(), s.sha, "ci/test", "failure")) },
			`checks: "ci/test" is failure`},
		{"changes are requested", func(s *stage, t *testing.T) { must(t, s.repo.RequestChanges(t.Context(), s.number, "octocat")) },
			"approvals: changes requested by octocat"},
		{"it is closed", func(s *stage, t *testing.T) { must(t, s.repo.ClosePullRequest(t.Context(), s.number)) },
			"edge: pull request #1 is closed"},
		{"it is superseded", func(s *stage, t *testing.T) {
			s.commit(t, "dev", "1.0.2")
			plan, err := promotion.PlanPromote(t.Context(), s.source, promotion.PromoteOptions{Environment: "staging"})
			must(t, err)
			must(t, plan.Apply(t.Context()))
		}, "edge: pull request #1 is closed; #2 promotes"},
		{"its head moves", func(s *stage, t *testing.T) {
			pr, err := s.repo.PullRequest(t.Context(), s.number)
			must(t, err)
			s.commit(t, pr.Head, "6.6.6")
		}, "edge: the head moved from"},
		{"somebody presses the button", func(s *stage, t *testing.T) {
			_, err := s.repo.PressMerge(t.Context(), s.number, githubtest.SquashButton)
			must(t, err)
		}, "merged with the merge button (squash): staging now holds"},
		{"staging gets another commit", func(s *stage, t *testing.T) { s.commit(t, "staging", "9.9.9") }, "fast-forward: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, pauses := newWait(t, func(s *stage, pause int) {
				if pause == 3 {
					test.change(s, t)
				}
			})
			_, err := s.mergeWaiting(t.Context(), time.Hour)
			landed := s.repo.Head("staging") == s.sha
			if test.want == "" {
				if err != nil || !landed {
					t.Errorf("landed %v: %v", landed, err)
				}
				return
			}
			var blocked *promotion.Blocked
			if landed || !errors.As(err, &blocked) || blocked.State != gate.Fail || !strings.Contains(err.Error(), test.want) {
				t.Errorf("landed %v: %v", landed, err)
			}
			if len(*pauses) != 3 {
				t.Errorf("it went on for %d pauses", len(*pauses))
			}
		})
	}
}

// A wait asks seldom, more seldom as it goes on, and no longer than it was told to.
func TestWaitIsPoliteAndBounded(t *testing.T) {
	t.Parallel()
	s, pauses := newWait(t, func(*stage, int) {})
	s.source.Random = func() float64 { return 0.999 }
	mutations := len(s.server.Log())
	_, err := s.mergeWaiting(t.Context(), 30*time.Minute)
	var blocked *promotion.Blocked
	if !errors.As(err, &blocked) || blocked.State != gate.Pending {
		t.Errorf("got %v", err)
	}
	sum := time.Duration(0)
	for _, pause := range *pauses {
		sum += pause
	}
	last := (*pauses)[len(*pauses)-1]
	if sum != 30*time.Minute || len(*pauses) > 40 || (*pauses)[0] < 9*time.Second || slices.Max(*pauses) > 66*time.Second || last <= 0 {
		t.Errorf("%d pauses, %s in all: %v", len(*pauses), sum, *pauses)
	}
	if len(s.server.Log()) != mutations {
		t.Error("a wait that ended without a merge changed something")
	}
}

// An interruption ends the wait. Nothing was written, and the error says that it
// was interrupted, not that it waits.
func TestInterruptedWait(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s, _ := newWait(t, func(_ *stage, pause int) {
		if pause == 2 {
			cancel()
		}
	})
	updates := len(s.server.Log())
	_, err := s.mergeWaiting(ctx, time.Hour)
	var blocked *promotion.Blocked
	if !errors.Is(err, context.Canceled) || errors.As(err, &blocked) {
		t.Errorf("got %v", err)
	}
	if len(s.server.Log()) != updates || s.repo.Head("staging") != s.before {
		t.Error("an interrupted wait changed something")
	}
}

// While it waits for a promotion, it tells why and when it looks next.
func TestWaitTellsWhy(t *testing.T) {
	t.Parallel()
	s, _ := newWait(t, func(s *stage, pause int) {
		if pause == 2 {
			must(t, s.repo.SetStatus(t.Context(), s.sha, "ci/test", "success"))
		}
	})
	var told []string
	s.source.Waiting = func(why error, next time.Duration) { told = append(told, why.Error()+" "+next.String()) }
	_, err := s.mergeWaiting(t.Context(), time.Hour)
	must(t, err)
	want := []string{`merging #1 into staging: checks: "ci/test" is pending 10s`, `merging #1 into staging: checks: "ci/test" is pending 15s`}
	if !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
}

// A gate that says when it opens is asked then, and one that opens later than the
// wait lasts is not waited for.
func TestWaitKnowsWhenAGateOpens(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 2, 28, 23, 59, 45, 0, time.UTC) // a quarter of a minute before the freeze ends
	for wait, want := range map[time.Duration]int{10 * time.Second: 0, time.Hour: 2} {
		s := newStageOn(t, githubtest.Options{Start: start})
		var pauses []time.Duration
		s.source.Sleep = func(_ context.Context, d time.Duration) error {
			pauses = append(pauses, d)
			s.server.Advance(d)
			return nil
		}
		_, err := s.mergeWaiting(t.Context(), wait)
		if landed := s.repo.Head("staging") == s.sha; landed != (want > 0) || landed != (err == nil) {
			t.Errorf("%s: landed %v: %v", wait, landed, err)
		}
		if len(pauses) < want || want == 0 && len(pauses) > 0 {
			t.Errorf("%s: paused for %v", wait, pauses)
		}
	}
}
