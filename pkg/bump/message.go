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
		message.Trailers = append(message.Trailers, git.Trailer{Key: trailerImage, Value: update.reference()})
	}
	for _, update := range p.updates() {
		if p.mayLower && update.mayGoDown() {
			message.Trailers = append(message.Trailers, git.Trailer{Key: trailerLowered, Value: update.image + " " + update.from + " " + update.to})
		}
	}
	message.Trailers = append(message.Trailers, extra...)
	return message
}

// update is what happens to one image, over all its references.
type update struct {
	image, from, to string
}

func (u update) reference() string {
	if strings.HasPrefix(u.to, "sha256:") {
		return u.image + "@" + u.to
	}
	return u.image + ":" + u.to
}

// mayGoDown says whether nothing speaks for the version going up.
func (u update) mayGoDown() bool {
	return u.from != "" && image.Compare(tagOf(u.from), tagOf(u.to)) != image.Older
}

// updates lists the images of the plan, each once for each pair of versions.
func (p *Plan) updates() []update {
	var list []update
	seen := map[update]bool{}
	for _, change := range p.Changes {
		u := update{change.Image, change.From, change.To}
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
		full := fmt.Sprintf("Bump %s to %s", u.image, u.to)
		if u.from != "" {
			full = fmt.Sprintf("Bump %s from %s to %s", u.image, u.from, u.to)
		}
		if len(full) <= maxSubject {
			return full
		}
		return fmt.Sprintf("Bump %s", u.image)
	}
	names := map[string]bool{}
	for _, u := range updates {
		names[u.image] = true
	}
	if len(names) == 1 {
		return fmt.Sprintf("Bump %s to %s", updates[0].image, updates[0].to)
	}
	return fmt.Sprintf("Bump %d images", len(names))
}

func (p *Plan) details() string {
	var lines []string
	for _, change := range p.Changes {
		from := change.From
		if from == "" {
			from = "(none)"
		}
		lines = append(lines, fmt.Sprintf("- %s %s -> %s (%s:%d)", change.Image, from, change.To, change.File, change.Line))
	}
	return strings.Join(lines, "\n")
}
