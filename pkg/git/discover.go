package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

const infoRefs = "/info/refs"

// advertisement is what a server shows before anything is asked of it.
type advertisement struct {
	base    *url.URL // where the repository is: a server may redirect within its origin
	refs    map[string]string
	can     *capability.List
	assumed bool     // the server was not asked: it is taken to be able to do what Git can
	session *session // over SSH, waits for a request; guarded by the remote's mutex
}

// discover asks for the refs (all, or only the one that is named) and the
// capabilities of a service.
func (r *Remote) discover(ctx context.Context, service, only string) (*advertisement, error) {
	found, err := r.look(ctx, service, only)
	if err == nil {
		r.hangUp(found)
	}
	return found, err
}

// look is discover for what a request to the same service follows: hangUp comes
// after it.
func (r *Remote) look(ctx context.Context, service, only string) (*advertisement, error) {
	var found *advertisement
	err := r.retry(ctx, func() (err error) {
		found, err = r.discoverOnce(ctx, service, only)
		return err
	})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case service == uploadPack:
		r.upload = found
	case r.upload == nil && r.shell == nil:
		r.upload = found.assume()
	}
	return found, nil
}

// assume is what reading is tried with after the server was asked about writing.
// A capability that it has not makes it refuse, and then it is asked. Any server
// can be asked anything: it keeps nothing between two requests.
func (a *advertisement) assume() *advertisement {
	can := capability.NewList()
	for _, each := range append(downloading(), capability.Shallow, capability.Filter, capability.ThinPack) {
		_ = can.Set(each) // none of these takes a value
	}
	if agent := a.can.Get(capability.Agent); len(agent) > 0 {
		_ = can.Set(capability.Agent, agent[0])
	}
	return &advertisement{base: a.base, can: can, assumed: true}
}

// reading calls do with what is known of the server, and once more, after asking
// the server, when it refused what was only assumed.
func (r *Remote) reading(ctx context.Context, do func(server *advertisement) error) error {
	r.mu.Lock()
	server := r.upload
	r.mu.Unlock()
	var err error
	if server != nil {
		var said *saidError
		if err = do(server); !server.assumed || !errors.As(err, &said) || notOurs(err) != nil {
			return err
		}
		r.trace("asking the server what it can do: %v", err)
	}
	if server, err = r.look(ctx, uploadPack, "HEAD"); err != nil {
		return err
	}
	defer r.hangUp(server)
	return do(server)
}

func (r *Remote) discoverOnce(ctx context.Context, service, only string) (*advertisement, error) {
	if r.shell != nil {
		return r.lookShell(ctx, service, only)
	}
	base := r.base
	response, err := r.advertised(ctx, base, service)
	if err != nil {
		return nil, err
	}
	if redirected(response) {
		if base, err = r.redirect(base, response); err != nil {
			return nil, err
		}
		if response, err = r.advertised(ctx, base, service); err != nil {
			return nil, err
		}
	}
	if err := r.statusError(response); err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if err := r.expectKind(response, "application/x-"+service+"-advertisement"); err != nil {
		return nil, err
	}
	lines := pktline.NewScanner(bufio.NewReader(response.Body))
	if err := skipService(lines, service); err != nil {
		return nil, r.advertisementError(ctx, response.Body, err)
	}
	found, err := readAdvertisement(lines, only, r.limits.Objects)
	if err != nil {
		return nil, r.advertisementError(ctx, response.Body, err)
	}
	found.base = base
	return found, nil
}

func (r *Remote) advertised(ctx context.Context, base *url.URL, service string) (*http.Response, error) {
	target := base.JoinPath(infoRefs)
	target.RawQuery = "service=" + service
	return r.send(ctx, http.MethodGet, target, service, nil)
}

// advertisementError is the error for an advertisement that could not be read.
func (r *Remote) advertisementError(ctx context.Context, body io.Reader, err error) error {
	var line *pktline.ErrorLine
	var format *formatError
	switch {
	case errors.As(err, &line):
		return fmt.Errorf("the server said: %s", r.clean(line.Text))
	case errors.As(err, &format):
		return fmt.Errorf("the repository's object format is %q: only sha1 is supported", r.clean(format.name))
	case errors.Is(err, errTooLarge):
		return err
	}
	return r.readError(ctx, body, err)
}

// skipService reads past the lines that only HTTP has.
// https://git-scm.com/docs/gitprotocol-http#_smart_clients
func skipService(lines *pktline.Scanner, service string) error {
	if !lines.Scan() {
		return endOf(lines)
	}
	if got := strings.TrimSuffix(string(lines.Bytes()), "\n"); got != "# service="+service {
		return fmt.Errorf("it begins with %q", got)
	}
	if !lines.Scan() {
		return endOf(lines)
	}
	if len(lines.Bytes()) > 0 {
		return fmt.Errorf("unexpected line %q", lines.Bytes())
	}
	return nil
}

func endOf(lines *pktline.Scanner) error {
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

// formatError is a repository with other object ids.
type formatError struct{ name string }

func (e *formatError) Error() string { return "the object format is " + e.name }

// readAdvertisement reads refs and capabilities, and keeps of the refs only the
// one that is named, if one is. https://git-scm.com/docs/gitprotocol-pack#_reference_discovery
func readAdvertisement(lines *pktline.Scanner, only string, limit int) (*advertisement, error) {
	found := &advertisement{refs: map[string]string{}, can: capability.NewList()}
	first := true
	for n := 0; lines.Scan(); n++ {
		line := bytes.TrimSuffix(lines.Bytes(), []byte("\n"))
		switch {
		case len(line) == 0:
			return found, nil
		case n > limit:
			return nil, fmt.Errorf("%w: too many refs", errTooLarge)
		case first && string(line) == "version 1", !first && bytes.HasPrefix(line, []byte("shallow ")):
			continue
		}
		if first {
			ref, capabilities, _ := bytes.Cut(line, []byte{0})
			if err := found.can.Decode(capabilities); err != nil {
				return nil, err
			}
			if format := found.can.Get("object-format"); len(format) > 0 && format[0] != "sha1" {
				return nil, &formatError{format[0]}
			}
			line, first = ref, false
		}
		id, name, ok := bytes.Cut(line, []byte(" "))
		switch {
		case !ok || len(id) != 40 || len(bytes.Trim(id, "0123456789abcdef")) > 0 || len(name) == 0:
			return nil, fmt.Errorf("unexpected line %q", line)
		case bytes.HasSuffix(name, []byte("^{}")), string(name) == ".have": // a tag's target, no ref at all
		case only == "" || only == string(name):
			found.refs[string(name)] = string(id)
		}
	}
	return nil, endOf(lines)
}

func redirected(response *http.Response) bool {
	switch response.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// redirect follows one redirect of the first request, as Git does, but only
// within the origin: a renamed repository, not another server.
// https://git-scm.com/docs/git-config#Documentation/git-config.txt-httpfollowRedirects
func (r *Remote) redirect(from *url.URL, response *http.Response) (*url.URL, error) {
	response.Body.Close()
	location, err := url.Parse(response.Header.Get("Location"))
	if err != nil {
		return nil, errors.New("the server redirects to an address that cannot be read")
	}
	target := from.JoinPath(infoRefs).ResolveReference(location)
	if !sameOrigin(from, target) || target.User != nil {
		return nil, fmt.Errorf("the server redirects to %q: no credential is sent there; if it is right, use that address",
			r.clean(target.Scheme+"://"+target.Host))
	}
	path, ok := strings.CutSuffix(target.Path, infoRefs)
	if !ok {
		return nil, fmt.Errorf("the server redirects to %q, which is not a repository: is a login needed?", r.clean(target.Path))
	}
	r.trace("the repository is now at %s", path)
	return &url.URL{Scheme: from.Scheme, Host: from.Host, Path: path}, nil
}
