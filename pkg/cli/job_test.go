package cli

import (
	"io"
	"maps"
	"testing"

	"github.com/getpawl/pawl/pkg/bump"
)

// The key is the same when a job runs again, and another one for everything else.
func TestJob(t *testing.T) {
	t.Parallel()
	base := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/api", "GITHUB_WORKFLOW": "release", "GITHUB_JOB": "deploy",
		"GITHUB_WORKFLOW_REF": "acme/api/.github/workflows/release.yml@refs/heads/main", "GITHUB_SERVER_URL": "https://github.com",
		"GITHUB_RUN_ID": "42", "GITHUB_RUN_NUMBER": "7", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_SHA": "abc",
	}
	in := func(env map[string]string, flags bumpFlags, images ...string) bump.Job {
		t.Helper()
		request, err := flags.request(images)
		if err != nil {
			t.Fatal(err)
		}
		a := &app{host: host(io.Discard, io.Discard, env)}
		return a.job(flags, "acme/config", flags.what(request))
	}
	with := func(name, value string) map[string]string {
		env := maps.Clone(base)
		env[name] = value
		return env
	}
	plain := bumpFlags{digests: "refuse", env: "dev"}
	want := in(base, plain, "acme/api:1", "acme/web:2")
	if want.Sequence != (bump.Sequence{Number: 7, Source: "acme/api/.github/workflows/release.yml"}) || want.Source != "acme/api@abc" ||
		want.Run != "https://github.com/acme/api/actions/runs/42" || len(want.Key) != 16 {
		t.Errorf("got %+v", want)
	}
	for name, job := range map[string]bump.Job{
		"another attempt":       in(with("GITHUB_RUN_ATTEMPT", "2"), plain, "acme/api:1", "acme/web:2"),
		"the images turned":     in(base, plain, "acme/web:2", "acme/api:1"),
		"another runner's name": in(with("RUNNER_NAME", "x"), plain, "acme/api:1", "acme/web:2"),
	} {
		if job.Key != want.Key {
			t.Errorf("%s: the key is another one", name)
		}
	}
	narrowed := plain
	narrowed.files, narrowed.push = []string{"a.yaml"}, true
	elsewhere := plain
	elsewhere.env = "test"
	seen := map[string]string{want.Key: "the first"}
	for name, job := range map[string]bump.Job{
		"another run":         in(with("GITHUB_RUN_ID", "43"), plain, "acme/api:1", "acme/web:2"),
		"another job":         in(with("GITHUB_JOB", "build"), plain, "acme/api:1", "acme/web:2"),
		"another workflow":    in(with("GITHUB_WORKFLOW", "hotfix"), plain, "acme/api:1", "acme/web:2"),
		"another version":     in(base, plain, "acme/api:1", "acme/web:3"),
		"fewer images":        in(base, plain, "acme/api:1"),
		"files":               in(base, narrowed, "acme/api:1", "acme/web:2"),
		"another environment": in(base, elsewhere, "acme/api:1", "acme/web:2"),
	} {
		if before, ok := seen[job.Key]; ok || job.Key == "" {
			t.Errorf("%s has the key of %s", name, before)
		}
		seen[job.Key] = name
	}
	if job := in(with("GITHUB_REPOSITORY", "Acme/Config"), plain, "acme/api:1"); job.Source != "" {
		t.Errorf("the config repository is the source: %s", job.Source)
	}
	if job := in(map[string]string{}, plain, "acme/api:1"); job != (bump.Job{}) {
		t.Errorf("a person is a job: %+v", job)
	}
	if job := in(with("GITHUB_RUN_ID", ""), plain, "acme/api:1"); job.Key != "" {
		t.Errorf("half an identity makes the key %s", job.Key)
	}
	given := plain
	given.given, given.key, given.sequence = map[string]bool{"key": true, "sequence": true}, "mine", 3
	if job := in(base, given, "acme/api:1"); job.Key != "mine" || job.Sequence != (bump.Sequence{Number: 3}) {
		t.Errorf("got %+v", job)
	}
}

func TestOtherServices(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]map[string]string{
		"GitLab": {"GITLAB_CI": "true", "CI_PROJECT_PATH": "acme/api", "CI_PIPELINE_ID": "9", "CI_JOB_NAME": "deploy",
			"CI_PIPELINE_IID": "7", "CI_COMMIT_SHA": "abc", "CI_PIPELINE_URL": "https://gitlab.example.com/p/9"},
		"Buildkite": {"BUILDKITE": "true", "BUILDKITE_ORGANIZATION_SLUG": "acme", "BUILDKITE_PIPELINE_SLUG": "api",
			"BUILDKITE_BUILD_ID": "u", "BUILDKITE_BUILD_NUMBER": "7", "BUILDKITE_BUILD_URL": "https://buildkite.example.com/7"},
		"Jenkins": {"JENKINS_URL": "https://ci.example.com", "JOB_NAME": "acme/api", "BUILD_NUMBER": "7", "BUILD_URL": "https://ci.example.com/7"},
	} {
		a := &app{host: host(io.Discard, io.Discard, env)}
		job := a.job(bumpFlags{}, "acme/config", nil)
		if len(job.Key) != 16 || job.Sequence != (bump.Sequence{Number: 7, Source: "acme/api"}) || job.Run == "" {
			t.Errorf("%s: got %+v", name, job)
		}
	}
}

func TestLeadsTo(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		folder, pattern string
		want            bool
	}{
		{"base", "base/**", true},
		{"base/api", "base/**", true},
		{"other", "base/**", false},
		{"base", "base/kustomization.yaml", true},
		{"base/api", "base/kustomization.yaml", false},
		{"apps", "apps/api/values.yaml", true},
		{"apps/web", "apps/api/values.yaml", false},
		{"apps/api", "apps/api/values.yaml", true},
		{"charts/api", "charts/*/values.yaml", true},
		{"charts/api/templates", "charts/*/values.yaml", false},
		{"any/where", "**/kustomization.yaml", true},
		{"base/api", "base", true}, // the name of a folder
		{"anywhere", ".", true},
		{"apps/api", "{apps/api,base}/k.yaml", true},
		{"apps/a", "apps/[ab]/k.yaml", true},
		{"apps/c", "apps/[ab]/k.yaml", false},
	} {
		if got := leadsTo(test.folder, test.pattern); got != test.want {
			t.Errorf("leadsTo(%q, %q) is %v", test.folder, test.pattern, got)
		}
	}
}
