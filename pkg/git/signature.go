package git

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Signature is who did something, and when.
type Signature struct {
	Name, Email string
	When        time.Time // the zone is kept
}

// ParseSignature reads "Name <email>". The time is left zero.
func ParseSignature(text string) (Signature, error) {
	name, rest, ok := strings.Cut(strings.TrimSpace(text), "<")
	email, closed := strings.CutSuffix(rest, ">")
	s := Signature{Name: strings.TrimSpace(name), Email: strings.TrimSpace(email)}
	if !ok || !closed || !plain(text) {
		return Signature{}, fmt.Errorf("%q is not a name and an email address", text)
	}
	if err := s.check(); err != nil {
		return Signature{}, err
	}
	return s, nil
}

func (s Signature) check() error {
	if strings.TrimSpace(s.Name) == "" {
		return errors.New("a commit needs the name of its author")
	}
	for _, part := range []string{s.Name, s.Email} {
		if strings.ContainsAny(part, "<>") || !plain(part) || part != strings.TrimSpace(part) {
			return fmt.Errorf("%q cannot be part of a commit's author", part)
		}
	}
	return nil
}

// line formats the signature as in a commit object.
func (s Signature) line() (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	if s.When.IsZero() || s.When.Unix() < 0 {
		return "", errors.New("a commit needs a time")
	}
	return fmt.Sprintf("%s <%s> %d %s", s.Name, s.Email, s.When.Unix(), s.When.Format("-0700")), nil
}

// plain says that a text is valid UTF-8 on one line, without control characters.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp)
	})
}
