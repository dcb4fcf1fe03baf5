// Package image knows image references as values: it parses, compares, orders
// and prints them.
//
// It guarantees:
//
//   - the grammar is the one of github.com/distribution/reference, which the
//     container runtimes use, and every refusal says which part is wrong;
//   - a reference is kept as it was written: [Reference.String] gives back the
//     text that [Parse] was given;
//   - two references are the same image exactly when their registry and
//     repository are the same after the defaults of Docker Hub ("nginx" is
//     "docker.io/library/nginx"); a name never matches by its ending.
//
// It does no network access: it does not know whether an image exists or what
// a tag points at.
package image

import (
	_ "crypto/sha256" // the digest grammar accepts an algorithm only when it is linked
	_ "crypto/sha512"
	"errors"
	"fmt"
	"strings"

	"github.com/distribution/reference"
)

// maxLength is longer than any reference that the grammar allows: a host of 253
// characters with a port, a repository of 255, a tag of 128, a sha512 digest.
const maxLength = 1024

// Reference is an image reference, [registry/]repository[:tag][@digest], as
// written. The zero value is no reference.
type Reference struct {
	Name   string // registry/repository as written: "nginx", "ghcr.io/acme/api"
	Tag    string // "1.2", or "" when there is none
	Digest string // "sha256:…", or "" when there is none
}

// Parse reads an image reference. The grammar is strict: a repository in upper
// case, a malformed tag and a digest of the wrong length are refused with the
// reason.
func Parse(s string) (Reference, error) {
	if len(s) > maxLength {
		return Reference{}, fmt.Errorf("parsing image reference: %d characters are too many (at most %d)", len(s), maxLength)
	}
	ref, err := split(s)
	if err != nil {
		return Reference{}, fmt.Errorf("parsing image reference %q: %w", s, err)
	}
	return ref, nil
}

// split takes the reference apart before the grammar judges each part, so that
// an error can name the part.
func split(s string) (Reference, error) {
	switch {
	case s == "":
		return Reference{}, errors.New("it is empty")
	case strings.Contains(s, "://"):
		return Reference{}, errors.New("an image reference has no scheme: leave out everything up to \"://\"")
	}
	rest, digest, pinned := strings.Cut(s, "@")
	if pinned {
		if _, err := ParseDigest(digest); err != nil {
			return Reference{}, err
		}
	}
	name, tag, tagged := cutTag(rest)
	if tagged {
		if _, err := ParseTag(tag); err != nil {
			return Reference{}, err
		}
	}
	if name == "sha256" || name == "sha512" {
		return Reference{}, errors.New("a digest alone names no image: write NAME@" + s)
	}
	if err := checkName(name); err != nil {
		return Reference{}, err
	}
	return Reference{Name: name, Tag: tag, Digest: digest}, nil
}

// cutTag separates the tag from the name: a colon before the last slash belongs
// to the port of a registry.
func cutTag(s string) (name, tag string, found bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || i < strings.LastIndexByte(s, '/') {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func checkName(name string) error {
	if name == "" {
		return errors.New("the repository is empty")
	}
	if canonical(name) {
		return nil
	}
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return explainName(name, err)
	}
	if !reference.IsNameOnly(named) {
		return fmt.Errorf("repository %q is malformed", name)
	}
	return nil
}

// canonical recognizes most names that are well-formed and have nothing left to be
// filled in: a registry with a dot in it that is not Docker Hub's, a slash, and lower
// case letters and digits, with a single dot, dash or slash between them. Of all others
// it says nothing. The regular expressions that do take longer than all else that is
// done with a name (https://github.com/distribution/reference/blob/v0.6.0/regexp.go).
func canonical(name string) bool {
	registry, _, found := strings.Cut(name, "/")
	if !found || len(name) > reference.RepositoryNameTotalLengthMax || !strings.Contains(registry, ".") || strings.HasSuffix(registry, "docker.io") {
		return false
	}
	apart := true // a separator may not follow
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !letter && (apart || c != '.' && c != '-' && c != '/') {
			return false
		}
		apart = !letter
	}
	return !apart
}

func explainName(name string, err error) error {
	switch {
	case strings.ContainsAny(name, " \t\r\n"):
		return fmt.Errorf("repository %q has white space in it", name)
	case strings.ToLower(name) != name:
		return fmt.Errorf("repository %q must be lower case", name)
	case errors.Is(err, reference.ErrNameTooLong):
		return fmt.Errorf("the repository has more than %d characters", reference.RepositoryNameTotalLengthMax)
	}
	return fmt.Errorf("repository %q is malformed", name)
}

// ParseTag checks a tag and returns it: 1 to 128 characters of A-Z a-z 0-9 _ . -
// that do not begin with a dot or a dash. The grammar says so in regular expressions
// (https://github.com/distribution/reference/blob/v0.6.0/regexp.go), which take
// longer than all else that is done with a reference.
func ParseTag(s string) (string, error) {
	const most = 128
	switch {
	case s == "":
		return "", errors.New("the tag is empty")
	case len(s) > most, s[0] == '.', s[0] == '-', !consistsOf(s, isTagCharacter):
		return "", fmt.Errorf("tag %q is malformed: a tag has at most 128 characters of A-Z a-z 0-9 _ . - and begins with a letter, a digit or _", abbreviate(s))
	}
	return s, nil
}

func isTagCharacter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-'
}

func isHexDigit(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

func consistsOf(s string, is func(c byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

// ParseDigest checks a digest, algorithm:hex, and returns it. The algorithms are
// sha256, sha384 and sha512, and the digits must be as many as the algorithm has.
func ParseDigest(s string) (string, error) {
	if s == "" {
		return "", errors.New("the digest is empty")
	}
	algorithm, digits, _ := strings.Cut(s, ":")
	if len(digits) != digitsOf(algorithm) || !consistsOf(digits, isHexDigit) {
		return "", fmt.Errorf("digest %q is malformed: want sha256: and 64 digits 0-9a-f", abbreviate(s))
	}
	return s, nil
}

// digitsOf returns how many digits a digest has, -1 for an unknown algorithm.
func digitsOf(algorithm string) int {
	switch algorithm {
	case "sha256":
		return 256 / 4
	case "sha384":
		return 384 / 4
	case "sha512":
		return 512 / 4
	}
	return -1
}

// abbreviate keeps a text that is wrong from filling the screen.
func abbreviate(s string) string {
	const most = 140
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// String returns the reference as it is written in a manifest.
func (r Reference) String() string {
	s := r.Name
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest
	}
	return s
}

// Repository returns registry and repository with the defaults of Docker Hub
// filled in and the registry in lower case, as host names are compared:
// "nginx" gives "docker.io/library/nginx". A name that is outside the grammar
// (a placeholder in a kustomization) is returned as it is.
func (r Reference) Repository() string {
	if len(r.Name) > maxLength || canonical(r.Name) {
		return r.Name
	}
	named, err := reference.ParseNormalizedNamed(r.Name)
	if err != nil {
		return r.Name
	}
	domain, path := reference.Domain(named), reference.Path(named)
	host := strings.ToLower(domain)
	if host == domain || !strings.ContainsAny(host, ".:") && host != "localhost" {
		return named.Name()
	}
	// The rules of Docker Hub compare the host exactly, so they are asked again.
	return Reference{Name: host + "/" + path}.Repository()
}

// Version returns what a manifest says about the version: "1.2",
// "1.2@sha256:…", "sha256:…", or "" when it says nothing.
func (r Reference) Version() string {
	if r.Tag != "" && r.Digest != "" {
		return r.Tag + "@" + r.Digest
	}
	return r.Tag + r.Digest
}

// Same reports whether both references name the same repository in the same
// registry, whatever their versions.
func (r Reference) Same(o Reference) bool {
	return r.Name == o.Name || lastPart(r.Name) == lastPart(o.Name) && r.Repository() == o.Repository()
}

// lastPart returns the last part of a name, which the defaults of Docker Hub leave as
// it is. Most images are told apart by it, in no time.
func lastPart(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	if end := strings.IndexAny(name, ":@"); end >= 0 {
		return name[:end]
	}
	return name
}
