package gate

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
)

// The model walks through everything that can happen to a small repository: bumps,
// promotions that are opened and merged when the gates allow it, hotfixes,
// rollbacks and back-merges, in every order. Whether a promotion may be merged is
// decided by Evaluate itself. In every state that is reached the promises hold, and
// there is a way back to one commit everywhere.
//
// It has one image and one file that hotfixes change; merges do not conflict. The
// time a step takes, people and faults are TestSafeAndConvergent's, in the package
// promotion.

// environments of the model, in promotion order.
const (
	dev = iota
	staging
	production
	stages
)

// release is a commit of the model.
type release struct {
	parents   [2]int8 // the first is -1 for the start, the second for all but merges
	ancestors uint32  // the commits in its history, itself included
	tag       int8    // the version of the image
	fixes     uint8   // the hotfixes in it
	took      int8    // the version that a rollback took back, 0 for none
	at        int8    // where it did that
}

// world is a state of the model. Commits are numbered in the order in which they
// were made.
type world struct {
	commits []release
	head    [stages]int8
	past    [stages]uint32 // commits that were the head
	open    [stages]int8   // the commit of the open promotion into it, -1 for none

	versions, hotfixes, rollbacks int8
}

// practice is how things are done: the gates that are asked, and how a back-merge
// picks versions and fixes. The zero value is pawl's.
type practice struct {
	name     string
	ignored  []string // gates that are not asked
	ancestry bool     // being in the history of the environment before is enough
	current  bool     // only the present head of the environment before may enter
	merged   func(upstream, downstream release) (tag int8, fixes uint8)
}

// bounds keep the walk finite.
type bounds struct {
	depth, commits      int
	hotfixes, rollbacks int8
}

func start() world {
	w := world{commits: []release{{parents: [2]int8{-1, -1}, ancestors: 1, tag: 1}}, versions: 1}
	for env := range stages {
		w.past[env], w.open[env] = 1, -1
	}
	return w
}

func (w world) clone() world {
	w.commits = slices.Clone(w.commits)
	return w
}

// key identifies a state.
func (w world) key() string {
	var b []byte
	for _, c := range w.commits {
		b = append(b, byte(c.parents[0]), byte(c.parents[1]), byte(c.tag), c.fixes, byte(c.took), byte(c.at))
	}
	for env := range stages {
		b = append(b, byte(w.head[env]), byte(w.open[env]))
		b = binary.LittleEndian.AppendUint32(b, w.past[env])
	}
	return string(b)
}

// commit adds a commit and puts it at the head of an environment.
func (w *world) commit(env int, c release) {
	n := int8(len(w.commits))
	c.ancestors = 1 << n
	for _, parent := range c.parents {
		if parent >= 0 {
			c.ancestors |= w.commits[parent].ancestors
		}
	}
	w.commits = append(w.commits, c)
	w.move(env, n)
}

func (w *world) move(env int, to int8) {
	w.head[env] = to
	w.past[env] |= 1 << to
}

func (w world) at(env int) release { return w.commits[w.head[env]] }

// descends says whether one commit has another in its history.
func (w world) descends(commit, from int8) bool {
	return w.commits[commit].ancestors&(1<<from) != 0
}

// step is something that can happen next.
type step struct {
	name  string
	after world
}

// steps lists everything that can happen.
func (w world) steps(p practice, b bounds) []step {
	var list []step
	add := func(name string, after world) { list = append(list, step{name, after}) }
	grow := len(w.commits) < b.commits
	if grow {
		after := w.clone()
		after.bump()
		add("bump", after)
	}
	for env := staging; env <= production; env++ {
		for candidate := range int8(len(w.commits)) {
			if w.mayOpen(env, candidate) {
				after := w.clone()
				after.open[env] = candidate
				add(fmt.Sprintf("promote %d to %s", candidate, name(env)), after)
			}
		}
		if w.open[env] >= 0 && w.allowed(p, env) {
			after := w.clone()
			after.move(env, w.open[env])
			after.open[env] = -1
			add("merge into "+name(env), after)
		}
		if grow && w.rollbacks < b.rollbacks {
			if after, ok := w.rollback(env); ok {
				add("roll back "+name(env), after)
			}
		}
		if grow && !w.descends(w.head[dev], w.head[env]) {
			after := w.clone()
			after.backmerge(p, env)
			add("merge "+name(env)+" back", after)
		}
	}
	if grow && w.hotfixes < b.hotfixes {
		after := w.clone()
		after.hotfix()
		add("fix production", after)
	}
	return list
}

func (w *world) bump() {
	w.versions++
	base := w.at(dev)
	w.commit(dev, release{parents: [2]int8{w.head[dev], -1}, tag: w.versions, fixes: base.fixes})
}

func (w *world) hotfix() {
	base := w.at(production)
	w.commit(production, release{parents: [2]int8{w.head[production], -1}, tag: base.tag, fixes: base.fixes | 1<<w.hotfixes})
	w.hotfixes++
}

// rollback restores the version that an environment had before its present one.
func (w world) rollback(env int) (world, bool) {
	base, before := w.at(env), int8(0)
	for n := range int8(len(w.commits)) {
		if tag := w.commits[n].tag; w.past[env]&(1<<n) != 0 && tag < base.tag && tag > before && !w.quarantined(tag) {
			before = tag
		}
	}
	if before == 0 {
		return w, false
	}
	w = w.clone()
	w.rollbacks++
	w.commit(env, release{parents: [2]int8{w.head[env], -1}, tag: before, fixes: base.fixes, took: base.tag, at: int8(env)})
	return w, true
}

func (w world) quarantined(tag int8) bool {
	return slices.ContainsFunc(w.commits, func(c release) bool { return c.took == tag })
}

// backmerge brings what an environment has on its own back to dev, as
// docs/how-to/heal-divergence.md says: the version is dev's, everything else of both.
func (w *world) backmerge(p practice, env int) {
	up, down := w.at(dev), w.at(env)
	tag, fixes := up.tag, up.fixes|down.fixes
	if p.merged != nil {
		tag, fixes = p.merged(up, down)
	}
	w.commit(dev, release{parents: [2]int8{w.head[dev], w.head[env]}, tag: tag, fixes: fixes})
}

// mayOpen says whether somebody may open a promotion of the commit. Anybody may, of
// whatever is in the history of the environment before: what counts is the merge.
func (w world) mayOpen(env int, candidate int8) bool {
	return w.open[env] != candidate && w.descends(w.head[env-1], candidate) &&
		w.descends(candidate, w.head[env]) && candidate != w.head[env]
}

// allowed asks the gates.
func (w world) allowed(p practice, env int) bool {
	for _, verdict := range Evaluate(w.facts(p, env)) {
		if verdict.State == Pass || slices.Contains(p.ignored, verdict.Gate) {
			continue
		}
		if verdict.Gate == "earned" && p.ancestry && w.descends(w.head[env-1], w.open[env]) {
			continue
		}
		if verdict.Gate == "images" && slices.Contains(p.ignored, reasonOf(verdict)) {
			continue
		}
		return false
	}
	return true
}

// reasonOf says which half of the gate on images failed.
func reasonOf(verdict Verdict) string {
	if strings.Contains(verdict.Reason, "was rolled back") {
		return "quarantine"
	}
	return "downgrade"
}

// facts are what pawl reads of the state before a merge.
func (w world) facts(p practice, env int) Facts {
	commit, head := w.open[env], w.head[env]
	from, to := config.Environment{Name: name(env - 1), Branch: name(env - 1)}, config.Environment{Name: name(env), Branch: name(env)}
	to.Gates.Images, to.Gates.RequireCurrent, to.Gates.Secrets = &config.ImageRules{}, p.current, "off"
	facts := Facts{
		Now: clock(0), From: from, To: to, Commit: hash(commit), Head: "head",
		Comparison:  Known(forge.Comparison{Relation: w.relation(head, commit), Base: hash(head), Head: hash(commit)}),
		FromHead:    Known(hash(w.head[env-1])),
		PullRequest: &forge.PullRequest{Number: 1, State: forge.Open, Base: to.Branch, Head: "head", HeadSHA: hash(commit), BaseRepo: "a/b", HeadRepo: "a/b"},
		Images:      Known([]Image{{Name: "api", Now: []string{version(w.commits[head].tag)}, Next: []string{version(w.commits[commit].tag)}}}),
		Landed:      Known([]forge.PullRequest(nil)),
	}
	var moves []forge.Move
	for n := range int8(len(w.commits)) {
		if w.past[env-1]&(1<<n) != 0 {
			moves = append(moves, forge.Move{ID: int64(n), After: hash(n), Kind: "push", Time: clock(int(n))})
		}
	}
	facts.Moves = Known(moves)
	var taken []RolledBack
	for n, c := range w.commits {
		if c.took > 0 {
			taken = append(taken, RolledBack{Image: "api", Version: version(c.took), Environment: name(int(c.at)), Commit: hash(int8(n))})
		}
	}
	facts.RolledBack, facts.Lowered = Known(taken), Known([]Lowered(nil))
	return facts
}

func (w world) relation(base, head int8) forge.Relation {
	switch {
	case base == head:
		return forge.Identical
	case w.descends(head, base):
		return forge.Ahead
	case w.descends(base, head):
		return forge.Behind
	}
	return forge.Diverged
}

func name(env int) string         { return [...]string{"dev", "staging", "production"}[env] }
func hash(n int8) string          { return strings.Repeat(string(rune('a'+n)), 40) }
func version(tag int8) string     { return fmt.Sprintf("1.0.%d", tag) }
func clock(minutes int) time.Time { return noon.Add(time.Duration(minutes-1000) * time.Minute) }

// violated says which promise a step broke.
func violated(before, after world) string {
	for env := range stages {
		if !after.descends(after.head[env], before.head[env]) {
			return "P1: " + name(env) + " did not move forward"
		}
		was, is := before.at(env), after.at(env)
		rolledBack := len(after.commits) > len(before.commits) && is.took == was.tag
		if is.tag < was.tag && !rolledBack {
			return fmt.Sprintf("P5: %s went down from %d to %d", name(env), was.tag, is.tag)
		}
	}
	for env := staging; env <= production; env++ {
		if after.head[env] == before.head[env] || len(after.commits) > len(before.commits) {
			continue // nothing was merged
		}
		was, is := before.at(env), after.at(env)
		switch {
		case after.past[env-1]&(1<<after.head[env]) == 0:
			return fmt.Sprintf("P3: commit %d entered %s and was never head of %s", after.head[env], name(env), name(env-1))
		case is.tag != was.tag && before.quarantined(is.tag):
			return fmt.Sprintf("P5: version %d was rolled back and entered %s again", is.tag, name(env))
		case was.fixes&^is.fixes != 0:
			return "P4: a hotfix was lost in " + name(env)
		}
	}
	return ""
}

// stuck says why a state has no way back to one commit everywhere. The way is the
// documented one: merge back, release a version, promote it.
func (w world) stuck(p practice) string {
	w = w.clone()
	for env := staging; env <= production; env++ {
		if !w.descends(w.head[dev], w.head[env]) {
			w.backmerge(p, env)
		}
	}
	w.bump()
	for env := staging; env <= production; env++ {
		w.open[env] = w.head[env-1]
		if !w.allowed(p, env) {
			return fmt.Sprintf("P13: %s does not take %d: %v", name(env), w.open[env], Blocking(Evaluate(w.facts(p, env))))
		}
		w.move(env, w.open[env])
	}
	return ""
}

// explore walks breadth first and returns the number of states, and the first
// violation with the steps that led to it.
func explore(p practice, b bounds) (states int, violation string) {
	type visit struct {
		world
		from  int
		step  string
		depth int
	}
	queue := []visit{{world: start(), from: -1}}
	seen := map[string]bool{queue[0].key(): true}
	path := func(at int, last string) string {
		steps := []string{last}
		for ; at > 0; at = queue[at].from {
			steps = append(steps, queue[at].step)
		}
		slices.Reverse(steps)
		return strings.Join(steps, "; ")
	}
	for at := 0; at < len(queue); at++ {
		here := queue[at]
		if at%wedgeEvery == 0 {
			if why := here.stuck(p); why != "" {
				return len(seen), why + " after: " + path(at, "")
			}
		}
		if here.depth == b.depth {
			continue
		}
		for _, next := range here.steps(p, b) {
			if why := violated(here.world, next.after); why != "" {
				return len(seen), why + " after: " + path(at, next.name)
			}
			key := next.after.key()
			if seen[key] {
				continue
			}
			seen[key] = true
			queue = append(queue, visit{next.after, at, next.name, here.depth + 1})
		}
		queue[at].world = world{} // only the way is needed from here on
	}
	return len(seen), ""
}

// wedgeEvery is how many states share one look for the way back.
const wedgeEvery = 50

func TestModel(t *testing.T) {
	t.Parallel()
	b, least := bounds{depth: 9, commits: 7, hotfixes: 2, rollbacks: 2}, 8_000
	if os.Getenv("PAWL_FULL") != "" {
		b.depth, b.commits, least = 13, 10, 400_000
	}
	for _, p := range []practice{{name: "was the head"}, {name: "is the head", current: true}} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			states, violation := explore(p, b)
			if violation != "" {
				t.Fatal(violation)
			}
			t.Logf("%d states, no violation", states)
			if states < least {
				t.Errorf("%d states only: something cannot happen anymore", states)
			}
		})
	}
}

// Each of these is how some tool or script does it. The model must find out why it
// is wrong: one that finds nothing wrong anywhere proves nothing.
func TestModelFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := bounds{depth: 9, commits: 8, hotfixes: 1, rollbacks: 1}
	theirs := func(up, down release) (int8, uint8) { return down.tag, up.fixes | down.fixes }
	ours := func(up, _ release) (int8, uint8) { return up.tag, up.fixes }
	for _, test := range []struct {
		practice
		promise string
	}{
		{practice{name: "being in the history is enough", ancestry: true}, "P3"},
		{practice{name: "no quarantine", ignored: []string{"quarantine"}}, "P5"},
		{practice{name: "no quarantine, but only the present head", ignored: []string{"quarantine"}, current: true}, "P5"},
		{practice{name: "no guard against downgrades", ignored: []string{"downgrade"}}, "P5"},
		{practice{name: "back-merge takes the versions of downstream", merged: theirs}, "P5"},
		{practice{name: "back-merge keeps its own side", merged: ours}, "P4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			states, violation := explore(test.practice, b)
			if !strings.HasPrefix(violation, test.promise) {
				t.Fatalf("%d states, and the violation found was %q", states, violation)
			}
			t.Log(violation)
		})
	}
}
