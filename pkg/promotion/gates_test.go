package promotion_test

import (
	"cmp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/promotion"
)

// gated is what a repository starts with: the gates of staging, the messages of two
// commits, and files of the first one.
type gated struct {
	gates, first, second string
	before               map[string]string
}

func (g gated) rules() string {
	if g.gates == "" {
		return ""
	}
	return ", gates: {" + g.gates + "}"
}

func kustomization(version string) string {
	return "images:\n  - name: ghcr.io/acme/api\n    newTag: " + strconv.Quote(version) + "\n"
}

// say makes a commit that changes nothing that matters.
func (s *stage) say(t *testing.T, branch, message string) {
	t.Helper()
	_, err := s.repo.Commit(t.Context(), branch, message, map[string]string{"said.txt": message})
	must(t, err)
}

// newGated is a repository with an open promotion into staging under the gates that
// are given, of a commit that makes these changes, half an hour after the commit
// came to dev.
func newGated(t *testing.T, at gated, changes ...githubtest.Change) *stage {
	t.Helper()
	ctx := t.Context()
	server, err := githubtest.New(githubtest.Options{Observe: contract.Record()})
	must(t, err)
	t.Cleanup(server.Close)
	s := &stage{server: server}
	token := server.CreateUser("release-bot")
	s.repo, err = server.CreateRepository(ctx, "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	must(t, err)
	s.repo.SetPermission("release-bot", githubtest.Write)
	files := map[string]string{".pawl.yaml": "version: 1\nenvironments:\n  - {name: dev, branch: dev}\n" +
		"  - {name: staging, branch: staging" + at.rules() + "}\n"}
	for path, content := range at.before {
		files[path] = content
	}
	s.before, err = s.repo.Commit(ctx, "dev", cmp.Or(at.first, "First"), files)
	must(t, err)
	must(t, s.repo.Branch(ctx, "staging", s.before))
	changes = append(changes, githubtest.Change{Path: "base/a.yaml", Content: "a: 1\n"})
	s.sha, err = s.repo.CommitChanges(ctx, "dev", cmp.Or(at.second, "Second"), changes...)
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
	v1 := map[string]string{"base/kustomization.yaml": kustomization("1.0")}
	api := func(version string) githubtest.Change { return file("base/kustomization.yaml", kustomization(version)) }
	tests := []struct {
		name, gates    string
		first, message string // of the commits; empty: some text
		before         map[string]string
		changes        []githubtest.Change
		then           func(*testing.T, *stage)
		gate           string
		want           gate.State
		reason         string
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
			reason: `0 approvals; could not find out about code owners: the owners of "base/a.yaml": the members of @acme/ops: listing the members of the team acme/ops: access denied: the team is not there, or the token needs the permission members: read of the organization`},
		{name: "owners, a member of the team", gates: "codeOwners: true", before: map[string]string{"CODEOWNERS": "* @acme/Ops\n"}, gate: "approvals", want: gate.Pass,
			reason: "1 approval; code owners approved", then: func(t *testing.T, s *stage) {
				s.server.SetTeam("acme/ops", "ada", "octocat")
				must(t, s.repo.Approve(t.Context(), s.number, "octocat"))
			}},
		{name: "owners, nobody of the team", gates: "codeOwners: true", before: map[string]string{"CODEOWNERS": "* @acme/ops\n"}, gate: "approvals", want: gate.Pending,
			reason: `1 approval; no owner approved "base/a.yaml" (@acme/ops)`, then: func(t *testing.T, s *stage) {
				s.server.SetTeam("acme/ops", "ada")
				must(t, s.repo.Approve(t.Context(), s.number, "octocat"))
			}},

		{name: "duties, by another", gates: "approvals: 1, separateDuties: true", gate: "approvals", want: gate.Pass, reason: "1 of 1 approval",
			then: func(t *testing.T, s *stage) {
				s.repo.SetPermission("hubot", githubtest.Write)
				must(t, s.repo.Approve(t.Context(), s.number, "hubot"))
			}},
		{name: "duties, by the author", gates: "approvals: 1, separateDuties: true", gate: "approvals", want: gate.Pending, reason: "0 of 1 approval",
			then: func(t *testing.T, s *stage) { must(t, s.repo.Approve(t.Context(), s.number, "octocat")) }},

		{name: "images, up", gates: "", changes: []githubtest.Change{api("1.1")}, before: v1, gate: "images", want: gate.Pass, reason: "1 new version, not older than before"},
		{name: "images, down", gates: "", changes: []githubtest.Change{api("0.9")}, before: v1, gate: "images", want: gate.Fail, reason: "ghcr.io/acme/api goes down from 1.0 to 0.9"},
		{name: "images, down and allowed", gates: "images: {allowDowngrade: true}", changes: []githubtest.Change{api("0.9")}, before: v1, gate: "images", want: gate.Pass,
			reason: "1 new version"},
		{name: "images, down on purpose", message: "Back\n\nPawl-Allow-Downgrade: ghcr.io/acme/api 1.0 0.9\n", changes: []githubtest.Change{api("0.9")}, before: v1, gate: "images",
			want: gate.Pass, reason: "ghcr.io/acme/api goes down from 1.0 to 0.9, on purpose"},
		{name: "images, another down on purpose", message: "Back\n\nPawl-Allow-Downgrade: ghcr.io/acme/web 1.0 0.9\n", changes: []githubtest.Change{api("0.9")}, before: v1,
			gate: "images", want: gate.Fail, reason: "ghcr.io/acme/api goes down"},
		{name: "images, on purpose in prose", message: "Back\n\nPawl-Allow-Downgrade: ghcr.io/acme/api 1.0 0.9\nor so\n", changes: []githubtest.Change{api("0.9")}, before: v1,
			gate: "images", want: gate.Fail, reason: "ghcr.io/acme/api goes down"},
		{name: "images, latest", changes: []githubtest.Change{api("latest")}, before: v1, gate: "images", want: gate.Pass, reason: "1 new version"},
		{name: "images, latest under rules", gates: "images: {}", changes: []githubtest.Change{api("latest")}, before: v1, gate: "images", want: gate.Fail,
			reason: "ghcr.io/acme/api latest can be another image tomorrow"},
		{name: "images, commits", changes: []githubtest.Change{api("main-2")}, before: v1, gate: "images", want: gate.Pass, reason: "1 new version"},
		{name: "images, commits under rules", gates: "images: {}", changes: []githubtest.Change{api("main-2")}, before: v1, gate: "images", want: gate.Pass,
			reason: "1 new version, not older than before"},
		{name: "images, commits in order", gates: "images: {}", message: "Two\n\nPawl-Image: ghcr.io/acme/api:main-2\n", changes: []githubtest.Change{api("main-2")},
			before: map[string]string{"base/kustomization.yaml": kustomization("main-1")}, first: "One\n\nPawl-Image: ghcr.io/acme/api:main-1\n",
			gate: "images", want: gate.Pass, reason: "1 new version, not older than before"},
		{name: "images, rolled back", message: "Up\n\nRollback-Of: ghcr.io/acme/api:1.1\n", changes: []githubtest.Change{api("1.1")}, before: v1, gate: "images", want: gate.Fail,
			reason: "ghcr.io/acme/api 1.1 was rolled back in dev by "},
		{name: "images, rolled back elsewhere", changes: []githubtest.Change{api("1.1")}, before: v1, gate: "images", want: gate.Fail,
			reason: "ghcr.io/acme/api 1.1 was rolled back in staging by ", then: func(t *testing.T, s *stage) {
				s.say(t, "staging", "Back\n\nRollback-Of: ghcr.io/acme/api:1.1\n")
			}},
		{name: "images, released again", changes: []githubtest.Change{api("1.1")}, before: v1, gate: "images", want: gate.Pass, reason: "1 new version",
			then: func(t *testing.T, s *stage) {
				s.say(t, "dev", "Back\n\nRollback-Of: ghcr.io/acme/api:1.1\n")
				s.say(t, "dev", "Again\n\nRelease-Of: ghcr.io/acme/api:1.1\n")
			}},
		{name: "images, released before", changes: []githubtest.Change{api("1.1")}, before: v1, gate: "images", want: gate.Fail, reason: "ghcr.io/acme/api 1.1 was rolled back in dev by ",
			then: func(t *testing.T, s *stage) {
				s.say(t, "dev", "Again\n\nRelease-Of: ghcr.io/acme/api:1.1\n")
				s.say(t, "dev", "Back\n\nRollback-Of: ghcr.io/acme/api:1.1\n")
			}},
		{name: "images, another rolled back", changes: []githubtest.Change{api("1.1")}, before: v1, gate: "images", want: gate.Pass, reason: "1 new version",
			then: func(t *testing.T, s *stage) { s.say(t, "dev", "Back\n\nRollback-Of: ghcr.io/acme/web:1.1\n") }},
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
			s := newGated(t, gated{test.gates, test.first, test.message, test.before}, test.changes...)
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
