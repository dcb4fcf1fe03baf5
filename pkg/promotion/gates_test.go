package promotion_test

import (
	"strings"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/promotion"
)

// newGated is a repository with an open promotion into staging under the gates that
// are given, of a commit that makes these changes, half an hour after the commit
// came to dev.
func newGated(t *testing.T, gates string, before map[string]string, changes ...githubtest.Change) *stage {
	t.Helper()
	ctx := t.Context()
	server, err := githubtest.New(githubtest.Options{})
	must(t, err)
	t.Cleanup(server.Close)
	s := &stage{server: server}
	token := server.CreateUser("release-bot")
	s.repo, err = server.CreateRepository(ctx, "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	must(t, err)
	s.repo.SetPermission("release-bot", githubtest.Write)
	files := map[string]string{".pawl.yaml": "version: 1\nenvironments:\n  - {name: dev, branch: dev}\n" +
		"  - {name: staging, branch: staging, gates: {" + gates + "}}\n"}
	for path, content := range before {
		files[path] = content
	}
	s.before, err = s.repo.Commit(ctx, "dev", "First", files)
	must(t, err)
	must(t, s.repo.Branch(ctx, "staging", s.before))
	changes = append(changes, githubtest.Change{Path: "base/a.yaml", Content: "a: 1\n"})
	s.sha, err = s.repo.CommitChanges(ctx, "dev", "Second", changes...)
	must(t, err)
	s.connect(t, token)
	server.Advance(30 * time.Minute)
	plan, err := promotion.PlanPromote(ctx, s.source, promotion.PromoteOptions{Environment: "staging"})
	must(t, err)
	must(t, plan.Apply(ctx))
	s.number = plan.Promotions[0].Number
	return s
}

// The facts of each gate are looked up, and lead to the verdict that they call for.
func TestGatesGetTheirFacts(t *testing.T) {
	t.Parallel()
	file := func(path, content string) githubtest.Change {
		return githubtest.Change{Path: path, Content: content}
	}
	tests := []struct {
		name, gates string
		before      map[string]string
		changes     []githubtest.Change
		then        func(*testing.T, *stage)
		gate        string
		want        gate.State
		reason      string
	}{
		{name: "soak, too short", gates: "soak: 1h", gate: "soak", want: gate.Pending, reason: "1h in dev wanted, since "},
		{name: "soak, long enough", gates: "soak: 30m", gate: "soak", want: gate.Pass, reason: "30m in dev, or longer"},
		{name: "soak, gone too early", gates: "soak: 1h", gate: "soak", want: gate.Fail, reason: "30m in dev, 1h wanted, and it is not there anymore",
			then: func(t *testing.T, s *stage) { s.commit(t, "dev", "2"); s.server.Advance(time.Hour) }},
		{name: "requireCurrent", gates: "requireCurrent: true", gate: "earned", want: gate.Fail, reason: "is not the head of dev now, and staging takes nothing else",
			then: func(t *testing.T, s *stage) { s.commit(t, "dev", "2") }},
		{name: "a report from before", gates: "checks: [flux/dev/a], missingTimeout: 1h", gate: "checks", want: gate.Pending, reason: `"flux/dev/a" has not reported on this commit; it has time until `},
		{name: "a report from after", gates: "checks: [flux/dev/a]", gate: "checks", want: gate.Pass, reason: "all succeeded: flux/dev/a",
			then: func(t *testing.T, s *stage) { must(t, s.repo.SetStatus(t.Context(), s.sha, "flux/dev/a", "success")) }},
		{name: "a check that never came", gates: "checks: [ci], missingTimeout: 1h", gate: "checks", want: gate.Fail, reason: `"ci" has not reported on this commit within 1h`,
			then: func(t *testing.T, s *stage) { s.server.Advance(2 * time.Hour) }},
		{name: "frozen", gates: "freeze: [{from: 1970-01-01T00:00:00Z, to: 2999-01-01T00:00:00Z, reason: forever}]", gate: "freeze", want: gate.Pending,
			reason: "frozen (forever) until 2999-01-01T00:00:00Z"},
		{name: "thawed", gates: "freeze: [{from: 1970-01-01T00:00:00Z, to: 1971-01-01T00:00:00Z}]", gate: "freeze", want: gate.Pass, reason: "no freeze now"},

		{name: "owners, nobody", gates: "codeOwners: true", before: map[string]string{"docs/CODEOWNERS": "* @ada\n"}, gate: "approvals", want: gate.Pending,
			reason: `0 approvals; no owner approved "base/a.yaml" (@ada)`},
		{name: "owners, another one", gates: "codeOwners: true", before: map[string]string{"CODEOWNERS": "* @ada\n"}, gate: "approvals", want: gate.Pending,
			reason: `1 approval; no owner approved "base/a.yaml" (@ada)`, then: func(t *testing.T, s *stage) { must(t, s.repo.Approve(t.Context(), s.number, "octocat")) }},
		{name: "owners, the owner", gates: "codeOwners: true", before: map[string]string{".github/CODEOWNERS": "* @octocat\n", "CODEOWNERS": "* @ada\n"},
			gate: "approvals", want: gate.Pass, reason: "1 approval; code owners approved",
			then: func(t *testing.T, s *stage) { must(t, s.repo.Approve(t.Context(), s.number, "octocat")) }},
		{name: "owners, from the base", gates: "codeOwners: true", before: map[string]string{"CODEOWNERS": "* @ada\n"}, changes: []githubtest.Change{file("CODEOWNERS", "* @octocat\n")},
			gate: "approvals", want: gate.Pending, reason: `1 approval; no owner approved "CODEOWNERS" (@ada), "base/a.yaml" (@ada)`,
			then: func(t *testing.T, s *stage) { must(t, s.repo.Approve(t.Context(), s.number, "octocat")) }},
		{name: "owners, a team", gates: "codeOwners: true", before: map[string]string{"CODEOWNERS": "* @acme/ops\n"}, gate: "approvals", want: gate.Unknown,
			reason: `0 approvals; could not find out about code owners: the owners of "base/a.yaml": the members of @acme/ops: pawl does not look up the members of teams; name people`},
		{name: "owners, none", gates: "codeOwners: true", gate: "approvals", want: gate.Fail, reason: "0 approvals; staging has no CODEOWNERS file"},

		{name: "changes, allowed", gates: "changes: {allow: [base/**]}", gate: "changes", want: gate.Pass, reason: "1 changed file, allowed"},
		{name: "changes, elsewhere", gates: "changes: {allow: [base/**]}", changes: []githubtest.Change{file("dev/a", "x")}, gate: "changes", want: gate.Fail,
			reason: `"dev/a" is not among the files that may change`},
		{name: "changes, a workflow", gates: "changes: {}", changes: []githubtest.Change{file(".github/workflows/a.yml", "x")}, gate: "changes", want: gate.Fail,
			reason: `".github/workflows/a.yml" is a workflow`},
		{name: "changes, the policy", gates: "changes: {}", changes: []githubtest.Change{file(".pawl.yaml", "version: 1\nenvironments: [{name: dev, branch: dev}, {name: staging, branch: staging}]\n")},
			gate: "changes", want: gate.Fail, reason: `".pawl.yaml" is a part of the policy`},

		{name: "secrets, none", gates: "secrets: on", gate: "secrets", want: gate.Pass, reason: "none found in what is added"},
		{name: "secrets, one", gates: "secrets: on", changes: []githubtest.Change{file("base/s.yaml", "kind: Secret\nstringData:\n  a: hunter2\n")}, gate: "secrets", want: gate.Fail,
			reason: `"base/s.yaml" line 3: a Secret in plain text`},
		{name: "secrets, an old one", gates: "secrets: on", before: map[string]string{"base/s.yaml": "kind: Secret\nstringData:\n  a: hunter2\n"}, gate: "secrets", want: gate.Pass,
			reason: "none found in what is added"},
		{name: "secrets, a token", gates: "secrets: on", changes: []githubtest.Change{file("README.md", "x\nghp_"+strings.Repeat("aB3", 12)+"\n")}, gate: "secrets", want: gate.Fail,
			reason: `"README.md" line 2: a GitHub token`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newGated(t, test.gates, test.before, test.changes...)
			if test.then != nil {
				test.then(t, s)
			}
			report, err := promotion.Verify(t.Context(), s.source, s.number)
			must(t, err)
			got := gate.Of(report.Gates, test.gate)
			if got.State != test.want || !strings.HasPrefix(got.Reason, test.reason) {
				t.Errorf("got %s (%s), want %s (%s)", got.State, got.Reason, test.want, test.reason)
			}
		})
	}
}
