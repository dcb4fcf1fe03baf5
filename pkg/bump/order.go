package bump

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/image"
)

// Superseded is an image that is left as it is, because a newer version is in
// place already, or was.
type Superseded struct {
	Image   string `json:"image"`
	Version string `json:"version"`          // the one that was asked for
	By      string `json:"by"`               // the newer one
	Commit  string `json:"commit,omitempty"` // the commit that set the newer one, when it is known
	Reason  string `json:"reason"`           // how pawl knows

	asked string // the name in the setting that asked for it
}

// sentence says it for people.
func (s Superseded) sentence() string {
	at := ""
	if s.Commit != "" {
		at = " (" + short(s.Commit) + ")"
	}
	return fmt.Sprintf("%s %s is superseded by %s%s: %s", s.Image, s.Version, s.By, at, s.Reason)
}

// standing is how the version that is asked for stands to the present one. Order
// is Newer, Older, or Incomparable: nothing speaks against it.
type standing struct {
	order  image.Order
	by     string // for Older: the newer version
	commit string // for Older: the commit that set it, when it is known
	reason string // for Older: how that is known
}

// stand compares a version that is asked for with the present one. The first of
// these that knows decides:
//
//  1. Both tags are versions: the lower one is older.
//  2. The present one was set by a run that the same source numbered: the one with
//     the lower number is older.
//  3. The branch had both before: the one that it had first is older.
//
// A version that no commit knows, such as the SHA of a new commit, has nothing
// against it.
func stand(p past, job Job, name, from, to string) standing {
	now := p.of(name, from, job.Sequence.Source)
	back := func(reason string) standing { return standing{image.Older, from, now.commit, reason} }
	switch image.Compare(tagOf(to), tagOf(from)) {
	case image.Older:
		return back("it is the higher version")
	case image.Newer:
		return standing{order: image.Newer}
	}
	switch number := job.Sequence.Number; {
	case number == 0 || now.sequence == 0 || number == now.sequence:
	case number < now.sequence:
		return back(fmt.Sprintf("run %d set it, and this is run %d", now.sequence, number))
	default:
		return standing{order: image.Newer}
	}
	before := p.of(name, to, "")
	switch {
	case now.commit == "" || before.commit == "" || before.first == now.first:
		return standing{}
	case before.first > now.first:
		return back(fmt.Sprintf("the branch had %s before it", to))
	}
	return standing{order: image.Newer}
}

func tagOf(version string) string {
	tag, _, _ := strings.Cut(version, "@")
	return tag
}

// judge decides which images of a plan are not to be set, or that nothing is.
//
// An image goes back when the version asked for is older in every place. A job
// that lost a race has nothing left to do there: the newer version stays, and the
// other images are set. A person is told, and asked. Where it would go up in one
// place and back in another, nobody can tell what is meant.
//
// It also says whether nothing told, for some image, which version is older.
func judge(plan *Plan, p past, job Job) (superseded []Superseded, undecided bool, err error) {
	var problems []error
	for _, group := range bySetting(plan.Changes) {
		back := 0
		var worst standing
		var at Change
		for _, change := range group {
			s := stand(p, job, change.name(), change.From, change.To)
			undecided = undecided || s.order == image.Incomparable && change.From != ""
			if s.order == image.Older {
				back++
				worst, at = s, change
			}
		}
		switch {
		case back == 0:
		case back < len(group):
			problems = append(problems, mixed(at, len(group), back))
		case job.unattended() && at.asked != "": // what nothing asked for by name could not be left out
			superseded = append(superseded, Superseded{at.Image, at.To, worst.by, worst.commit, worst.reason, at.asked})
		default:
			problems = append(problems, goesBack(at, worst))
		}
	}
	return superseded, undecided, errors.Join(problems...)
}

// bySetting groups changes by what asked for them, in their order.
func bySetting(changes []Change) [][]Change {
	var groups [][]Change
	for _, change := range changes {
		i := slices.IndexFunc(groups, func(g []Change) bool { return g[0].asked == change.asked && g[0].To == change.To })
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], change)
	}
	return groups
}

func mixed(at Change, all, back int) error {
	return &Refusal{
		Reason: fmt.Sprintf("%s:%d: %s would go down from %s to %s, but not everywhere: in %d of %d places",
			at.File, at.Line, at.label(), at.From, at.To, back, all),
		Fix: "narrow it to the files that are meant with --file; if all of them are, say so with --allow-downgrade",
	}
}

func goesBack(at Change, s standing) error {
	why := ""
	if image.Compare(tagOf(at.To), tagOf(at.From)) != image.Older {
		why = ": " + s.reason // else the numbers speak for themselves
	}
	return &Refusal{
		Reason: fmt.Sprintf("%s:%d: %s would go down from %s to %s%s", at.File, at.Line, at.label(), at.From, at.To, why),
		Fix:    "if that is what you want, say so with --allow-downgrade",
	}
}
