package promotion

import (
	"testing"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
)

// What a commit says of itself counts, except where a button copied it from others.
func TestLooks(t *testing.T) {
	t.Parallel()
	const squash, merge = "a squashed pull request: somebody used the squash button", "a merge commit: somebody used the merge button"
	for _, tt := range []struct {
		message string
		parents int
		want    string
	}{
		{"Raise the limit", 1, "made on this branch"},
		{"Raise the limit\n\nHotfix: out of memory", 1, "a hotfix, as its trailer says"},
		{"Raise the limit\n\nHotfix: out of memory\n\nand more prose", 1, "made on this branch"},
		{"Back to 1.4.1\n\nRollback-Of: ghcr.io/acme/api:1.4.2", 1, "a rollback, as its trailer says"},
		{"Merge production\n\nBack-Merge-Of: production", 2, "a back-merge, as its trailer says"},
		{"Merge pull request #1\n\nHotfix: out of memory", 2, merge},
		{"Merge pull request #1", 2, merge},
		{"Promote to staging (#1)", 1, squash},
		{"Promote to staging (#1)\n\nHotfix: out of memory", 1, squash + "; its trailer says that it is a hotfix"},
	} {
		if got := looks(forge.Commit{Message: tt.message, Parents: make([]string, tt.parents)}); got != tt.want {
			t.Errorf("%q with %d parents looks like %q, want %q", tt.message, tt.parents, got, tt.want)
		}
	}
}

// A name of a branch is one word of the command, whatever Git allows in it.
func TestHealCommand(t *testing.T) {
	t.Parallel()
	for branch, want := range map[string]string{
		"production":     "git merge --no-ff origin/production",
		"env/prod_1.2-x": "git merge --no-ff origin/env/prod_1.2-x",
		"a;reboot":       "git merge --no-ff 'origin/a;reboot'",
		"it's$(id)":      `git merge --no-ff 'origin/it'\''s$(id)'`,
	} {
		want = "git fetch && git switch dev && git pull --ff-only && " + want + " && git push"
		if got := HealCommand(config.Environment{Branch: "dev"}, config.Environment{Branch: branch}); got != want {
			t.Errorf("healing %s: %s, want %s", branch, got, want)
		}
	}
}
