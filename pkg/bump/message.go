package bump

import (
	"fmt"
	"strings"

	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
)

// Message is the commit message of a plan: which image, from which version to
// which, and where. The trailers are for programs.
func (p *Plan) Message(extra []git.Trailer) git.Message {
	message := git.Message{Subject: p.subject(), Body: p.details()}
	for _, update := range p.updates() {
		message.Trailers = append(message.Trailers, update.trailer())
	}
	for _, update := range p.updates() {
		if p.mayLower && !update.field && update.mayGoDown() {
			message.Trailers = append(message.Trailers, git.Trailer{Key: trailerLowered, Value: update.name + " " + update.from + " " + update.to})
		}
	}
	message.Trailers = append(message.Trailers, extra...)
	return message
}

// update is what happens to one image, over all its references, or to a field.
type update struct {
	name, from, to string
	field          bool // which was named by itself, and is no image that pawl knows of
}

func (u update) trailer() git.Trailer {
	switch {
	case u.field:
		return git.Trailer{Key: trailerField, Value: u.name + "=" + u.to}
	case strings.HasPrefix(u.to, "sha256:"):
		return git.Trailer{Key: trailerImage, Value: u.name + "@" + u.to}
	}
	return git.Trailer{Key: trailerImage, Value: u.name + ":" + u.to}
}

// mayGoDown says whether nothing speaks for the version going up.
func (u update) mayGoDown() bool {
	return u.from != "" && image.Compare(tagOf(u.from), tagOf(u.to)) != image.Older
}

// updates lists the images and fields of the plan, each once for each pair of versions.
func (p *Plan) updates() []update {
	var list []update
	seen := map[update]bool{}
	for _, change := range p.Changes {
		u := update{change.name(), change.From, change.To, change.Image == ""}
		if !seen[u] {
			seen[u] = true
			list = append(list, u)
		}
	}
	return list
}

// maxSubject keeps the subject within what `git log --oneline` and web pages
// show whole.
const maxSubject = 72

func (p *Plan) subject() string {
	updates := p.updates()
	if len(updates) == 1 {
		u := updates[0]
		full := fmt.Sprintf("Bump %s to %s", u.name, u.to)
		if u.from != "" {
			full = fmt.Sprintf("Bump %s from %s to %s", u.name, u.from, u.to)
		}
		if len(full) <= maxSubject {
			return full
		}
		return fmt.Sprintf("Bump %s", u.name)
	}
	names, what := map[string]bool{}, "images"
	for _, u := range updates {
		names[u.name] = true
		if u.field {
			what = "versions"
		}
	}
	if len(names) == 1 {
		return fmt.Sprintf("Bump %s to %s", updates[0].name, updates[0].to)
	}
	return fmt.Sprintf("Bump %d %s", len(names), what)
}

func (p *Plan) details() string {
	var lines []string
	for _, change := range p.Changes {
		from := change.From
		if from == "" {
			from = "(none)"
		}
		lines = append(lines, fmt.Sprintf("- %s %s -> %s (%s:%d)", change.label(), from, change.To, change.File, change.Line))
	}
	return strings.Join(lines, "\n")
}
