package bump

import (
	"errors"
	"fmt"
	"strings"
)

// leftOut is what was not looked at: links that lead out of the directory, and files
// that are ignored.
type leftOut struct {
	links   []Link
	ignored []string
}

// notes says what was left alone.
func (l leftOut) notes() []string {
	var notes []string
	for _, link := range l.links {
		notes = append(notes, link.String()+", and was left alone")
	}
	if len(l.ignored) > 0 {
		notes = append(notes, "left alone, since Git ignores it: "+l.some()+"; what is named with -f is edited")
	}
	return notes
}

// explain says that what is missing may be in what was left out.
func (l leftOut) explain(err error) error {
	var missing *NotFoundError
	if !errors.As(err, &missing) {
		return err
	}
	reasons, fix := []string{err.Error()}, ""
	if len(l.ignored) > 0 {
		reasons = append(reasons, "Git ignores "+l.some()+", which may have it")
		fix = "what Git ignores is edited when it is named with -f"
	}
	for _, link := range l.links {
		reasons = append(reasons, link.String())
		fix = "such links are not followed: name a directory that holds both with -C, or run pawl where the file is"
	}
	if fix == "" {
		return err
	}
	return &Refusal{Reason: strings.Join(reasons, "\n"), Fix: fix}
}

// some names the first few ignored files.
func (l leftOut) some() string {
	const few = 3
	if more := len(l.ignored) - few; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(l.ignored[:few], ", "), more)
	}
	return strings.Join(l.ignored, ", ")
}
