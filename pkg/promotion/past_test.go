package promotion_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/promotion"
)

// lengthen puts commits on top of a commit of the repository and returns the newest.
// Each has a message and changes one file: the kustomization, when it sets a version.
func lengthen(t testing.TB, repo *githubtest.Repository, from string, commits int, each func(i int) (message, version string)) string {
	t.Helper()
	dir, err := repo.Dir(t.Context())
	must(t, err)
	var in bytes.Buffer
	for i := range commits {
		message, version := each(i)
		path, content := "said.txt", fmt.Sprintf("%d\n", i)
		if version != "" {
			path, content = "base/kustomization.yaml", kustomization(version)
		}
		fmt.Fprintf(&in, "commit refs/import\ncommitter T <t@example.com> %d +0000\ndata %d\n%s\n", 1767600000+i, len(message), message)
		if i == 0 {
			fmt.Fprintf(&in, "from %s\n", from)
		}
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(content), content)
	}
	cmd := exec.CommandContext(t.Context(), "git", "-C", dir, "fast-import", "--quiet", "--force")
	cmd.Stdin = &in
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	tip, err := exec.CommandContext(t.Context(), "git", "-C", dir, "rev-parse", "refs/import").Output()
	must(t, err)
	return strings.TrimSpace(string(tip))
}

// grown is a repository whose history on dev has these commits, of which the last one
// but one is staging's and the last one is promoted.
func grown(t testing.TB, rules string, commits int, each func(i int) (message, version string)) *stage {
	t.Helper()
	server, err := githubtest.New(githubtest.Options{Observe: contract.Record()})
	must(t, err)
	t.Cleanup(server.Close)
	token := server.CreateUser("release-bot")
	repo, err := server.CreateRepository(t.Context(), "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	must(t, err)
	repo.SetPermission("release-bot", githubtest.Write)
	start, err := repo.Commit(t.Context(), "dev", "Start", map[string]string{
		".pawl.yaml": "version: 1\nenvironments:\n  - {name: dev, branch: dev}\n  - {name: staging, branch: staging" + rules + "}\n",
	})
	must(t, err)
	before := lengthen(t, repo, start, commits-1, each)
	must(t, repo.Push(t.Context(), "dev", before))
	must(t, repo.Branch(t.Context(), "staging", before))
	tip := lengthen(t, repo, before, 1, func(int) (string, string) { return each(commits - 1) })
	must(t, repo.Push(t.Context(), "dev", tip))
	s := &stage{server: server, repo: repo, sha: tip, token: token}
	s.connect(t, token)
	head := "pawl/staging/" + tip[:12]
	must(t, repo.Branch(t.Context(), head, tip))
	pr, err := repo.OpenPullRequest(t.Context(), githubtest.NewPullRequest{Title: "Promote", Head: head, Base: "staging"})
	must(t, err)
	s.number = pr.Number
	return s
}

// A version that was rolled back stays out however long ago that was. Where the
// history is longer than what is read, nobody knows, unless the version was released
// since: then the promotion waits for a person.
func TestRolledBackLongAgo(t *testing.T) {
	t.Parallel()
	const commits = 700
	at := func(marks map[int]string) func(int) (string, string) {
		return func(i int) (string, string) {
			message := fmt.Sprintf("Change %d\n", i)
			if mark := marks[commits-1-i]; mark != "" {
				message += "\n" + mark + "\n"
			}
			switch i {
			case commits - 1:
				return message, "1.1"
			case 0:
				return message, "1.0"
			}
			return message, ""
		}
	}
	const back, release = "Rollback-Of: ghcr.io/acme/api:1.1", "Release-Of: ghcr.io/acme/api:1.1"
	for name, test := range map[string]struct {
		past   int
		marks  map[int]string // by how many commits ago
		want   gate.State
		reason string
	}{
		"600 commits ago":                   {0, map[int]string{600: back}, gate.Fail, "ghcr.io/acme/api 1.1 was rolled back in staging by "},
		"600 commits ago, and released":     {0, map[int]string{600: back, 10: release}, gate.Pass, "1 new version"},
		"600 commits ago, released before":  {0, map[int]string{600: back, 610: release}, gate.Fail, "ghcr.io/acme/api 1.1 was rolled back in staging by "},
		"another one":                       {0, map[int]string{600: "Rollback-Of: ghcr.io/acme/api:1.2"}, gate.Pass, "1 new version"},
		"cut, older":                        {650, map[int]string{600: back}, gate.Unknown, "could not find out: which versions were rolled back: the environments have more than 650 commits, and the newest 66 do not tell whether ghcr.io/acme/api 1.1 was rolled back before that: a person has to decide"},
		"cut, nothing found":                {650, nil, gate.Unknown, "could not find out: which versions were rolled back: "},
		"cut, found":                        {650, map[int]string{30: back}, gate.Fail, "ghcr.io/acme/api 1.1 was rolled back in staging by "},
		"cut, released":                     {650, map[int]string{600: back, 10: release}, gate.Pass, "1 new version"},
		"cut, another one released":         {650, map[int]string{10: "Release-Of: ghcr.io/acme/api:1.2"}, gate.Unknown, "could not find out: which versions were rolled back: "},
		"cut, released and rolled back":     {650, map[int]string{10: back, 20: release}, gate.Fail, "ghcr.io/acme/api 1.1 was rolled back in staging by "},
		"exactly as many as are to be read": {701, map[int]string{600: back}, gate.Fail, "ghcr.io/acme/api 1.1 was rolled back in staging by "},
		"one more than what is to be read":  {700, map[int]string{600: back}, gate.Unknown, "could not find out: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grown(t, "", commits, at(test.marks))
			s.source.Past = test.past
			checkImages(t, s, test.want, test.reason)
		})
	}
}

// checkImages verifies the promotion and wants this of the gate images.
func checkImages(t *testing.T, s *stage, want gate.State, reason string) {
	t.Helper()
	report, err := promotion.Verify(t.Context(), s.source, s.number)
	must(t, err)
	got := gate.Of(report.Gates, "images")
	if got.State != want || !strings.HasPrefix(got.Reason, reason) {
		t.Errorf("got %s (%s), want %s (%s)", got.State, got.Reason, want, reason)
	}
}

// BenchmarkPast verifies a promotion on a history of 10,000 commits, without anything
// kept from before: where the tags tell the order of versions, the trailers, or only the
// files.
func BenchmarkPast(b *testing.B) {
	for name, message := range map[string]func(i int) (message, version string){
		"tags": func(i int) (string, string) { return "By hand", fmt.Sprintf("1.0.%d", i) },
		"trailers": func(i int) (string, string) {
			return fmt.Sprintf("Bump\n\nPawl-Image: ghcr.io/acme/api:main-%d\n", i), fmt.Sprintf("main-%d", i)
		},
		"files": func(i int) (string, string) { return "By hand", fmt.Sprintf("main-%d", i) },
	} {
		b.Run(name, func(b *testing.B) {
			s := grown(b, "", 10_000, message)
			for b.Loop() {
				s.connect(b, s.token)
				report, err := promotion.Verify(b.Context(), s.source, s.number)
				must(b, err)
				if got := gate.Of(report.Gates, "images"); got.State != gate.Pass {
					b.Fatal(got)
				}
			}
		})
	}
}

// Versions that tags do not order are ordered by which of them dev had first: as the
// trailers say, else as what the commits changed does. Nothing is taken for granted of
// what was not read, or was not in dev.
func TestFirstIntroduction(t *testing.T) {
	t.Parallel()
	const up, down = "1 new version, not older than before", "ghcr.io/acme/api goes down from "
	set := func(version string) string { return "Bump\n\nPawl-Image: ghcr.io/acme/api:" + version + "\n" }
	for name, test := range map[string]struct {
		commits []string // a version each, + for one that says so, or nothing that matters
		rules   string
		past    int
		want    gate.State
		reason  string
	}{
		"by hand":                       {[]string{"main-1", "main-2"}, "", 0, gate.Pass, up},
		"by hand, commits for tags":     {[]string{"0aa43b1", "f3c9d21", "1b7e004"}, "", 0, gate.Pass, up},
		"by hand, and back":             {[]string{"main-1", "main-2", "main-1"}, "", 0, gate.Fail, down + "main-2 to main-1"},
		"by hand, and back later":       {[]string{"main-1", "main-2", "", "main-3", "", "main-1"}, "", 0, gate.Fail, down + "main-3 to main-1"},
		"by pawl":                       {[]string{"+main-1", "+main-2"}, "", 0, gate.Pass, up},
		"by pawl, and back":             {[]string{"+main-1", "+main-2", "+main-1"}, "", 0, gate.Fail, down + "main-2 to main-1"},
		"by hand, then by pawl":         {[]string{"main-1", "main-2", "+main-3"}, "", 0, gate.Pass, up},
		"by hand, then back by pawl":    {[]string{"main-1", "main-2", "+main-1"}, "", 0, gate.Fail, down + "main-2 to main-1"},
		"by pawl, then by hand":         {[]string{"+main-1", "+main-2", "main-3"}, "", 0, gate.Pass, up},
		"by pawl, then back by hand":    {[]string{"+main-1", "+main-2", "main-1"}, "", 0, gate.Fail, down + "main-2 to main-1"},
		"under rules":                   {[]string{"main-1", "main-2"}, ", gates: {images: {}}", 0, gate.Pass, up},
		"back under lenient rules":      {[]string{"main-1", "main-2", "main-1"}, ", gates: {images: {allowUnordered: true}}", 0, gate.Pass, up},
		"no version is one, too":        {[]string{"latest", "main-1", "latest"}, "", 0, gate.Fail, down + "main-1 to latest"},
		"from a version to a commit":    {[]string{"1.2.0", "f3c9d21"}, "", 0, gate.Pass, up},
		"a history that is too long":    {[]string{"main-1", "main-2", "", "main-3"}, "", 4, gate.Unknown, "could not find out: "},
		"too long, and tags that order": {[]string{"1.0", "1.1", "", "1.2", "+1.0"}, "", 5, gate.Unknown, "could not find out: which versions were rolled back: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grown(t, test.rules, len(test.commits), func(i int) (string, string) {
				version, says := strings.CutPrefix(test.commits[i], "+")
				if says {
					return set(version), version
				}
				return "By hand", version
			})
			s.source.Past = test.past
			checkImages(t, s, test.want, test.reason)
		})
	}
}

// A version that dev never had, such as one that a hotfix set, is in no order with
// another. Then somebody has to say that it may go.
func TestVersionThatDevNeverHad(t *testing.T) {
	t.Parallel()
	const said = "Take the fix out\n\nPawl-Allow-Downgrade: ghcr.io/acme/api hotfix-1 main-2\n"
	for name, test := range map[string]struct {
		rules, message string
		want           gate.State
		reason         string
	}{
		"nobody says so":    {"", "Go on", gate.Unknown, "ghcr.io/acme/api changes from hotfix-1 to main-2, and nothing tells which is newer"},
		"a commit says so":  {"", said, gate.Pass, "ghcr.io/acme/api changes from hotfix-1 to main-2, on purpose"},
		"the rules say so":  {", gates: {images: {allowUnordered: true, allowMutable: true}}", "Go on", gate.Pass, "1 new version"},
		"another says that": {"", strings.ReplaceAll(said, "main-2", "main-1"), gate.Unknown, "ghcr.io/acme/api changes from hotfix-1 to main-2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grown(t, test.rules, 3, func(i int) (string, string) { return "By hand", []string{"main-0", "main-1", "main-2"}[i] })
			ctx := t.Context()
			fix, err := s.repo.Commit(ctx, "staging", "Fix", map[string]string{"base/kustomization.yaml": kustomization("hotfix-1")})
			must(t, err)
			_, err = s.repo.MergeCommit(ctx, "dev", "Merge the fix", []string{s.repo.Head("dev"), fix})
			must(t, err)
			s.say(t, "dev", test.message)
			plan, err := promotion.PlanPromote(ctx, s.source, promotion.PromoteOptions{Environment: "staging"})
			must(t, err)
			got := gate.Of(plan.Promotions[0].Gates, "images")
			if got.State != test.want || !strings.HasPrefix(got.Reason, test.reason) {
				t.Errorf("got %s (%s), want %s (%s)", got.State, got.Reason, test.want, test.reason)
			}
		})
	}
}
