package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/image"
)

// images asks whether the versions that the promotion brings may enter: that none
// goes down, none was taken back, and each stays what it is. What the promotion
// leaves as it is is not judged, except that no version which was taken back passes.
func images(facts Facts) Verdict {
	const name = "images"
	list, err := facts.Images.Get()
	if err != nil {
		return unknown(name, err)
	}
	taken, err := facts.RolledBack.Get()
	if err != nil {
		return unknown(name, fmt.Errorf("which versions were rolled back: %w", err))
	}
	var found weighed
	changed := 0
	for _, img := range list {
		brought := without(img.Next, img.Now)
		changed += len(brought)
		found.problems = append(found.problems, quarantined(img, taken)...)
		found.problems = append(found.problems, pinned(facts, img.Name, brought)...)
		if err := found.order(facts, img); err != nil {
			return unknown(name, err)
		}
	}
	switch {
	case len(found.problems) > 0:
		return Verdict{Gate: name, State: Fail, Reason: most(found.problems), Evidence: found.problems}
	case len(found.undecided) > 0:
		return Verdict{Gate: name, State: Unknown, Reason: most(found.undecided), Evidence: found.undecided}
	}
	verdict := Verdict{Gate: name, State: Pass, Evidence: found.evidence}
	switch {
	case len(found.meant) > 0:
		verdict.Reason = most(found.meant)
	case changed == 1:
		verdict.Reason = "1 new version, not older than before"
	case changed == 0:
		verdict.Reason = "no new version"
	default:
		verdict.Reason = fmt.Sprintf("%d new versions, none older than before", changed)
	}
	return verdict
}

// weighed is what was found out about versions: why they may not enter, of which
// nothing tells whether they go down, which do because somebody said so, and where.
type weighed struct {
	problems, undecided, meant, evidence []string
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

// quarantined says which versions of an image were taken back somewhere.
func quarantined(img Image, taken []RolledBack) []string {
	var problems []string
	for _, version := range img.Next {
		for _, back := range taken {
			if back.Image == img.Name && SameVersion(back.Version, version) {
				problems = append(problems, fmt.Sprintf("%s %s was rolled back in %s by %s", img.Name, version, back.Environment, Short(back.Commit)))
			}
		}
	}
	return problems
}

// SameVersion says whether two texts name the same version: one digest, or one tag
// unless their digests differ.
func SameVersion(a, b string) bool {
	tagA, digestA := cutVersion(a)
	tagB, digestB := cutVersion(b)
	if digestA != "" && digestB != "" {
		return digestA == digestB
	}
	return tagA == tagB && tagA != "" || a == b
}

// cutVersion takes "1.2@sha256:…" apart. A digest may stand alone.
func cutVersion(version string) (tag, digest string) {
	if strings.Contains(version, ":") && !strings.Contains(version, "@") {
		return "", version
	}
	tag, digest, _ = strings.Cut(version, "@")
	return tag, digest
}

// pinned says which new versions can become something else by themselves.
func pinned(facts Facts, name string, brought []string) []string {
	rules := facts.To.Gates.ImageRules()
	var problems []string
	for _, version := range brought {
		tag, digest := cutVersion(version)
		switch {
		case digest != "":
		case rules.RequireDigest:
			problems = append(problems, fmt.Sprintf("%s %s has no digest", name, shown(version)))
		case !rules.AllowMutable && mutable(facts, tag):
			problems = append(problems, fmt.Sprintf("%s %s can be another image tomorrow", name, shown(version)))
		}
	}
	return problems
}

// mutable says whether a tag moves: one of those that do by custom, or the name of
// a branch of this repository.
func mutable(facts Facts, tag string) bool {
	branch := func(name string) bool { return tag == name || tag == strings.ReplaceAll(name, "/", "-") }
	return image.MutableTag(tag) || branch(facts.From.Branch) || branch(facts.To.Branch)
}

func shown(version string) string {
	if version == "" {
		return "without a version"
	}
	return version
}

// order says which versions go down, or in no known direction.
func (w *weighed) order(facts Facts, img Image) error {
	rules := facts.To.Gates.ImageRules()
	if rules.AllowDowngrade && rules.AllowUnordered {
		return nil
	}
	for _, pair := range steps(img) {
		if err := w.step(facts, img.Name, pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

// steps pairs the versions that go with those that come: every version that goes away
// must be older than each that comes, or than each that stays when none comes.
func steps(img Image) (pairs [][2]string) {
	gone, come := without(img.Now, img.Next), without(img.Next, img.Now)
	if len(gone)+len(come) == 0 {
		return nil
	}
	if len(gone) == 0 {
		gone = img.Now
	}
	if len(come) == 0 {
		come = img.Next
	}
	for _, before := range gone {
		for _, after := range come {
			pairs = append(pairs, [2]string{before, after})
		}
	}
	return pairs
}

// NeedsOrder lists the images of which neither the tags nor the facts tell whether
// their versions go up, where the rules ask that.
func NeedsOrder(facts Facts) []string {
	var list []string
	for _, img := range facts.Images.Value {
		if facts.To.Gates.ImageRules().AllowUnordered {
			return nil
		}
		if slices.ContainsFunc(steps(img), func(pair [2]string) bool {
			direction, err := compare(facts, img.Name, pair[0], pair[1])
			return err == nil && direction == image.Incomparable
		}) {
			list = append(list, img.Name)
		}
	}
	return list
}

// step weighs that one version takes the place of another.
func (w *weighed) step(facts Facts, name, before, after string) error {
	rules := facts.To.Gates.ImageRules()
	if before == after {
		return nil
	}
	direction, err := compare(facts, name, before, after)
	switch {
	case err != nil:
		return err
	case direction == image.Incomparable && rules.AllowUnordered, direction == image.Newer && rules.AllowDowngrade:
		return nil
	case direction == image.Incomparable:
		text := fmt.Sprintf("%s changes from %s to %s", name, shown(before), shown(after))
		return w.purpose(facts, name, before, after, text, func() {
			w.undecided = append(w.undecided, text+", and nothing tells which is newer")
		})
	case direction == image.Newer:
		text := fmt.Sprintf("%s goes down from %s to %s", name, shown(before), shown(after))
		return w.purpose(facts, name, before, after, text, func() { w.problems = append(w.problems, text) })
	}
	return nil
}

// purpose notes a step that somebody wanted, or does what is to be done about one that
// nobody did.
func (w *weighed) purpose(facts Facts, name, before, after, text string, otherwise func()) error {
	commit, err := onPurpose(facts, name, before, after)
	switch {
	case err != nil:
		return err
	case commit == "":
		otherwise()
	default:
		w.meant = append(w.meant, text+", on purpose")
		w.evidence = append(w.evidence, fmt.Sprintf("%s: commit %s says so", name, Short(commit)))
	}
	return nil
}

// onPurpose finds the commit among those that the promotion brings that lowered the
// version by intention: from this one or a higher one, to this one or a lower one.
func onPurpose(facts Facts, name, before, after string) (commit string, err error) {
	lowered, err := facts.Lowered.Get()
	if err != nil {
		return "", fmt.Errorf("which versions were lowered on purpose: %w", err)
	}
	for _, l := range lowered {
		if l.Image == name && atLeast(l.From, before) && atLeast(after, l.To) {
			return l.Commit, nil
		}
	}
	return "", nil
}

// atLeast says whether one version is another, or has a higher tag.
func atLeast(high, low string) bool {
	tagHigh, _ := cutVersion(high)
	tagLow, _ := cutVersion(low)
	return high == low || tagHigh != "" && tagLow != "" && image.Compare(tagHigh, tagLow) == image.Newer
}

// compare orders two versions by what they say, else by which of them the first
// environment had first.
func compare(facts Facts, name, before, after string) (image.Order, error) {
	tagBefore, digestBefore := cutVersion(before)
	tagAfter, digestAfter := cutVersion(after)
	if tagBefore != "" && tagAfter != "" {
		switch step := image.Compare(tagBefore, tagAfter); {
		case step == image.Older || step == image.Newer:
			return step, nil
		case step == image.Equal && (digestBefore == digestAfter || digestBefore == "" || digestAfter == ""):
			return step, nil
		}
	}
	history, err := facts.Introduced[name].Get()
	if err != nil {
		return image.Incomparable, fmt.Errorf("in which order the versions of %s came: %w", name, err)
	}
	came := func(version string) int {
		return slices.IndexFunc(history, func(together []string) bool { return slices.Contains(together, version) })
	}
	i, j := came(before), came(after)
	switch {
	case i < 0 || j < 0 || i == j:
		return image.Incomparable, nil
	case i < j:
		return image.Older, nil
	}
	return image.Newer, nil
}
