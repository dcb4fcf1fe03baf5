package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// maxHaves is how many commits the server is told of that are here already.
const maxHaves = 16

// saidError is what the server answered in the protocol instead of a pack. The
// same wish in other words may be granted.
type saidError struct{ text string }

func (e *saidError) Error() string { return "the server said: " + e.text }

// wish is one request to upload-pack.
type wish struct {
	wants   []plumbing.Hash
	haves   []plumbing.Hash
	shallow []plumbing.Hash // commits that are here without their parents
	depth   int             // how many commits from the wants on, 0: all
	filter  packp.Filter    // empty: everything
	// rules say how the pack is read; fetchPack adds what is the same for all.
	rules packRules
}

// received is what upload-pack answered.
type received struct {
	objects map[plumbing.Hash]object
	common  bool // the server has one of the haves
}

// Fetch gets commits, each with all its folders but without history, in one
// request. File contents come with them only from a server that cannot leave
// them out; [Objects.Load] gets those that are needed. Commits that were fetched
// before cost nothing. It returns [ErrNotFound] for a commit that the server does
// not have or does not show.
func (r *Remote) Fetch(ctx context.Context, commits ...string) (*Objects, error) {
	var wants []plumbing.Hash
	for _, commit := range commits {
		id, err := parseHash(commit)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(wants, id) && !r.holds(id) {
			wants = append(wants, id)
		}
	}
	if len(wants) > 0 {
		err := r.reading(ctx, func(server *advertisement) error { return r.fetchTips(ctx, server, wants) })
		if err != nil {
			return nil, fmt.Errorf("fetching from %s: %w", r.name, err)
		}
	}
	return newObjects(r.objects, r), nil
}

func (r *Remote) holds(commit plumbing.Hash) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.tips, commit)
}

// fetchTips asks for as little as it can, and for more when the server cannot do
// that: without the commits that are here, then without a filter.
func (r *Remote) fetchTips(ctx context.Context, server *advertisement, wants []plumbing.Hash) error {
	if !server.can.Supports(capability.Shallow) {
		return errors.New("the server cannot send a commit without its history")
	}
	r.mu.Lock()
	haves := slices.Clone(r.tips[max(0, len(r.tips)-maxHaves):])
	r.mu.Unlock()
	var plans []wish
	filtered := server.can.Supports(capability.Filter) && r.byID(server) // what is left out has to come later
	if len(haves) > 0 {
		plans = append(plans, wish{wants: wants, haves: haves, shallow: haves, depth: 1, filter: filterWhen(filtered)})
	}
	if filtered {
		plans = append(plans, wish{wants: wants, depth: 1, filter: packp.FilterBlobNone()})
	}
	plans = append(plans, wish{wants: wants, depth: 1})
	return r.firstOf(plans, func(plan wish) error { return r.fetchComplete(ctx, server, plan) })
}

// firstOf goes through plans until one is granted.
func (r *Remote) firstOf(plans []wish, fetch func(plan wish) error) (err error) {
	for i, plan := range plans {
		err = fetch(plan)
		var said *saidError
		if err == nil || !errors.As(err, &said) {
			return err
		}
		if missing := notOurs(err); missing != nil {
			return missing
		}
		r.trace("fetch plan %d of %d: %v", i+1, len(plans), err)
	}
	return err
}

// notOurs is nil unless the server said that it has no such object.
func notOurs(err error) error {
	var said *saidError
	if errors.As(err, &said) && strings.Contains(said.text, "not our ref") {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return nil
}

func filterWhen(yes bool) packp.Filter {
	if yes {
		return packp.FilterBlobNone()
	}
	return ""
}

// fetchComplete fetches commits and checks that they came with all their folders.
func (r *Remote) fetchComplete(ctx context.Context, server *advertisement, plan wish) error {
	if _, err := r.fetchPack(ctx, server, plan); err != nil {
		return err
	}
	complete := newObjects(r.objects, r)
	for _, want := range plan.wants {
		if _, err := complete.Files(want.String(), func(string) bool { return false }); err != nil {
			var missing *MissingError
			if errors.As(err, &missing) {
				return &saidError{"a pack in which " + missing.Object + " is missing"}
			}
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tips = append(r.tips, plan.wants...)
	return nil
}

// load gets file contents by their ids, all in one request.
func (r *Remote) load(ctx context.Context, ids []plumbing.Hash) error {
	wants := r.objects.missing(ids)
	if len(wants) == 0 {
		return nil
	}
	err := r.reading(ctx, func(server *advertisement) error {
		_, err := r.fetchPack(ctx, server, wish{wants: wants})
		return err
	})
	if err != nil {
		return err
	}
	if left := r.objects.missing(wants); len(left) > 0 {
		return &MissingError{Object: left[0].String()}
	}
	return nil
}

// fetchPack sends a wish, reads the pack that answers it, and keeps its objects.
func (r *Remote) fetchPack(ctx context.Context, server *advertisement, plan wish) (got received, err error) {
	body, err := plan.encode(server.can, r.agent)
	if err != nil {
		return got, fmt.Errorf("encoding the request: %w", err)
	}
	err = r.retry(ctx, func() error {
		answer, err := r.exchange(ctx, server, uploadPack, body)
		if err != nil {
			return err
		}
		defer answer.Close()
		got, err = r.readAnswer(answer, plan)
		var said *saidError
		if err == nil || errors.As(err, &said) || errors.Is(err, errTooLarge) || errors.Is(err, errTooMany) {
			return err
		}
		return r.readError(ctx, answer, err)
	})
	r.objects.add(got.objects)
	return got, err
}

// readAnswer reads what upload-pack says before the pack, and the pack.
// https://git-scm.com/docs/pack-protocol#_packfile_negotiation
func (r *Remote) readAnswer(body io.Reader, plan wish) (got received, err error) {
	lines := pktline.NewScanner(body)
	if plan.depth > 0 {
		if err := skipShallow(lines); err != nil {
			return got, r.said(err)
		}
	}
	for lines.Scan() {
		line := lines.Bytes()
		if bytes.HasPrefix(line, []byte("ACK ")) {
			got.common = true
			continue
		}
		if bytes.HasPrefix(line, []byte("NAK")) {
			continue
		}
		bands := &sideband{lines: lines, pending: bytes.Clone(line)}
		rules := plan.rules
		rules.limits, rules.lookup = r.limits, r.objects.lookup
		got.objects, err = readPack(bands, rules)
		if bands.fatal != "" {
			err = &saidError{r.clean(bands.fatal)}
		}
		return got, err
	}
	if err := lines.Err(); err != nil {
		return got, r.said(err)
	}
	return got, &saidError{"nothing"} // what a server does that died of the wish
}

// skipShallow reads past the lines that say where history was cut off.
func skipShallow(lines *pktline.Scanner) error {
	for lines.Scan() {
		switch line := lines.Bytes(); {
		case len(line) == 0:
			return nil
		case bytes.HasPrefix(line, []byte("shallow ")), bytes.HasPrefix(line, []byte("unshallow ")):
		default:
			return fmt.Errorf("unexpected line %q", line)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return &saidError{"nothing"}
}

// said turns a protocol error line into the server's words.
func (r *Remote) said(err error) error {
	var line *pktline.ErrorLine
	if errors.As(err, &line) {
		return &saidError{r.clean(line.Text)}
	}
	return err
}

// downloading are the capabilities that each request names. Azure DevOps answers
// nobody who does not name multi_ack_detailed.
func downloading() []capability.Capability {
	return []capability.Capability{capability.Sideband64k, capability.OFSDelta, capability.NoProgress, capability.MultiACKDetailed}
}

// encode writes the request. Of the capabilities it names those that it needs and
// the server has.
func (w wish) encode(server *capability.List, agent string) ([]byte, error) {
	if !server.Supports(capability.Sideband64k) {
		return nil, errors.New("the server is too old: it lacks side-band-64k")
	}
	request := packp.NewUploadPackRequest()
	wanted := downloading()
	if w.depth > 0 {
		request.Depth = packp.DepthCommits(w.depth)
		wanted = append(wanted, capability.Shallow)
	}
	if w.filter != "" {
		request.Filter = w.filter
		wanted = append(wanted, capability.Filter)
	}
	if len(w.haves) > 0 {
		request.Haves = slices.Clone(w.haves)
		wanted = append(wanted, capability.ThinPack)
		// Without these lines the server would take the parents, and what was in
		// them, to be here too.
		request.Shallows = slices.Clone(w.shallow)
	}
	for _, each := range wanted {
		if server.Supports(each) {
			if err := request.Capabilities.Set(each); err != nil {
				return nil, err
			}
		}
	}
	if err := setAgent(request.Capabilities, server, agent); err != nil {
		return nil, err
	}
	request.Wants = slices.Clone(w.wants)
	var out bytes.Buffer
	if err := request.UploadRequest.Encode(&out); err != nil {
		return nil, err
	}
	if err := request.UploadHaves.Encode(&out, false); err != nil {
		return nil, err
	}
	err := pktline.NewEncoder(&out).EncodeString("done\n")
	return out.Bytes(), err
}

func setAgent(list, server *capability.List, agent string) error {
	if !server.Supports(capability.Agent) {
		return nil
	}
	return list.Set(capability.Agent, strings.ReplaceAll(agent, " ", "-"))
}
