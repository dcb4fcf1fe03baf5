package image

import (
	"errors"
	"fmt"
	"strings"
)

// Setting is what a user asks for: an image and the version that it should have.
// It is written [NAME=][REGISTRY/]REPOSITORY[:TAG][@DIGEST].
type Setting struct {
	// Match is the name to look for. It is New.Name unless NAME= was given; then
	// the image that is found is renamed, as "kustomize edit set image" does.
	Match string
	// New is the reference to set. It has a tag, a digest or both.
	New Reference
}

// ParseSetting reads a setting. A setting without tag and digest is refused:
// there would be nothing to set.
func ParseSetting(s string) (Setting, error) {
	name, text, renames := strings.Cut(s, "=")
	if !renames {
		text = s
	}
	ref, err := Parse(text)
	if err != nil {
		return Setting{}, err
	}
	if ref.Version() == "" {
		return Setting{}, fmt.Errorf("parsing image %q: it has no version: add a tag (%s:TAG) or a digest (%s@sha256:…)", s, ref.Name, ref.Name)
	}
	if !renames {
		return Setting{Match: ref.Name, New: ref}, nil
	}
	if err := checkMatch(name); err != nil {
		return Setting{}, fmt.Errorf("parsing image %q: %w", s, err)
	}
	return Setting{Match: name, New: ref}, nil
}

// String returns the setting as a user writes it.
func (s Setting) String() string {
	if !s.Renames() {
		return s.New.String()
	}
	return s.Match + "=" + s.New.String()
}

// Renames reports whether the setting gives the image another name.
func (s Setting) Renames() bool { return s.Match != s.New.Name }

// checkMatch accepts what kustomizations hold as a name: a repository, or a
// placeholder that no registry could have ("API_IMAGE").
func checkMatch(name string) error {
	if name == "" {
		return errors.New("the name before = is empty")
	}
	if len(name) > maxLength {
		return errors.New("the name before = is too long")
	}
	if checkName(name) == nil {
		return nil
	}
	if ref, err := Parse(name); err == nil {
		return fmt.Errorf("the name before = has a version: write %s=", ref.Name)
	}
	for _, c := range name {
		if !placeholderRune(c) {
			return fmt.Errorf("the name %q before = has %q in it", abbreviate(name), c)
		}
	}
	return nil
}

func placeholderRune(c rune) bool {
	letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	return letter || '0' <= c && c <= '9' || strings.ContainsRune("._-/", c)
}
