package audit_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/getpawl/pawl/pkg/audit"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

// Whatever people do by the rules, in whatever order: an audit finds nothing, proves
// everything, and names each exception.
func TestCleanHistories(t *testing.T) {
	t.Parallel()
	histories := 8
	if os.Getenv("PAWL_FULL") != "" {
		histories = 1000
	}
	for i := 0; i < histories; i += 100 { // rapid makes 100 each time
		runs, broken, left := 0, false, histories-i
		rapid.Check(t, func(t *rapid.T) {
			if runs++; runs > left && !broken {
				return
			}
			defer func() { broken = broken || t.Failed() }()
			obey(t)
		})
	}
}

func obey(t *rapid.T) {
	c := &citizens{world: newWorld(t), T: t}
	defer c.server.Close()
	start := release{sha: c.head("dev")}
	c.dev = []release{start}
	c.at = map[string]release{"staging": start, "production": start}
	c.heads = []release{start}
	t.Repeat(map[string]func(*rapid.T){
		"release":   c.release,
		"promote":   c.promoteSome,
		"downgrade": c.downgrade,
		"rollback":  c.rollback,
		"hotfix":    c.hotfix,
		"topic":     c.topic,
		"give up":   c.giveUp,
	})
	report := c.audit(audit.Options{})
	var want []string
	for what, n := range c.exceptions {
		if want = append(want, "("+what+")"); n > 1 {
			want[len(want)-1] += fmt.Sprintf(" ×%d", n)
		}
	}
	slices.Sort(want)
	if got := found(report); !slices.Equal(got, want) || !report.Clean {
		t.Fatalf("got %q, want %q\n%s", got, want, details(report))
	}
	for _, env := range report.Environments {
		if !env.Whole {
			t.Fatalf("%s was not judged as a whole: %+v", env.Name, env)
		}
	}
}

// release is a commit that was head of dev, and its versions, as the minor ones of api
// and web.
type release struct {
	place int // in the list of such commits
	sha   string
	minor [2]int
}

// citizens are people who follow the rules, and what they know.
type citizens struct {
	*world
	*rapid.T
	dev        []release // heads of dev
	heads      []release // those that were head of staging as well
	at         map[string]release
	least      map[string]int // the first release that contains what was done in an environment
	top        int
	back       []int // versions of api that were taken back
	exceptions map[string]int
}

func (c *citizens) head(branch string) string { return c.world.head(branch) }

// advance commits the next versions to dev, and notes it.
func (c *citizens) advance(branch string, minor [2]int, trailers ...string) {
	sha := c.commit(branch, files(minor), trailers...)
	if branch != "dev" {
		return
	}
	c.dev = append(c.dev, release{len(c.dev), sha, minor})
}

func files(minor [2]int) map[string]string {
	return kustomization(fmt.Sprintf("1.%d.0", minor[0]), fmt.Sprintf("1.%d.0", minor[1]))
}

func (c *citizens) last() release { return c.dev[len(c.dev)-1] }

// next are versions that nobody has seen.
func (c *citizens) next(t *rapid.T) [2]int {
	minor := c.last().minor
	c.top++
	minor[rapid.IntRange(0, 1).Draw(t, "image")] = c.top
	return minor
}

// release sets versions on dev: in one push, of which only the last commit becomes head.
func (c *citizens) release(t *rapid.T) {
	n := rapid.IntRange(1, 3).Draw(t, "commits")
	if n == 1 {
		c.advance("dev", c.next(t), fmt.Sprintf("Pawl-Key: job %d", c.serial))
		return
	}
	c.branch("wip", c.head("dev"))
	minor := c.last().minor
	for range n {
		minor[0]++
		c.top = max(c.top, minor[0]) + 1
		minor[0] = c.top
		c.advance("wip", minor)
	}
	c.push("dev", c.head("wip"))
	c.dev = append(c.dev, release{len(c.dev), c.head("dev"), minor})
	c.drop("wip")
}

// promoteSome promotes a commit that may be promoted.
func (c *citizens) promoteSome(t *rapid.T) {
	env := rapid.SampledFrom([]string{"staging", "production"}).Draw(t, "into")
	from := c.dev
	if env == "production" {
		from = c.heads
	}
	var able []release
	for _, r := range from {
		comes := r.minor[0] != c.at[env].minor[0]
		if r.place > c.at[env].place && r.place >= c.least[env] && !(comes && slices.Contains(c.back, r.minor[0])) {
			able = append(able, r)
		}
	}
	if len(able) == 0 {
		return
	}
	r := rapid.SampledFrom(able).Draw(t, "commit")
	c.promote(env, r.sha)
	c.at[env] = r
	if env == "staging" {
		c.heads = append(c.heads, r)
	}
}

// downgrade sets a lower version of api on purpose.
func (c *citizens) downgrade(t *rapid.T) {
	minor := c.last().minor
	if minor[0] == 0 {
		return
	}
	lower := rapid.IntRange(0, minor[0]-1).Draw(t, "lower")
	if slices.Contains(c.back, lower) {
		return
	}
	trailer := fmt.Sprintf("Pawl-Allow-Downgrade: ghcr.io/acme/api 1.%d.0 1.%d.0", minor[0], lower)
	minor[0] = lower
	c.advance("dev", minor, trailer)
}

// rollback takes the version of api in an environment back, and brings that home.
func (c *citizens) rollback(t *rapid.T) {
	env := rapid.SampledFrom([]string{"staging", "production"}).Draw(t, "of")
	now := c.at[env]
	if now.minor[0] == 0 {
		return
	}
	lower := rapid.IntRange(0, now.minor[0]-1).Draw(t, "to")
	if slices.Contains(c.back, lower) {
		return
	}
	c.back = append(c.back, now.minor[0])
	undone := now.minor
	undone[0] = lower
	c.world.branch("undo", c.world.head(env))
	c.commit("undo", files(undone), fmt.Sprintf("Rollback-Of: ghcr.io/acme/api:1.%d.0", now.minor[0]))
	c.aside(t, env, "rollback", "undo", undone)
}

// hotfix sets the next version of api in an environment, and brings it home.
func (c *citizens) hotfix(t *rapid.T) {
	env := rapid.SampledFrom([]string{"staging", "production"}).Draw(t, "of")
	c.top++
	fixed := c.at[env].minor
	fixed[0] = c.top
	c.world.branch("fix", c.world.head(env))
	c.commit("fix", files(fixed), "Hotfix: it was broken")
	c.aside(t, env, "hotfix", "fix", fixed)
}

// aside lands an exception in an environment and merges it back: to dev, with versions
// that nobody has seen. What comes next contains it.
func (c *citizens) aside(t *rapid.T, env, kind, branch string, minor [2]int) {
	c.land(branch, env)
	c.drop(branch)
	if c.exceptions == nil {
		c.exceptions, c.least = map[string]int{}, map[string]int{}
	}
	c.exceptions[env+" "+kind]++
	next := c.next(t)
	c.top++
	next[0] = c.top
	sha := c.merge("dev", "Merge "+env, c.world.head(env), changes(files(next))...)
	c.dev = append(c.dev, release{len(c.dev), sha, next})
	c.least[env] = c.last().place
	c.at[env] = release{c.at[env].place, c.world.head(env), minor}
}

// topic brings a version to dev by a pull request and a button.
func (c *citizens) topic(t *rapid.T) {
	c.world.branch("topic", c.head("dev"))
	minor := c.next(t)
	c.advance("topic", minor)
	c.press(c.propose("topic", "dev"), rapid.SampledFrom([]string{githubtest.MergeButton, githubtest.SquashButton, githubtest.RebaseButton}).Draw(t, "button"))
	c.dev = append(c.dev, release{len(c.dev), c.head("dev"), minor})
	c.drop("topic")
}

// giveUp opens a promotion and closes it.
func (c *citizens) giveUp(t *rapid.T) {
	r := rapid.SampledFrom(c.dev).Draw(t, "commit")
	if r.place <= c.at["staging"].place || c.repo.Head("pawl/staging/"+r.sha[:12]) != "" {
		return
	}
	c.ok(c.repo.ClosePullRequest(context.Background(), c.open("staging", r.sha)))
	c.drop("pawl/staging/" + r.sha[:12])
}
