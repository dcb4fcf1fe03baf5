package bump

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
)

// told makes the history of a branch, oldest first: each line is what a bump set,
// and the number of its run with who counted, if it had one.
func told(lines ...string) past {
	var commits []git.Commit
	for i, line := range lines {
		reference, sequence, _ := strings.Cut(line, " ")
		message := "Bump\n\nText of others.\n\nPawl-Image: " + reference + "\n"
		if sequence != "" {
			message += "Pawl-Sequence: " + sequence + "\n"
		}
		commits = append([]git.Commit{{SHA: fmt.Sprintf("%040d", i+1), Message: message}}, commits...)
	}
	return readPast(commits, true)
}

func TestStand(t *testing.T) {
	t.Parallel()
	const (
		older   = image.Older
		newer   = image.Newer
		nothing = image.Incomparable
	)
	digestA, digestB := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	ci := func(n uint64) Job { return Job{Key: "k", Sequence: Sequence{n, "w"}} }
	for _, test := range []struct {
		name     string
		past     past
		job      Job
		from, to string
		want     image.Order
	}{
		// Versions decide, whatever else is known.
		{"higher", told(), Job{}, "1.4.1", "1.4.2", newer},
		{"lower", told(), Job{}, "1.4.2", "1.4.1", older},
		{"ten is more than nine", told(), Job{}, "1.9.0", "1.10.0", newer},
		{"nine is less than ten", told(), Job{}, "1.10.0", "1.9.0", older},
		{"with and without v", told(), Job{}, "v1.4.2", "1.4.1", older},
		{"two numbers", told(), Job{}, "1.5", "1.4.9", older},
		{"pre-release before release", told(), Job{}, "2.0.0", "2.0.0-rc.1", older},
		{"release after pre-release", told(), Job{}, "2.0.0-rc.1", "2.0.0", newer},
		{"pre-releases in order", told(), Job{}, "2.0.0-rc.2", "2.0.0-rc.10", newer},
		{"higher, though the run is earlier", told("a/b:1.0.0 9 w"), ci(3), "1.0.0", "1.1.0", newer},
		{"lower, though the run is later", told("a/b:1.1.0 3 w"), ci(9), "1.1.0", "1.0.0", older},
		{"higher, though it was there before", told("a/b:1.1.0", "a/b:1.0.0"), Job{}, "1.0.0", "1.1.0", newer},
		{"lower with digests", told(), Job{}, "1.1.0@" + digestA, "1.0.0@" + digestB, older},
		{"higher with digests", told(), Job{}, "1.0.0@" + digestA, "1.1.0@" + digestB, newer},
		// The numbers of runs.
		{"later run", told("a/b:x 5 w"), ci(6), "x", "y", newer},
		{"earlier run", told("a/b:x 5 w"), ci(4), "x", "y", older},
		{"same run", told("a/b:x 5 w"), ci(5), "x", "y", nothing},
		{"numbers, not texts", told("a/b:x 10 w"), ci(9), "x", "y", older},
		{"large numbers", told("a/b:x 18446744073709551615 w"), ci(1), "x", "y", older},
		{"another source", told("a/b:x 5 v"), ci(4), "x", "y", nothing},
		{"a source that begins alike", told("a/b:x 5 ww"), ci(4), "x", "y", nothing},
		{"by hand beside a workflow", told("a/b:x 5 w"), Job{Sequence: Sequence{Number: 4}}, "x", "y", nothing},
		{"by hand beside by hand", told("a/b:x 5"), Job{Sequence: Sequence{Number: 4}}, "x", "y", older},
		{"the job has no number", told("a/b:x 5 w"), Job{Key: "k"}, "x", "y", nothing},
		{"the present one has none", told("a/b:x"), ci(1), "x", "y", nothing},
		{"another image's number", told("a/c:x 9 w"), ci(1), "x", "y", nothing},
		{"a number that is none", told("a/b:x -5 w"), ci(1), "x", "y", nothing},
		{"number zero", told("a/b:x 0 w"), ci(1), "x", "y", nothing},
		{"set twice: the later run counts", told("a/b:x 5 w", "a/b:z 6 w", "a/b:x 9 w"), ci(7), "x", "y", older},
		{"not the highest of all, but of the one in place", told("a/b:x 5 w", "a/b:z 9 w"), ci(7), "x", "y", newer},
		{"a number and a version that was there", told("a/b:x 1 w", "a/b:y 2 w"), ci(3), "y", "x", newer},
		{"the same image by another name", told("docker.io/a/b:x 5 w"), ci(4), "x", "y", older},
		{"equal tags, other digests, later run", told("a/b:x@" + digestA + " 5 w"), ci(6), "x@" + digestA, "x@" + digestB, newer},
		{"equal tags, other digests, earlier run", told("a/b:x@" + digestA + " 5 w"), ci(4), "x@" + digestA, "x@" + digestB, older},
		{"equal versions in other words, earlier run", told("a/b:1.0 5 w"), ci(4), "1.0", "1.0.0", older},
		// What the branch had first.
		{"there before", told("a/b:x", "a/b:y"), Job{}, "y", "x", older},
		{"there after", told("a/b:x", "a/b:y", "a/b:x"), Job{}, "x", "y", newer},
		{"first introduction counts", told("a/b:x", "a/b:y", "a/b:x", "a/b:y"), Job{}, "y", "x", older},
		{"both in one commit's message", told("a/b:x"), Job{}, "x", "x", nothing},
		{"never there", told("a/b:x"), Job{}, "x", "y", nothing},
		{"the present one by hand", told("a/b:x"), Job{}, "z", "x", nothing},
		{"neither was there", told(), Job{}, "x", "y", nothing},
		{"commits as tags", told("a/b:1234567", "a/b:89abcde"), Job{}, "89abcde", "1234567", older},
		{"a new commit as a tag", told("a/b:1234567", "a/b:89abcde"), Job{}, "89abcde", "fedcba9", nothing},
		{"a commit of digits only is no version", told(), Job{}, "2000000", "1000000", nothing},
		{"digests there before", told("a/b@"+digestA, "a/b@"+digestB), Job{}, digestB, digestA, older},
		{"another image had it", told("a/c:x", "a/b:y"), Job{}, "y", "x", nothing},
		{"from a version to a commit", told("a/b:1.0.0"), Job{}, "1.0.0", "89abcde", nothing},
		{"from no version", told("a/b:x"), Job{}, "", "y", nothing},
		{"moved about, and back to a version", told(), Job{}, "latest", "1.0.0", nothing},
		{"other run, no number, there before", told("a/b:x 7 w", "a/b:y 8 w"), Job{Key: "k"}, "y", "x", older},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := stand(test.past, test.job, "a/b", test.from, test.to)
			if got.order != test.want {
				t.Errorf("%s after %s is %v (%s), want %v", test.to, test.from, got.order, got.reason, test.want)
			}
			if got.order == image.Older && (got.by != test.from || got.reason == "") {
				t.Errorf("by %q, because %q", got.by, got.reason)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	change := func(name, from, to string) Change {
		return Change{Image: name, From: from, To: to, File: "f.yaml", Line: 1, asked: name}
	}
	job := Job{Key: "k"}
	for _, test := range []struct {
		name       string
		changes    []Change
		job        Job
		superseded string
		refused    string
	}{
		{"up", []Change{change("a", "1.0.0", "1.1.0")}, job, "", ""},
		{"down, a job", []Change{change("a", "1.1.0", "1.0.0")}, job, "a", ""},
		{"down, a person", []Change{change("a", "1.1.0", "1.0.0")}, Job{}, "", "f.yaml:1: a would go down from 1.1.0 to 1.0.0"},
		{"down, a person with a number", []Change{change("a", "1.1.0", "1.0.0")}, Job{Sequence: Sequence{Number: 1}}, "a", ""},
		{"one down, one up", []Change{change("a", "1.1.0", "1.0.0"), change("b", "1.0.0", "1.1.0")}, job, "a", ""},
		{"down everywhere", []Change{change("a", "1.1.0", "1.0.0"), change("a", "1.2.0", "1.0.0")}, job, "a", ""},
		{"down here, up there", []Change{change("a", "1.2.0", "1.1.0"), change("a", "1.0.0", "1.1.0")}, job, "", "not everywhere: in 1 of 2 places"},
		{"down here, unknown there", []Change{change("a", "1.2.0", "1.1.0"), change("a", "latest", "1.1.0")}, Job{}, "", "in 1 of 2 places"},
		{"a field of no image", []Change{change("", "1.1.0", "1.0.0")}, job, "", "would go down"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			superseded, _, err := judge(&Plan{Changes: test.changes}, past{}, test.job)
			var names []string
			for _, each := range superseded {
				names = append(names, each.Image)
			}
			if got := strings.Join(names, " "); got != test.superseded {
				t.Errorf("superseded: %q, want %q", got, test.superseded)
			}
			var refusal *Refusal
			if test.refused == "" && err != nil || test.refused != "" && (!errors.As(err, &refusal) || !strings.Contains(err.Error(), test.refused)) {
				t.Errorf("got %v, want %q", err, test.refused)
			}
		})
	}
}

// branch is a branch as the decisions see it: what its commits say, and the
// version in place.
type branch struct {
	commits []git.Commit // newest first
	now     string
}

// run is one job: it decides on the branch as it is, and lands or not. The answer
// may be lost, in which case it is none the wiser.
func (b *branch) run(job Job, to string) {
	p := readPast(b.commits, true)
	if p.byKey(job.Key) != "" || b.now == to {
		return
	}
	plan := &Plan{Changes: []Change{{Image: "a/b", From: b.now, To: to, asked: "a/b"}}}
	if superseded, _, err := judge(plan, p, job); err != nil || len(superseded) > 0 {
		return
	}
	message := fmt.Sprintf("Bump\n\nPawl-Image: a/b:%s\nPawl-Key: %s\n", to, job.Key)
	if job.Sequence.Number > 0 {
		message += "Pawl-Sequence: " + job.Sequence.String() + "\n"
	}
	b.commits = append([]git.Commit{{SHA: fmt.Sprintf("%040d", len(b.commits)), Message: message}}, b.commits...)
	b.now = to
}

// Jobs in any order, run again at any time, with answers lost: the newest version
// ends up in place, no commit sets a lower one, and no job lands twice.
func TestNeverBackwards(t *testing.T) {
	t.Parallel()
	for name, tag := range map[string]func(i int) string{
		"versions":          func(i int) string { return fmt.Sprintf("1.%d.0", i) },
		"commits, numbered": func(i int) string { return fmt.Sprintf("sha-%x", 0xf0000000-i*0x01234567) },
	} {
		numbered := name != "versions"
		rapid.Check(t, func(t *rapid.T) {
			jobs := rapid.IntRange(1, 8).Draw(t, "jobs")
			order := rapid.Permutation(sequence(jobs)).Draw(t, "order")
			again := rapid.SliceOfN(rapid.IntRange(0, jobs-1), 0, 12).Draw(t, "again")
			b := &branch{now: tag(0)}
			landed := map[string]int{}
			for _, i := range append(order, again...) {
				job := Job{Key: fmt.Sprint("job", i)}
				if numbered {
					job.Sequence = Sequence{uint64(i + 1), "w"}
				}
				before := len(b.commits)
				b.run(job, tag(i+1))
				if len(b.commits) > before {
					landed[job.Key]++
				}
			}
			if b.now != tag(jobs) {
				t.Fatalf("%s: %s is in place, want %s (order %v, again %v)", name, b.now, tag(jobs), order, again)
			}
			highest := 0
			for i := len(b.commits) - 1; i >= 0; i-- {
				at := 0
				for j := range jobs {
					if strings.Contains(b.commits[i].Message, "a/b:"+tag(j+1)+"\n") {
						at = j + 1
					}
				}
				if at <= highest {
					t.Fatalf("%s: version %d was set after version %d", name, at, highest)
				}
				highest = at
			}
			for key, n := range landed {
				if n > 1 {
					t.Fatalf("%s: %s landed %d times", name, key, n)
				}
			}
		})
	}
}

func sequence(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
