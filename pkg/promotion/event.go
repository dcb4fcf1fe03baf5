package promotion

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

// Comment is a comment that somebody wrote. All of it is untrusted.
type Comment struct {
	Repository    string // owner/name
	Number        int    // of the issue or pull request
	OnPullRequest bool
	Created       bool // it is new: not edited, not deleted
	ID            int64
	Author        string // login
	Sender        string // login of who caused the event
	Bot           bool   // either of them is an app
	Body          string
}

// Order is what a comment asks for, by somebody who may ask for it.
type Order struct {
	Nothing     string // why the comment asks for nothing; empty if it does
	Number      int    // the pull request
	Commit      string // its head, which the comment names
	Environment string // where the pull request promotes to

	comment Comment
	answer  bool // the author may write, and so may get an answer
}

// orderLine is the whole first line of a comment that is an order.
var orderLine = regexp.MustCompile(`^/pawl (merge|promote) ([0-9a-f]{12})$`)

// ReadOrder says what a comment asks of the command verb. A comment that is no
// order, or one for another command, asks for nothing. One that is an order and
// cannot be followed is [Blocked]; the order is returned with it, for
// [Source.Answer].
//
// What counts is the first line, all of it: not a quote, not a block of code, not
// the middle of a sentence. The author must be able to push to the repository now,
// which the service says; what the event says about the author is not asked. The
// commit must be the head of the pull request now.
func (s Source) ReadOrder(ctx context.Context, verb string, c Comment) (Order, error) {
	order := Order{Number: c.Number, comment: c}
	line, _, _ := strings.Cut(c.Body, "\n")
	line = strings.TrimSuffix(line, "\r")
	match := orderLine.FindStringSubmatch(line)
	switch {
	case !c.OnPullRequest:
		order.Nothing = "the comment is not on a pull request"
	case !c.Created:
		order.Nothing = "the comment is not a new one"
	case line != "/pawl" && !strings.HasPrefix(line, "/pawl "):
		order.Nothing = "the comment is no order"
	case match != nil && match[1] != verb:
		order.Nothing = "the comment is an order for pawl " + match[1]
	}
	if order.Nothing != "" {
		return order, nil
	}
	if err := s.authorize(ctx, &order); err != nil {
		return order, err
	}
	if match == nil {
		return order, order.refuse(verb, "its first line is not an order", "write as the first line, and nothing else in it: /pawl merge SHA, or: /pawl promote SHA, with the first 12 digits of the head")
	}
	return order, s.identify(ctx, &order, verb, match[2])
}

// authorize asks the service what the author may do now.
func (s Source) authorize(ctx context.Context, order *Order) error {
	c := order.comment
	if c.Bot || c.Author == "" || !strings.EqualFold(c.Author, c.Sender) {
		return order.refuse("an order", "its author is not a person, or somebody else sent it", "")
	}
	role := s.permission(ctx, c.Author)
	if role.Err != nil {
		return fmt.Errorf("following the comment %d on #%d: %w", c.ID, c.Number, role.Err)
	}
	if !role.Value.CanWrite() {
		return order.refuse("an order", fmt.Sprintf("%s may not write to this repository", c.Author), "somebody with write access has to give the order")
	}
	order.answer = true
	return nil
}

// identify finds the pull request, and checks that the comment speaks of its
// present head and that it is a promotion.
func (s Source) identify(ctx context.Context, order *Order, verb, short string) error {
	pr, err := s.Forge.PullRequest(ctx, order.comment.Number)
	if err != nil {
		return err
	}
	cfg, err := s.environments(ctx)
	if err != nil {
		return err
	}
	to, ok := cfg.ByBranch(pr.Base)
	switch {
	case !strings.EqualFold(order.comment.Repository, pr.BaseRepo):
		order.answer = false
		return &UsageError{Problem: fmt.Sprintf("the comment is in %s, and pawl works on %s", output.Clean(order.comment.Repository), pr.BaseRepo),
			Fix: "run it in the config repository, without --repo and PAWL_REPO"}
	case gate.Short(pr.HeadSHA) != short:
		return order.refuse(verb, fmt.Sprintf("it names %s, and the head of #%d is %s", short, pr.Number, gate.Short(pr.HeadSHA)),
			"look at what changed, then name the present head")
	case !ok || pr.HeadRepo != pr.BaseRepo || pr.Head != HeadBranch(to, pr.HeadSHA):
		return order.refuse(verb, fmt.Sprintf("#%d is no promotion", pr.Number), "open one with: pawl promote")
	}
	order.Commit, order.Environment = pr.HeadSHA, to.Name
	return nil
}

func (o *Order) refuse(verb, reason, fix string) error {
	return &Blocked{What: fmt.Sprintf("following the comment %d on #%d (%s)", o.comment.ID, o.Number, verb), State: gate.Fail, Reason: reason, Fix: fix}
}

// maxAnswer bounds an answer, in characters.
const maxAnswer = 2000

// Answer tells the author of an order on the pull request why it was not carried
// out, once for each order. Only somebody who may write gets an answer: anybody
// else could make pawl comment as often as they like. What is broken, and not
// refused, is told in the job's log only.
func (s Source) Answer(ctx context.Context, order Order, verb string, why error) error {
	var blocked *Blocked
	var usage *UsageError
	text, fix := "", ""
	switch {
	case !order.answer:
		return nil
	case errors.As(why, &blocked) && blocked.State != gate.Unknown:
		text, fix = blocked.Reason, blocked.Fix
	case errors.As(why, &usage):
		text, fix = usage.Problem, usage.Fix
	default:
		return nil
	}
	body := fmt.Sprintf("pawl did not %s: %s", verb, output.Escape(cut(text, maxAnswer)))
	if fix != "" {
		body += "\n\nWhat to do: " + output.Escape(cut(fix, maxAnswer))
	}
	return s.Forge.Comment(ctx, order.Number, fmt.Sprintf("order-%d", order.comment.ID), body)
}
