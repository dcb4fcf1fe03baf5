package image

import (
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Order is how one version relates to another.
type Order int

// The orders. Incomparable is the zero value: what is not known to be newer is
// never taken for newer.
const (
	Incomparable Order = iota // nothing is known: other words, a commit, build metadata
	Older                     // the first comes before the second
	Equal                     // both are the same version
	Newer                     // the first comes after the second
)

// String returns the order in a word.
func (o Order) String() string {
	switch o {
	case Older:
		return "older"
	case Equal:
		return "equal"
	case Newer:
		return "newer"
	}
	return "incomparable"
}

// Compare says how the tag a relates to the tag b: Compare("1.9", "1.10") is
// [Older]. The order is the one of https://semver.org; a leading v is allowed, and
// one or two numbers stand for three ("1.2" is 1.2.0). Equal strings are equal,
// whatever they say. Versions with build metadata, and numbers that may be the
// start of a commit's SHA, are incomparable to all others.
func Compare(a, b string) Order {
	if a == b {
		return Equal
	}
	v, ok := parseVersion(a)
	if !ok {
		return Incomparable
	}
	w, ok := parseVersion(b)
	if !ok {
		return Incomparable
	}
	switch v.Compare(w) {
	case -1:
		return Older
	case 1:
		return Newer
	}
	return Equal
}

func parseVersion(tag string) (*semver.Version, bool) {
	if mayBeCommit(tag) {
		return nil, false
	}
	v, err := semver.NewVersion(tag)
	if err != nil || v.Metadata() != "" {
		return nil, false
	}
	return v, true
}

// mayBeCommit spots the abbreviated (7) and full (40) SHAs that happen to have
// digits only: one short SHA in 27 has.
func mayBeCommit(tag string) bool {
	if len(tag) != 7 && len(tag) != 40 {
		return false
	}
	return strings.Trim(tag, "0123456789") == ""
}

// MutableTag reports whether a tag is one of those that, by custom, point at
// another image tomorrow: no tag at all (which means latest), latest, main,
// master, trunk, head, dev, develop, development, edge, nightly, canary, snapshot,
// unstable, stable, staging, production, prod. Case does not matter.
func MutableTag(tag string) bool {
	switch strings.ToLower(tag) {
	case "", "latest", "main", "master", "trunk", "head",
		"dev", "develop", "development", "edge", "nightly", "canary", "snapshot",
		"unstable", "stable", "staging", "production", "prod":
		return true
	}
	return false
}
