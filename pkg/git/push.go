package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// settleTime is how long a push that was sent may look for its outcome, even when
// the caller's context has ended.
const settleTime = 15 * time.Second

// Push moves a branch from old to sha, a commit that was made in o on top of old.
// An empty old creates the branch, which must not be there. There is no force.
//
// It returns nil when the server reported the update, or when the branch reads as
// sha. Otherwise the branch was read back:
//
//   - [ErrMoved]: it is not at old; the push had no effect.
//   - *[RefusedError]: a rule forbids the push; the branch is still at old.
//   - [ErrTransient]: the answer was lost and the branch still reads as old.
//     The server may be at it yet: before another try, take the branch again.
//   - [ErrUnknownOutcome]: the answer was lost and the branch is elsewhere, or
//     could not be read.
//   - [ErrAccess] and the errors of a read: nothing was sent.
//
// A push is sent once; looking for its outcome goes on for up to 15 seconds after
// the context has ended.
func (r *Remote) Push(ctx context.Context, o *Objects, branch, old, sha string) error {
	move, err := newMove(branch, old, sha)
	if err != nil {
		return err
	}
	fresh, err := o.since(move.old, move.new)
	if err != nil {
		return fmt.Errorf("pushing to %s: %w", branch, err)
	}
	server := r.takePush(move)
	if server == nil {
		if server, err = r.discover(ctx, receivePack, move.ref); err != nil {
			return fmt.Errorf("pushing to %s of %s: %w", branch, r.name, err)
		}
	}
	switch server.refs[move.ref] {
	case sha:
		return nil
	case old:
	default:
		return move.moved(server.refs[move.ref])
	}
	request, err := r.encodePush(server.can, move, o, fresh)
	if err != nil {
		return fmt.Errorf("pushing to %s: %w", branch, err)
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	report := r.sendPush(ctx, server, move, request)
	if report.accepted {
		return nil
	}
	return r.settle(ctx, move, report)
}

// move is what a push asks for.
type move struct {
	ref      string
	old, new plumbing.Hash // a zero old creates the ref
}

func newMove(branch, old, sha string) (m move, err error) {
	if m.ref, err = branchRef(branch); err != nil {
		return m, err
	}
	if m.new, err = parseHash(sha); err != nil {
		return m, err
	}
	if old != "" {
		m.old, err = parseHash(old)
	}
	return m, err
}

func (m move) moved(now string) error {
	switch {
	case now == "":
		return fmt.Errorf("%w: %s was deleted", ErrMoved, m.ref)
	case m.old.IsZero():
		return fmt.Errorf("%w: %s exists already, at %s", ErrMoved, m.ref, now)
	}
	return fmt.Errorf("%w: %s is at %s, not at %s", ErrMoved, m.ref, now, m.old)
}

// since returns the objects that were made for sha on top of old. It is an error
// when sha was not made on old, commit by commit: a push of it could lose commits.
func (o *Objects) since(old, sha plumbing.Hash) ([]plumbing.Hash, error) {
	var list []plumbing.Hash
	seen := map[plumbing.Hash]bool{}
	reached := old.IsZero()
	todo := []plumbing.Hash{sha}
	for len(todo) > 0 {
		id := todo[0]
		todo = todo[1:]
		if id == old {
			reached = true
			continue
		}
		if _, ok := o.madeHere(id); !ok || seen[id] {
			continue
		}
		seen[id] = true
		here, err := o.commit(id)
		if err != nil {
			return nil, err
		}
		todo = append(todo, here.parents...)
		list = append(list, id)
		if list, err = o.fresh(here.tree, list, seen); err != nil {
			return nil, err
		}
	}
	if !reached {
		return nil, fmt.Errorf("commit %s was not made on top of %s", sha, old)
	}
	return list, nil
}

// fresh adds the new objects of a folder to a list.
func (o *Objects) fresh(tree plumbing.Hash, list []plumbing.Hash, seen map[plumbing.Hash]bool) ([]plumbing.Hash, error) {
	if _, ok := o.madeHere(tree); !ok || seen[tree] {
		return list, nil
	}
	seen[tree] = true
	list = append(list, tree)
	entries, err := o.tree(tree)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.isTree() {
			if list, err = o.fresh(e.id, list, seen); err != nil {
				return nil, err
			}
		} else if _, ok := o.madeHere(e.id); ok && !seen[e.id] {
			seen[e.id] = true
			list = append(list, e.id)
		}
	}
	return list, nil
}

// pack encodes objects that were made here. A thin pack refers to what the other
// side has, or gets with it: the objects that the new ones replace.
func (o *Objects) pack(ids []plumbing.Hash, thin bool) ([]byte, error) {
	objects := make([]packed, 0, len(ids))
	for _, id := range ids {
		here, _ := o.madeHere(id)
		each := packed{object: here.object}
		if thin && !here.base.IsZero() {
			if base, err := o.get(here.base, here.kind); err == nil {
				each = each.deltify(here.base, base)
			}
		}
		objects = append(objects, each)
	}
	return writePack(objects)
}

// encodePush writes the request: the one command with its expected old value, and
// the pack.
func (r *Remote) encodePush(server *capability.List, m move, o *Objects, fresh []plumbing.Hash) ([]byte, error) {
	if !server.Supports(capability.ReportStatus) {
		return nil, errors.New("the server does not report what became of a push")
	}
	pack, err := o.pack(fresh, !server.Supports("no-thin"))
	if err != nil {
		return nil, err
	}
	request := packp.NewReferenceUpdateRequest()
	for _, each := range []capability.Capability{capability.ReportStatus, capability.Sideband64k, capability.OFSDelta} {
		if server.Supports(each) {
			if err := request.Capabilities.Set(each); err != nil {
				return nil, err
			}
		}
	}
	if err := setAgent(request.Capabilities, server, r.agent); err != nil {
		return nil, err
	}
	request.Commands = []*packp.Command{{Name: plumbing.ReferenceName(m.ref), Old: m.old, New: m.new}}
	request.Packfile = io.NopCloser(bytes.NewReader(pack))
	var out bytes.Buffer
	err = request.Encode(&out)
	return out.Bytes(), err
}

// report is what became of a push, as far as its answer tells. With neither
// accepted nor refused, it does not tell.
type report struct {
	accepted bool
	refused  bool
	reason   string   // of a refusal, the server's short word
	text     []string // what the server said besides
	err      error    // why the answer does not tell
}

// sendPush sends the request, once, and reads the answer.
func (r *Remote) sendPush(ctx context.Context, server *advertisement, m move, request []byte) report {
	answer, err := r.exchange(ctx, server, receivePack, request)
	if errors.Is(err, errNotGit) {
		err = fmt.Errorf("%w: %w", ErrTransient, err)
	}
	if err != nil {
		return report{err: err}
	}
	defer answer.Close()
	said := &gathered{}
	var body io.Reader = answer
	if server.can.Supports(capability.Sideband64k) {
		bands := &sideband{lines: pktline.NewScanner(body), progress: said}
		defer func() { r.trace("the server said: %s", r.clean(string(said.text))) }()
		body = bands
	}
	status := packp.NewReportStatus()
	if err := status.Decode(body); err != nil {
		return report{text: r.cleanLines(string(said.text)), err: r.readError(ctx, answer, err)}
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(body, maxText)) // texts can follow the report
	_, _ = io.Copy(io.Discard, io.LimitReader(answer, maxText))
	result := readReport(status, m.ref)
	result.reason = r.clean(result.reason)
	result.text = r.cleanLines(string(said.text))
	return result
}

// readReport finds the fate of one ref. Only "ok" for this very ref counts.
// https://git-scm.com/docs/gitprotocol-pack#_report_status
func readReport(status *packp.ReportStatus, ref string) report {
	for _, each := range status.CommandStatuses {
		if each.ReferenceName.String() != ref {
			continue
		}
		if each.Status == "ok" && status.UnpackStatus == "ok" {
			return report{accepted: true}
		}
		if each.Status != "ok" {
			return report{refused: true, reason: each.Status}
		}
	}
	if status.UnpackStatus != "ok" {
		return report{refused: true, reason: "unpacking failed: " + status.UnpackStatus}
	}
	return report{err: fmt.Errorf("%w: its report does not mention %s", ErrTransient, ref)}
}

// settle finds out what became of a push that was not reported as done, by
// reading the branch. The server's words alone decide nothing: they differ from
// server to server, and from language to language.
func (r *Remote) settle(ctx context.Context, m move, report report) error {
	if report.err != nil && errors.Is(report.err, ErrAccess) {
		return fmt.Errorf("pushing to %s: %w", m.ref, report.err)
	}
	reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	server, err := r.discover(reading, receivePack, m.ref)
	if err != nil {
		switch {
		case report.refused && report.contended():
			return fmt.Errorf("%w: %s is being moved by another push (%s); then the branch could not be read: %w", ErrMoved, m.ref, report.reason, err)
		case report.refused:
			return report.refusal(m.ref)
		}
		return fmt.Errorf("pushing to %s: %w: %w; then the branch could not be read: %w", m.ref, ErrUnknownOutcome, report.err, err)
	}
	now := server.refs[m.ref]
	switch {
	case now == m.new.String():
		return nil
	case report.refused && now != m.oldName():
		return m.moved(now)
	case report.refused && report.contended():
		return fmt.Errorf("%w: %s is being moved by another push (%s)", ErrMoved, m.ref, report.reason)
	case report.refused:
		return report.refusal(m.ref)
	case now != m.oldName():
		return fmt.Errorf("pushing to %s: %w: the branch is at %q; the answer was lost: %w", m.ref, ErrUnknownOutcome, now, report.err)
	case ctx.Err() != nil:
		return fmt.Errorf("pushing to %s: %w: %w", m.ref, ErrTransient, report.err)
	}
	return fmt.Errorf("pushing to %s: %w", m.ref, report.err)
}

// oldName is the branch's expected value as Refs shows it: empty for none.
func (m move) oldName() string {
	if m.old.IsZero() {
		return ""
	}
	return m.old.String()
}

func (p report) refusal(ref string) error {
	return &RefusedError{Ref: ref, Reason: p.reason, Text: p.text}
}

// contended says that the refusal is about another push, which the branch's value
// does not show yet: a lock, or a read that is behind. Any other wording counts as
// a rule: to give up on what would pass is safe, to push forever against a rule is
// not. The words are those of refs/files-backend.c, refs.c and
// builtin/receive-pack.c in Git, old and new.
func (p report) contended() bool {
	said := strings.Join(append([]string{p.reason}, p.text...), "\n")
	if strings.Contains(said, "cannot lock ref") {
		return strings.Contains(said, "File exists") || strings.Contains(said, "but expected")
	}
	return slices.ContainsFunc([]string{
		"failed to update ref", "incorrect old value provided", "reference already exists",
	}, func(words string) bool { return strings.Contains(p.reason, words) })
}
