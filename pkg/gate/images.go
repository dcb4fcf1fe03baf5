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
	verdict := Verdict{Gate: name, State: Pass}
	var reasons []string
	changed := 0
	for _, img := range list {
		brought := without(img.Next, img.Now)
		changed += len(brought)
		problems := quarantined(img, taken)
		problems = append(problems, pinned(facts, img.Name, brought)...)
		more, err := order(facts, img, brought)
		if err != nil {
			return unknown(name, err)
		}
		reasons = append(reasons, append(problems, more...)...)
	}
	if len(reasons) > 0 {
		verdict.State, verdict.Evidence = Fail, reasons
		verdict.Reason = most(reasons)
		return verdict
	}
	verdict.Reason = fmt.Sprintf("%d new versions, none older than before", changed)
	if changed == 1 {
		verdict.Reason = "1 new version, not older than before"
	}
	return verdict
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

// quarantined says which versions of an image were taken back somewhere.
func quarantined(img Image, taken []RolledBack) []string {
	var problems []string
	for _, version := range img.Next {
		for _, back := range taken {
			if back.Image == img.Name && sameVersion(back.Version, version) {
				problems = append(problems, fmt.Sprintf("%s %s was rolled back in %s by %s", img.Name, version, back.Environment, Short(back.Commit)))
			}
		}
	}
	return problems
}

// sameVersion says whether two texts name the same version: one digest, or one tag
// unless their digests differ.
func sameVersion(a, b string) bool {
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
	rules := facts.To.Gates.Images
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

// order says which versions go down, or in no known direction. Every version that
// goes away must be older than each that comes, or than each that stays when none
// comes.
func order(facts Facts, img Image, brought []string) ([]string, error) {
	rules := facts.To.Gates.Images
	if len(img.Now) == 0 || len(img.Next) == 0 || rules.AllowDowngrade && rules.AllowUnordered {
		return nil, nil
	}
	gone, come := without(img.Now, img.Next), brought
	if len(gone) == 0 {
		gone = img.Now
	}
	if len(come) == 0 {
		come = img.Next
	}
	var problems []string
	for _, before := range gone {
		for _, after := range come {
			if before == after {
				continue
			}
			step, err := compare(facts, img.Name, before, after)
			if err != nil {
				return nil, err
			}
			switch {
			case step == image.Newer && !rules.AllowDowngrade:
				problems = append(problems, fmt.Sprintf("%s goes down from %s to %s", img.Name, shown(before), shown(after)))
			case step == image.Incomparable && !rules.AllowUnordered:
				problems = append(problems, fmt.Sprintf("%s changes from %s to %s, and nothing tells which is newer", img.Name, shown(before), shown(after)))
			}
		}
	}
	return problems, nil
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
	i, j := slices.Index(history, before), slices.Index(history, after)
	switch {
	case i < 0 || j < 0:
		return image.Incomparable, nil
	case i < j:
		return image.Older, nil
	}
	return image.Newer, nil
}
