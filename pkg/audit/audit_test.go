package audit_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/audit"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

const (
	digestA = "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// history is what people did, and what an audit has to say about it.
type history struct {
	name string
	do   func(w *world)
	want []string
}

// Everything that an audit exists for, planted once each: it is found, and nothing
// else is.
func TestFindsWhatWasPlanted(t *testing.T) {
	t.Parallel()
	for _, h := range append(append(planted(), versionsPlanted()...), fine()...) {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			defer w.server.Close()
			h.do(w)
			report := w.audit(audit.Options{})
			if diff := cmp.Diff(h.want, found(report)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%s", diff, details(report))
			}
		})
	}
}

// planted are moves that should not have been.
func planted() []history {
	return []history{
		{"a commit is pushed to staging", func(w *world) { w.set("staging", "1.1.0") },
			[]string{"staging direct-push", "staging unearned"}},
		{"dev is pushed to staging without a pull request", func(w *world) { w.push("staging", w.set("dev", "1.1.0")) },
			[]string{"staging direct-push"}},
		{"the pull request was into another branch", func(w *world) {
			sha := w.set("dev", "1.1.0")
			w.promote("staging", sha)
			w.branch("other", w.head("production"))
			w.branch("pawl/production/"+sha[:12], sha)
			w.propose("pawl/production/"+sha[:12], "other")
			w.push("other", sha)
			w.push("production", sha)
		}, []string{"production direct-push"}},
		{"a promotion skips staging", func(w *world) { w.promote("production", w.set("dev", "1.1.0")) },
			[]string{"production unearned"}},
		{"an ancestor that was never head is promoted", func(w *world) {
			w.branch("wip", w.head("dev"))
			middle := w.set("wip", "1.1.0")
			w.push("dev", w.set("wip", "1.2.0"))
			w.promote("staging", middle)
		}, []string{"staging unearned"}},
		{"staging had it before dev", func(w *world) {
			w.branch("wip", w.head("dev"))
			sha := w.set("wip", "1.1.0")
			w.promote("staging", sha)
			w.push("dev", sha)
		}, []string{"staging unearned"}},
		{"a promotion is merged by the button", func(w *world) { w.press(w.open("staging", w.set("dev", "1.1.0")), githubtest.MergeButton) },
			[]string{"staging merge-button"}},
		{"a promotion is squashed", func(w *world) { w.press(w.open("staging", w.set("dev", "1.1.0")), githubtest.SquashButton) },
			[]string{"staging squash-button"}},
		{"a promotion is rebased", func(w *world) {
			w.set("dev", "1.1.0")
			w.press(w.open("staging", w.set("dev", "1.2.0")), githubtest.RebaseButton)
		}, []string{"staging squash-button"}},
		{"the promotion of a rollback is merged by the button", func(w *world) {
			w.release("1.1.0")
			w.rollBack("staging", "1.0.0", "1.1.0")
			w.press(w.open("production", w.head("staging")), githubtest.MergeButton)
		}, []string{"(staging rollback)", "production merge-button"}},
		{"the promotion of a rollback is pointed at another branch and merged", func(w *world) {
			w.release("1.1.0")
			w.branch("undo", w.head("production"))
			sha := w.set("undo", "1.0.0", "Rollback-Of: ghcr.io/acme/api:1.1.0")
			w.branch("pawl/production/"+sha[:12], sha)
			w.press(w.propose("pawl/production/"+sha[:12], "staging"), githubtest.MergeButton)
		}, []string{"staging merge-button"}},
		{"the promotion of a rollback is squashed", func(w *world) {
			w.release("1.1.0")
			w.rollBack("staging", "1.0.0", "1.1.0")
			w.press(w.open("production", w.head("staging")), githubtest.SquashButton)
		}, []string{"(staging rollback)", "production downgrade api 1.1.0>1.0.0", "production squash-button"}}, // squashed, the trailer is lost

		{"the promotion of a rollback is rebased", func(w *world) {
			w.release("1.1.0")
			w.rollBack("staging", "1.0.0", "1.1.0")
			w.press(w.open("production", w.head("staging")), githubtest.RebaseButton)
		}, []string{"(staging rollback)", "production squash-button"}},
		{"a promotion gets another commit before it lands", func(w *world) {
			sha := w.set("dev", "1.1.0")
			w.open("staging", sha)
			w.push("staging", w.set("pawl/staging/"+sha[:12], "1.2.0"))
		}, []string{"staging head-changed", "staging unearned"}},
		{"a promotion moves on to a newer commit of dev", func(w *world) {
			sha := w.set("dev", "1.1.0")
			w.open("staging", sha)
			newer := w.set("dev", "1.2.0")
			w.push("pawl/staging/"+sha[:12], newer)
			w.push("staging", newer)
		}, []string{"staging head-changed"}},
		{"staging is set back by force", func(w *world) {
			old := w.head("staging")
			w.promote("staging", w.set("dev", "1.1.0"))
			w.force("staging", old)
		}, []string{"staging not-fast-forward"}},
		{"production is moved aside by force", func(w *world) {
			w.branch("wip", w.head("dev"))
			aside := w.set("wip", "1.3.0")
			w.release("1.1.0")
			w.force("production", aside)
		}, []string{"production not-fast-forward"}},
		{"dev is set back by force", func(w *world) {
			old := w.head("dev")
			w.set("dev", "1.1.0")
			w.force("dev", old)
			w.set("dev", "1.1.1")
		}, []string{"dev not-fast-forward"}},
		{"staging is set back and forward again", func(w *world) {
			old, sha := w.head("staging"), w.set("dev", "1.1.0")
			w.promote("staging", sha)
			w.force("staging", old)
			w.push("staging", sha)
		}, []string{"staging not-fast-forward"}},
		{"staging is deleted", func(w *world) { w.drop("staging") }, []string{"staging deleted"}},
		{"staging is deleted and made again where it was", func(w *world) {
			sha := w.head("staging")
			w.drop("staging")
			w.later()
			w.branch("staging", sha)
		}, []string{"staging recreated"}},
		{"production is deleted and made again elsewhere", func(w *world) {
			w.drop("production")
			w.later()
			w.branch("production", w.set("dev", "1.1.0"))
		}, []string{"production recreated"}},
		{"a promotion is closed, and pushed all the same", func(w *world) {
			sha := w.set("dev", "1.1.0")
			w.ok(w.repo.ClosePullRequest(context.Background(), w.open("staging", sha)))
			w.push("staging", sha)
		}, []string{"? staging pull-requests"}},
		{"a hotfix says so and came without a pull request", func(w *world) { w.set("production", "1.0.1", "Hotfix: the login was broken") },
			[]string{"(production hotfix)"}},
		{"a hotfix does not say so", func(w *world) {
			w.branch("fix", w.head("production"))
			w.set("fix", "1.0.1")
			w.land("fix", "production")
		}, []string{"production unearned"}},
		{"two violations in two environments", func(w *world) {
			w.set("staging", "1.1.0")
			w.drop("production")
		}, []string{"production deleted", "staging direct-push", "staging unearned"}},
	}
}

// versionsPlanted are versions that should not have been.
func versionsPlanted() []history {
	const key = "Pawl-Key: acme/api/1/build ghcr.io/acme/api:1.1.0"
	return []history{
		{"a version goes down on dev", func(w *world) { w.set("dev", "1.1.0"); w.set("dev", "1.0.9") },
			[]string{"dev downgrade api 1.1.0>1.0.9"}},
		{"a pre-release follows its release", func(w *world) { w.set("dev", "1.1.0"); w.set("dev", "1.1.0-rc.1") },
			[]string{"dev downgrade api 1.1.0>1.1.0-rc.1"}},
		{"and goes through all environments", func(w *world) { w.release("1.1.0"); w.release("1.0.9") },
			[]string{"dev downgrade api 1.1.0>1.0.9", "production downgrade api 1.1.0>1.0.9", "staging downgrade api 1.1.0>1.0.9"}},
		{"the trailer is about another image", func(w *world) {
			w.set("dev", "1.1.0")
			w.set("dev", "1.0.9", "Pawl-Allow-Downgrade: ghcr.io/acme/web 1.1.0 1.0.9")
		}, []string{"dev downgrade api 1.1.0>1.0.9"}},
		{"the trailer is about another version", func(w *world) {
			w.set("dev", "1.1.0")
			w.set("dev", "1.0.1", "Pawl-Allow-Downgrade: ghcr.io/acme/api 1.1.0 1.0.9")
		}, []string{"dev downgrade api 1.1.0>1.0.1"}},
		{"the trailer is in the middle of the message", func(w *world) {
			w.set("dev", "1.1.0")
			w.set("dev", "1.0.9", "Pawl-Allow-Downgrade: ghcr.io/acme/api 1.1.0 1.0.9", "", "This was fun.")
		}, []string{"dev downgrade api 1.1.0>1.0.9"}},
		{"the version of a manifest goes down", func(w *world) {
			w.commit("dev", kustomization("1.0.0", "2.0.0"))
			w.commit("dev", kustomization("1.0.0", "1.9.0"))
		}, []string{"dev downgrade web 2.0.0>1.9.0"}},
		{"a digest comes back", func(w *world) {
			w.commit("dev", kustomization("1.0.0", "1.1.0"+digestA))
			w.commit("dev", kustomization("1.0.0", "1.1.0"+digestB))
			w.commit("dev", kustomization("1.0.0", "1.1.0"+digestA))
		}, []string{"dev downgrade web 1.1.0" + digestB + ">1.1.0" + digestA}},
		{"a back-merge takes the lower version along", func(w *world) {
			w.release("1.1.0")
			w.branch("fix", w.head("production"))
			w.set("fix", "1.0.0", "Rollback-Of: ghcr.io/acme/web:1.1.0")
			w.land("fix", "production")
			w.set("dev", "1.2.0")
			w.merge("dev", "Merge production", w.head("production"), changes(kustomization("1.0.0", "1.0.0"))...)
		}, []string{"(production rollback)", "dev downgrade api 1.2.0>1.0.0", "production downgrade api 1.1.0>1.0.0"}},
		{"what was rolled back in production comes back", func(w *world) {
			bad := w.release("1.1.0")
			w.rollBack("production", "1.0.0", "1.1.0")
			w.merge("dev", "Merge production\n\nBack-Merge-Of: production\n", w.head("production"))
			w.promote("staging", w.head("dev"))
			w.promote("production", w.head("dev"))
			_ = bad
		}, []string{"(production rollback)", "production redelivered api >1.1.0"}},
		{"what was rolled back in staging goes on to production", func(w *world) {
			sha := w.set("dev", "1.1.0")
			w.promote("staging", sha)
			w.rollBack("staging", "1.0.0", "1.1.0")
			w.promote("production", sha)
		}, []string{"(staging rollback)", "production redelivered api >1.1.0"}},
		{"a bump sets it again", func(w *world) {
			w.set("dev", "1.1.0")
			w.set("dev", "1.0.0", "Rollback-Of: ghcr.io/acme/api:1.1.0")
			w.set("dev", "1.1.0")
		}, []string{"dev redelivered api >1.1.0"}},
		{"it is released before it is rolled back", func(w *world) {
			w.set("dev", "1.1.0", "Release-Of: ghcr.io/acme/api:1.1.0")
			w.set("dev", "1.0.0", "Rollback-Of: ghcr.io/acme/api:1.1.0")
			w.set("dev", "1.1.0")
		}, []string{"dev redelivered api >1.1.0"}},
		{"a job's bump lands twice", func(w *world) { w.set("dev", "1.1.0", key); w.set("dev", "1.1.0", key) },
			[]string{"dev repeated-key"}},
		{"three times, and is promoted", func(w *world) {
			w.set("dev", "1.1.0", key)
			w.set("dev", "1.2.0", key)
			w.promote("staging", w.set("dev", "1.2.0", key))
		}, []string{"dev repeated-key ×2"}},
		{"a file with versions cannot be read any more", func(w *world) { w.commit("dev", map[string]string{"base/web.yaml": "a: [\n"}) },
			[]string{"? dev files"}},
		{"nothing tells which version is newer", func(w *world) { w.set("staging", "purple", "Hotfix: paint") },
			[]string{"(staging hotfix)", "? staging order api 1.0.0>purple"}},
		{"nothing tells which version is newer, but a commit says that it may come", func(w *world) {
			w.set("staging", "purple", "Hotfix: paint", "Pawl-Allow-Downgrade: ghcr.io/acme/api 1.0.0 purple")
		}, []string{"(staging hotfix)"}},
	}
}

// fine are histories in which everything is as it should be, although it does not look
// so at first.
func fine() []history {
	return []history{
		{"nothing happened", func(*world) {}, nil},
		{"releases", func(w *world) { w.release("1.1.0"); w.release("1.2.0") }, nil},
		{"a promotion of several commits", func(w *world) {
			w.set("dev", "1.1.0")
			w.promote("staging", w.set("dev", "1.2.0"))
		}, nil},
		{"a promotion of a commit that dev has left behind", func(w *world) {
			sha := w.set("dev", "1.1.0")
			w.set("dev", "1.2.0")
			w.promote("staging", sha)
		}, nil},
		{"dev takes pull requests by the button", func(w *world) {
			for i, method := range []string{githubtest.MergeButton, githubtest.SquashButton, githubtest.RebaseButton} {
				name := "topic-" + method
				w.branch(name, w.head("dev"))
				w.set(name, []string{"1.1.0", "1.2.0", "1.3.0"}[i])
				w.press(w.propose(name, "dev"), method)
			}
			w.promote("staging", w.head("dev"))
		}, nil},
		{"words as versions", func(w *world) { w.release("red"); w.release("blue") }, nil},
		{"a version that goes down on purpose", func(w *world) {
			w.release("1.1.0")
			w.release("1.0.9", "Pawl-Allow-Downgrade: ghcr.io/acme/api 1.1.0 1.0.9")
		}, nil},
		{"and further up again before it is promoted", func(w *world) {
			w.release("1.2.0")
			w.set("dev", "1.0.9", "Pawl-Allow-Downgrade: api 1.2.0 1.0.9")
			w.promote("staging", w.set("dev", "1.1.0"))
		}, nil},
		{"down in two steps", func(w *world) {
			w.release("1.2.0")
			w.set("dev", "1.1.0", "Pawl-Allow-Downgrade: ghcr.io/acme/api 1.2.0 1.1.0")
			w.promote("staging", w.set("dev", "1.0.0", "Pawl-Allow-Downgrade: ghcr.io/acme/api 1.1.0 1.0.0"))
		}, nil},
		{"a rollback", func(w *world) {
			w.release("1.1.0")
			w.rollBack("production", "1.0.0", "1.1.0")
		}, []string{"(production rollback)"}},
		{"a rollback that is merged back, and a later version", func(w *world) {
			w.release("1.1.0")
			w.rollBack("production", "1.0.0", "1.1.0")
			w.merge("dev", "Merge production", w.head("production"))
			w.release("1.1.1")
		}, []string{"(production rollback)"}},
		{"a rolled back version that was released", func(w *world) {
			w.release("1.1.0")
			w.rollBack("production", "1.0.0", "1.1.0")
			w.merge("dev", "Merge production\n\nRelease-Of: ghcr.io/acme/api:1.1.0\n", w.head("production"))
			w.promote("staging", w.head("dev"))
			w.promote("production", w.head("dev"))
		}, []string{"(production rollback)"}},
		{"a rollback of staging is promoted like anything else", func(w *world) {
			w.release("1.1.0")
			w.rollBack("staging", "1.0.0", "1.1.0")
			w.promote("production", w.head("staging"))
		}, []string{"(staging rollback)"}},
		{"a hotfix and its way back", func(w *world) {
			w.branch("fix", w.head("production"))
			w.set("fix", "1.0.1", "Hotfix: the login was broken")
			w.land("fix", "production")
			w.merge("dev", "Merge production", w.head("production"), changes(kustomization("1.0.1", "1.0.0"))...)
			w.promote("staging", w.head("dev"))
			w.promote("production", w.head("dev"))
		}, []string{"(production hotfix)"}},
		{"a hotfix by the button", func(w *world) {
			w.branch("fix", w.head("production"))
			w.set("fix", "1.0.1", "Hotfix: the login was broken")
			w.press(w.propose("fix", "production"), githubtest.MergeButton)
		}, []string{"(production hotfix)"}},
		{"a back-merge into staging", func(w *world) {
			w.branch("fix", w.head("production"))
			w.set("fix", "1.0.1", "Hotfix: the login was broken")
			w.land("fix", "production")
			w.branch("back", w.head("staging"))
			w.merge("back", "Merge production\n\nBack-Merge-Of: production\n", w.head("production"), changes(kustomization("1.0.1", "1.0.0"))...)
			w.land("back", "staging")
		}, []string{"(production hotfix)", "(staging back-merge)"}},
		{"other branches are nobody's business", func(w *world) {
			w.branch("wip", w.head("dev"))
			old := w.head("wip")
			w.set("wip", "0.1.0")
			w.force("wip", old)
			w.drop("wip")
		}, nil},
	}
}

// rollBack is a rollback by pull request.
func (w *world) rollBack(env, api, bad string) {
	w.t.Helper()
	w.branch("undo", w.head(env))
	w.set("undo", api, "Rollback-Of: ghcr.io/acme/api:"+bad)
	w.land("undo", env)
	w.drop("undo")
}

func changes(files map[string]string) []githubtest.Change {
	var list []githubtest.Change
	for path, content := range files {
		list = append(list, githubtest.Change{Path: path, Content: content})
	}
	return list
}

// A finding says what, where, who and when.
func TestFinding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer w.server.Close()
	before := w.head("staging")
	sha := w.set("staging", "1.1.0")
	at := w.server.Now().UTC()
	report := w.audit(audit.Options{Environments: []string{"staging"}})
	if len(report.Findings) != 2 || report.Clean {
		t.Fatalf("%+v", report)
	}
	got := report.Findings[0]
	if got.Kind != audit.DirectPush || got.State != audit.Violation || got.Environment != "staging" || got.Commit != sha ||
		got.Before != before || got.Actor == "" || !got.Time.Equal(at) {
		t.Errorf("got %+v, at %s", got, at)
	}
}

// What was before --since, or beyond --limit, is not judged; what is judged is said.
func TestWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer w.server.Close()
	w.set("staging", "1.1.0")
	w.merge("dev", "Merge staging", w.head("staging"), changes(kustomization("1.1.0", "1.0.0"))...)
	good := w.release("1.2.0")
	since := w.server.Now()
	w.later()
	w.release("1.3.0")
	w.set("production", "1.4.0")
	bad := []string{"production direct-push", "production unearned"}
	for name, test := range map[string]struct {
		options audit.Options
		want    []string
	}{
		"all":         {audit.Options{}, append(bad, "staging direct-push", "staging unearned")},
		"a time":      {audit.Options{Since: since}, bad},
		"a commit":    {audit.Options{SinceCommit: good[:9]}, bad},
		"later":       {audit.Options{Since: w.server.Now().Add(time.Hour)}, nil},
		"a limit":     {audit.Options{Limit: 2}, bad},
		"environment": {audit.Options{Environments: []string{"dev"}}, nil},
	} {
		report := w.audit(test.options)
		if diff := cmp.Diff(test.want, found(report)); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%s", name, diff, details(report))
		}
		for _, env := range report.Environments {
			if whole := name == "all" || name == "environment"; env.Whole != whole {
				t.Errorf("%s: %+v", name, env)
			}
		}
	}
	for _, options := range []audit.Options{{SinceCommit: "0123456789"}, {Environments: []string{"moon"}}} {
		if _, err := audit.Run(t.Context(), w.source, options); err == nil {
			t.Errorf("%+v: no error", options)
		}
	}
}

// Evidence that cannot be had is never taken for good evidence.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/activity", "/pulls", "/git-upload-pack", "/info/refs", "/contents"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			defer w.server.Close()
			w.release("1.1.0")
			clean := 0
			for skip := range 12 {
				w.server.Heal()
				w.server.Fail(githubtest.Fault{Kind: githubtest.ServerError, Path: path, Skip: skip, Times: -1})
				world := *w
				world.reconnect()
				report, err := audit.Run(t.Context(), world.source, audit.Options{})
				switch {
				case err != nil:
				case report.Clean:
					clean++
				case report.Count(audit.Unknown) == 0 || report.Count(audit.Violation) > 0 || report.Cause() == nil:
					t.Errorf("after %d: %v", skip, details(report))
				case clean > 0:
					t.Errorf("it was clean with fewer requests that worked")
				}
			}
			if clean == 0 {
				t.Error("no audit got through at all")
			}
			if clean == 12 {
				t.Error("no request failed")
			}
		})
	}
}

// forgetful is a service that keeps a part of its record only, as no embedded GitHub
// does.
type forgetful struct {
	forge.Forge
	keep func(branch string, moves []forge.Move) []forge.Move
}

func (f forgetful) Activity(ctx context.Context, branch string, limit int) ([]forge.Move, error) {
	moves, err := f.Forge.Activity(ctx, branch, limit)
	return f.keep(branch, moves), err
}

// What a record does not hold is not proved; what it holds is judged.
func TestShortRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer w.server.Close()
	w.release("1.1.0")
	w.release("1.2.0")
	since := w.server.Now()
	w.later()
	w.release("1.3.0")
	w.later()
	without := func(from, to int) func(string, []forge.Move) []forge.Move {
		return func(_ string, moves []forge.Move) []forge.Move {
			return slices.Delete(moves, from, min(to, len(moves)))
		}
	}
	for name, test := range map[string]struct {
		keep    func(branch string, moves []forge.Move) []forge.Move
		options audit.Options
		want    []string
	}{
		"nothing is forgotten": {keep: without(0, 0)},
		"nothing is kept":      {keep: without(0, 9), want: []string{"? dev record", "? production record", "? staging record"}},
		"the newest move is missing": {keep: without(0, 1),
			want: []string{"? dev record", "? production record", "? staging record"}},
		"the beginning is missing": {keep: without(3, 9),
			want: []string{"? dev record", "? production record", "? staging record"}},
		"the beginning is missing, and not asked for": {keep: without(3, 9), options: audit.Options{Since: since}},
		"a move is missing": {keep: without(1, 2),
			want: []string{"? dev record", "? production record", "? staging record"}},
		"what staging did is forgotten, but for the end": {
			keep: func(branch string, moves []forge.Move) []forge.Move {
				if branch != "staging" {
					return moves
				}
				return moves[:1]
			}, options: audit.Options{Environments: []string{"production"}}, want: []string{"? production unearned ×2"}},
	} {
		source := w.source
		source.Forge = forgetful{w.source.Forge, test.keep}
		report, err := audit.Run(t.Context(), source, test.options)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, found(report)); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%s", name, diff, details(report))
		}
	}
}
