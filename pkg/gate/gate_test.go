package gate

import (
	"errors"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
)

const (
	sha   = "1111111111111111111111111111111111111111"
	other = "2222222222222222222222222222222222222222"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// named are checks without a pin.
func named(names ...string) []config.Check {
	var checks []config.Check
	for _, name := range names {
		checks = append(checks, config.Check{Name: name})
	}
	return checks
}

// good is a promotion that every gate lets through.
func good() Facts {
	return Facts{
		Now:        noon,
		From:       config.Environment{Name: "dev", Branch: "dev"},
		To:         config.Environment{Name: "staging", Branch: "stg", Gates: config.Gates{Checks: named("ci/test"), Approvals: 1}},
		Commit:     sha,
		Head:       "pawl/staging/111111111111",
		Comparison: Known(forge.Comparison{Relation: forge.Ahead, Base: other, Head: sha, AheadBy: 2}),
		FromHead:   Known(sha),
		Moves:      Known([]forge.Move{{ID: 1, Before: other, After: sha, Kind: "push", Actor: "ci", Time: noon.Add(-time.Hour)}}),
		PullRequest: &forge.PullRequest{Number: 7, State: forge.Open, Author: "bot", Base: "stg",
			Head: "pawl/staging/111111111111", HeadSHA: sha, BaseRepo: "acme/config", HeadRepo: "acme/config"},
		Statuses:    Known([]forge.Status{{Context: "ci/test", State: "success", Time: noon}}),
		CheckRuns:   Known([]forge.CheckRun(nil)),
		Reviews:     Known([]forge.Review{{ID: 1, Author: "ada", State: forge.Approved, SHA: sha, Time: noon}}),
		Permissions: map[string]Fact[forge.Permission]{"ada": Known(forge.PermissionWrite)},
		Images:      Known([]Image{{Name: "api", Now: []string{"1.0"}, Next: []string{"1.1"}}}),
		RolledBack:  Known([]RolledBack(nil)),
		Lowered:     Known([]Lowered(nil)),
		Leaks:       Known([]Leak(nil)),
	}
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	lost := errors.New("502 from the service")
	status := func(state string) func(*Facts) {
		return func(f *Facts) { f.Statuses = Known([]forge.Status{{Context: "ci/test", State: state, Time: noon}}) }
	}
	run := func(status, conclusion string) func(*Facts) {
		return func(f *Facts) {
			f.Statuses = Known([]forge.Status(nil))
			f.CheckRuns = Known([]forge.CheckRun{{Name: "ci/test", App: "ci", Status: status, Conclusion: conclusion}})
		}
	}
	reviews := func(list ...forge.Review) func(*Facts) {
		return func(f *Facts) { f.Reviews = Known(list) }
	}
	pr := func(change func(*forge.PullRequest)) func(*Facts) {
		return func(f *Facts) { change(f.PullRequest) }
	}
	compare := func(relation forge.Relation) func(*Facts) {
		return func(f *Facts) { f.Comparison.Value.Relation = relation }
	}
	left := func(f *Facts) { f.FromHead = Known(other) }

	tests := []struct {
		name   string
		change func(*Facts)
		gate   string // the gate that must say so; empty: all
		want   State
	}{
		{"everything is well", func(*Facts) {}, "", Pass},

		{"edge: before the pull request is opened", func(f *Facts) { f.PullRequest = nil; f.To.Gates.Approvals = 0 }, "edge", Pass},
		{"edge: another base", pr(func(p *forge.PullRequest) { p.Base = "main" }), "edge", Fail},
		{"edge: a head that moves", pr(func(p *forge.PullRequest) { p.Head = "dev" }), "edge", Fail},
		{"edge: the head of another commit", pr(func(p *forge.PullRequest) { p.Head = "pawl/staging/222222222222" }), "edge", Fail},
		{"edge: the head moved", pr(func(p *forge.PullRequest) { p.HeadSHA = other }), "edge", Fail},
		{"edge: a fork", pr(func(p *forge.PullRequest) { p.HeadRepo = "mallory/config" }), "edge", Fail},
		{"edge: a fork that is gone", pr(func(p *forge.PullRequest) { p.HeadRepo = "" }), "edge", Fail},
		{"edge: no repository at all", pr(func(p *forge.PullRequest) { p.HeadRepo, p.BaseRepo = "", "" }), "edge", Fail},
		{"edge: closed", pr(func(p *forge.PullRequest) { p.State = forge.Closed }), "edge", Fail},
		{"edge: merged", pr(func(p *forge.PullRequest) { p.State = forge.Merged }), "edge", Fail},
		{"edge: in no state", pr(func(p *forge.PullRequest) { p.State = "" }), "edge", Fail},
		{"edge: a draft", pr(func(p *forge.PullRequest) { p.Draft = true }), "edge", Pending},

		{"fast-forward: identical", compare(forge.Identical), "fast-forward", Pass},
		{"fast-forward: behind", compare(forge.Behind), "fast-forward", Fail},
		{"fast-forward: diverged", compare(forge.Diverged), "fast-forward", Fail},
		{"fast-forward: no relation", compare(""), "fast-forward", Unknown},
		{"fast-forward: a new word", compare("sideways"), "fast-forward", Unknown},
		{"fast-forward: not compared", func(f *Facts) { f.Comparison.Err = lost }, "fast-forward", Unknown},

		{"earned: was head once", func(f *Facts) {
			left(f)
			f.Moves = Known([]forge.Move{{After: other}, {After: sha, Time: noon}})
		}, "earned", Pass},
		{"earned: only an ancestor", func(f *Facts) { left(f); f.Moves = Known([]forge.Move{{After: other, Before: sha}}) }, "earned", Fail},
		{"earned: no moves", func(f *Facts) { left(f); f.Moves = Known([]forge.Move(nil)) }, "earned", Fail},
		{"earned: moves not read", func(f *Facts) { left(f); f.Moves.Err = lost }, "earned", Unknown},
		{"earned: head not read", func(f *Facts) { f.FromHead.Err = lost }, "earned", Unknown},

		{"checks: failure", status("failure"), "checks", Fail},
		{"checks: error", status("error"), "checks", Fail},
		{"checks: pending", status("pending"), "checks", Pending},
		{"checks: a new word", status("maybe"), "checks", Unknown},
		{"checks: no word", status(""), "checks", Unknown},
		{"checks: nothing reported", func(f *Facts) { f.Statuses.Value = nil }, "checks", Pending},
		{"checks: something else reported", func(f *Facts) { f.Statuses.Value[0].Context = "ci/tests" }, "checks", Pending},
		{"checks: statuses not read", func(f *Facts) { f.Statuses.Err = lost }, "checks", Unknown},
		{"checks: check runs not read", func(f *Facts) { f.CheckRuns.Err = lost }, "checks", Unknown},
		{"checks: run succeeded", run("completed", "success"), "checks", Pass},
		{"checks: run failed", run("completed", "failure"), "checks", Fail},
		{"checks: run timed out", run("completed", "timed_out"), "checks", Fail},
		{"checks: run skipped", run("completed", "skipped"), "checks", Fail},
		{"checks: run neutral", run("completed", "neutral"), "checks", Fail},
		{"checks: run completed without a word", run("completed", ""), "checks", Unknown},
		{"checks: run completed with a new word", run("completed", "fine"), "checks", Unknown},
		{"checks: run in progress", run("in_progress", ""), "checks", Pending},
		{"checks: run in progress with an old conclusion", run("in_progress", "success"), "checks", Pending},
		{"checks: run waits", run("waiting", ""), "checks", Pending},
		{"checks: a status and a run of one name must both succeed", func(f *Facts) {
			f.CheckRuns = Known([]forge.CheckRun{{Name: "ci/test", Status: "completed", Conclusion: "failure"}})
		}, "checks", Fail},
		{"checks: a glob wants all that match", func(f *Facts) {
			f.To.Gates.Checks = named("flux/dev/*")
			f.Statuses = Known([]forge.Status{{Context: "flux/dev/a", State: "success", Time: noon}, {Context: "flux/dev/b", State: "pending", Time: noon}})
		}, "checks", Pending},
		{"checks: a glob does not reach into folders", func(f *Facts) {
			f.To.Gates.Checks = named("flux/*")
			f.Statuses = Known([]forge.Status{{Context: "flux/dev/a", State: "success"}})
		}, "checks", Pending},
		{"checks: every entry must pass", func(f *Facts) { f.To.Gates.Checks = named("ci/test", "ci/lint") }, "checks", Pending},

		{"approvals: none", reviews(), "approvals", Pending},
		{"approvals: no pull request yet", func(f *Facts) { f.PullRequest = nil }, "approvals", Pending},
		{"approvals: not read", func(f *Facts) { f.Reviews.Err = lost }, "approvals", Unknown},
		{"approvals: of another commit", reviews(forge.Review{Author: "ada", State: forge.Approved, SHA: other}), "approvals", Pending},
		{"approvals: by the author", func(f *Facts) { f.PullRequest.Author = "ada" }, "approvals", Pending},
		{"approvals: by a bot", reviews(forge.Review{Author: "ada", Bot: true, State: forge.Approved, SHA: sha}), "approvals", Pending},
		{"approvals: by a reader", func(f *Facts) { f.Permissions["ada"] = Known(forge.PermissionRead) }, "approvals", Pending},
		{"approvals: by somebody in triage", func(f *Facts) { f.Permissions["ada"] = Known(forge.PermissionTriage) }, "approvals", Pending},
		{"approvals: permission not read", func(f *Facts) { f.Permissions["ada"] = Fact[forge.Permission]{Err: lost} }, "approvals", Unknown},
		{"approvals: permission never looked up", func(f *Facts) { f.Permissions = nil }, "approvals", Unknown},
		{"approvals: a comment takes no side", reviews(
			forge.Review{ID: 1, Author: "ada", State: forge.Approved, SHA: sha, Time: noon},
			forge.Review{ID: 2, Author: "ada", State: forge.Commented, SHA: sha, Time: noon.Add(time.Minute)}), "approvals", Pass},
		{"approvals: dismissed", reviews(
			forge.Review{ID: 1, Author: "ada", State: forge.Approved, SHA: sha, Time: noon},
			forge.Review{ID: 2, Author: "ada", State: forge.Dismissed, SHA: sha, Time: noon.Add(time.Minute)}), "approvals", Pending},
		{"approvals: changes requested later", reviews(
			forge.Review{ID: 1, Author: "ada", State: forge.Approved, SHA: sha, Time: noon},
			forge.Review{ID: 2, Author: "ada", State: forge.ChangesRequested, SHA: sha, Time: noon.Add(time.Minute)}), "approvals", Fail},
		{"approvals: approved after changes were requested", reviews(
			forge.Review{ID: 2, Author: "ada", State: forge.Approved, SHA: sha, Time: noon.Add(time.Minute)},
			forge.Review{ID: 1, Author: "ada", State: forge.ChangesRequested, SHA: sha, Time: noon}), "approvals", Pass},
		{"approvals: in the same second the later id counts", reviews(
			forge.Review{ID: 9, Author: "ada", State: forge.ChangesRequested, SHA: sha, Time: noon},
			forge.Review{ID: 3, Author: "ada", State: forge.Approved, SHA: sha, Time: noon}), "approvals", Fail},
		{"approvals: changes requested on an older commit stay", reviews(
			forge.Review{ID: 1, Author: "ada", State: forge.ChangesRequested, SHA: other, Time: noon}), "approvals", Fail},
		{"approvals: changes requested by a reader do not count", func(f *Facts) {
			f.Reviews.Value = append(f.Reviews.Value, forge.Review{Author: "eve", State: forge.ChangesRequested, SHA: sha, Time: noon})
			f.Permissions["eve"] = Known(forge.PermissionRead)
		}, "approvals", Pass},
		{"approvals: two wanted, one given", func(f *Facts) { f.To.Gates.Approvals = 2 }, "approvals", Pending},
		{"approvals: one person counts once", func(f *Facts) {
			f.To.Gates.Approvals = 2
			f.Reviews.Value = append(f.Reviews.Value, forge.Review{ID: 5, Author: "ada", State: forge.Approved, SHA: sha, Time: noon})
		}, "approvals", Pending},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			facts := good()
			test.change(&facts)
			verdicts := Evaluate(facts)
			if got := Overall(verdicts); got != test.want {
				t.Errorf("overall: got %s, want %s: %+v", got, test.want, verdicts)
			}
			for _, verdict := range verdicts {
				want := Pass
				if verdict.Gate == test.gate {
					want = test.want
				}
				if verdict.State != want {
					t.Errorf("%s: got %s (%s), want %s", verdict.Gate, verdict.State, verdict.Reason, want)
				}
				if verdict.Reason == "" {
					t.Errorf("%s gives no reason", verdict.Gate)
				}
			}
		})
	}
}

// Every fact that a gate reads blocks when it could not be read, whatever else
// is known.
func TestUnknownBlocks(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	for name, lose := range map[string]func(*Facts){
		"comparison": func(f *Facts) { f.Comparison.Err = lost },
		"head":       func(f *Facts) { f.FromHead.Err = lost },
		"moves":      func(f *Facts) { f.FromHead = Known(other); f.Moves.Err = lost },
		"statuses":   func(f *Facts) { f.Statuses.Err = lost },
		"runs":       func(f *Facts) { f.CheckRuns.Err = lost },
		"reviews":    func(f *Facts) { f.Reviews.Err = lost },
		"permission": func(f *Facts) { f.Permissions["ada"] = Fact[forge.Permission]{Err: lost} },
	} {
		facts := good()
		lose(&facts)
		if got := Overall(Evaluate(facts)); got != Unknown {
			t.Errorf("without the %s: got %s, want unknown", name, got)
		}
	}
}

func TestOverall(t *testing.T) {
	t.Parallel()
	verdict := func(states ...State) (list []Verdict) {
		for _, state := range states {
			list = append(list, Verdict{State: state})
		}
		return list
	}
	for _, test := range []struct {
		states []State
		want   State
	}{
		{nil, Unknown},
		{[]State{Pass}, Pass},
		{[]State{Pass, Pending}, Pending},
		{[]State{Pending, Unknown}, Unknown},
		{[]State{Fail, Unknown, Pending, Pass}, Fail},
		{[]State{Pass, "other"}, "other"},
	} {
		if got := Overall(verdict(test.states...)); got != test.want {
			t.Errorf("%v: got %s, want %s", test.states, got, test.want)
		}
	}
}

func TestGatesAreOffUnlessConfigured(t *testing.T) {
	t.Parallel()
	facts := good()
	facts.To.Gates = config.Gates{}
	facts.Statuses.Err = errors.New("not read, because nobody asks")
	var names []string
	for _, verdict := range Evaluate(facts) {
		names = append(names, verdict.Gate)
	}
	want := []string{"edge", "fast-forward", "earned", "images", "secrets"}
	if len(names) != len(want) {
		t.Fatalf("got the gates %v, want %v", names, want)
	}
	if got := Overall(Evaluate(facts)); got != Pass {
		t.Errorf("got %s, want pass", got)
	}
}
